//! The cassette as files: the document that a human reviews, body files, and the journal of a recording.
//!
//! Recording: [`Journal`] takes interactions and bodies as they come; [`Prepared`] is the finished cassette before it
//! replaces the old one. Replaying: [`Cassette`] reads. [`Files`] knows the paths.
//!
//! Must not know: the network, the clock, how requests are matched, which values are secret.

mod body_reader;
mod body_sink;
mod document;
mod files;
mod install;
mod journal;
mod layout;
mod list;
mod locate;
mod lock;
mod metadata;
mod name;
mod outline;
mod parse;
mod part;
mod position;
mod types;
mod window;
mod write;

#[cfg(test)]
mod tests;

pub use body_reader::BodyReader;
pub use body_sink::BodySink;
pub use document::{Cassette, FORMAT_VERSION, Limits};
pub use files::Files;
pub use install::{Installed, Prepared, recover};
pub use journal::{Journal, JournalOptions};
pub use list::{Listed, list};
pub(crate) use locate::Located;
pub(crate) use lock::Lock;
pub use metadata::{Metadata, RecordedBy};
pub use name::Name;
pub(crate) use part::{Part, json_string};
pub use types::{Body, BodyFile, Content, Interaction, Outcome, Policy, Request, Response};

pub use crate::transport_error::{TransportError, TransportErrorKind};
