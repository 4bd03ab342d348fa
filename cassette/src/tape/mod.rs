//! The cassette as files: the document a human reviews, body files, the journal of a recording.
//!
//! Must not know: the network, the clock, how requests are matched.

mod types;

pub use types::{
    Body, BodyFile, Content, Interaction, Outcome, Request, Response, TransportError, TransportErrorKind,
};
