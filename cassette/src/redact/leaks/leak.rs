//! What the last check finds: which secret, in which encoding, where. Never its value.
//!
//! Must not know: how a secret is found.

use std::fmt;

use crate::redact::rules::label::Label;
use crate::redact::values::encodings::EncodingKind;

/// Where a secret was found. Never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// The secret's name, the rule of its pattern (`CAS0501 pattern jwt`), or the placeholder that the value has elsewhere
    /// (`[access_token:1]`).
    pub name: String,
    pub(crate) kind: LeakKind,
    pub(crate) encoding: LeakEncoding,
    /// In bytes from the start of what was read.
    pub offset: u64,
    /// From 1.
    pub line: u64,
    /// In bytes from the start of the line, from 1.
    pub column: u64,
}

/// What leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakKind {
    /// A named secret.
    Secret,
    /// A value that nobody named, and that has a placeholder in another place.
    Found,
    /// A token that falls under a rule by its pattern.
    Token,
}

/// The encoding of what leaked. As a text: `as it is`, `in base64`, `by its pattern`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakEncoding {
    /// That of a value.
    Value(EncodingKind),
    /// A value with line breaks in it, in whatever encoding.
    OverLines,
    /// That of a token, which is known by its pattern.
    Token,
}

impl LeakEncoding {
    pub(crate) fn name(self) -> &'static str {
        match self {
            LeakEncoding::Value(kind) => kind.name(),
            LeakEncoding::OverLines => "split over lines",
            LeakEncoding::Token => "by its pattern",
        }
    }
}

impl Leak {
    /// What it fell under, as in `_metadata.redaction`: `secret.KEY`, `CAS0501 pattern jwt`; `[access_token:1]`.
    pub fn rule(&self) -> String {
        match self.kind {
            LeakKind::Secret => Label::secret(&self.name).to_string(),
            LeakKind::Found | LeakKind::Token => self.name.clone(),
        }
    }

    /// In words: `as it is`, `in base64`, `by its pattern`.
    pub fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// Nobody named the value; it was found in another place, where it has this placeholder.
    pub fn was_found(&self) -> bool {
        self.kind == LeakKind::Found
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            LeakKind::Token => "what falls under",
            LeakKind::Found => "the value of",
            LeakKind::Secret => "the secret",
        };
        write!(f, "{what} {}, {}, at byte {}", self.name, self.encoding(), self.offset)
    }
}
