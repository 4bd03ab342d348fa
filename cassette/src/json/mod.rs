//! Small JSON tools for places where the exact text matters: a body must come back byte for byte (`1.0`, 30-digit
//! numbers, duplicate keys, escapes). A parser that turns the text into values, and a writer that turns the values into
//! text again, cannot promise that.
//!
//! [`lex`] splits a stream into tokens, [`parse`] builds a tree that keeps order and number texts, [`style`]
//! pretty-prints a document and restores the original, [`number`] compares numbers by value.
//!
//! Must not know: files, sockets, cassettes, what is secret.

mod error;
pub(crate) mod lex;
pub(crate) mod number;
mod parse;
pub(crate) mod stack;
pub mod style;

pub(crate) use error::SyntaxError;
pub(crate) use number::{canonical_number, number_eq};
pub(crate) use parse::{MAX_DEPTH, Value, parse, unescape};
