//! The files of a cassette: the document that people review, the body files, and the journal of a recording.
//!
//! While recording, [`Journal`] takes interactions and bodies as they arrive. `Prepared` is the finished cassette
//! before it replaces the old one. On replay, [`Cassette`] reads a document. [`Files`] has the paths.
//!
//! Must not know: the network, the clock, how requests are matched, which values are secret.

mod body_reader;
pub(crate) mod body_sink;
mod chance;
mod chunks;
mod document;
pub(crate) mod files;
pub(crate) mod install;
pub(crate) mod journal;
mod layout;
pub(crate) mod lfs;
pub(crate) mod list;
mod locate;
mod lock;
mod metadata;
mod name;
mod order;
mod outline;
mod parse;
mod part;
mod position;
mod turns;
mod types;
mod window;
mod write;

#[cfg(test)]
mod tests;

pub use body_reader::BodyReader;
pub(crate) use body_sink::BodySink;
pub use document::Cassette;
pub(crate) use document::Limits;
pub(crate) use files::Files;
pub(crate) use install::Prepared;
pub(crate) use journal::{Journal, JournalOptions};
pub(crate) use locate::Located;
pub(crate) use lock::Lock;
pub use metadata::{LeftOutHeaders, Metadata, RecordedBy};
pub(crate) use name::Name;
pub(crate) use part::{Part, json_string};
pub use turns::Turn;
pub use types::{Body, BodyFile, Content, Interaction, Outcome, Policy, Request, Response};

pub use self::chunks::Chunks;
pub(crate) use self::chunks::LineScan;
pub use crate::transport_error::{ResetCode, TransportError, TransportErrorKind};
