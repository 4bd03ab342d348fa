//! Our own small JSON tools, for the places where the exact text matters: a body must come back byte for
//! byte (`1.0`, 30-digit numbers, duplicate keys, escapes), which no parse into values and back can promise.
//!
//! [`lex`] splits a stream into tokens, [`parse`] makes a tree that keeps order and number texts, [`style`]
//! shows a document pretty-printed and restores the original, [`number`] compares numbers by value.
//!
//! Must not know: files, sockets, cassettes, what is secret.

pub mod lex;
pub mod number;
mod parse;
pub mod style;

pub use lex::SyntaxError;
pub use number::{canonical_number, number_eq};
pub use parse::{MAX_DEPTH, Value, parse, unescape};
