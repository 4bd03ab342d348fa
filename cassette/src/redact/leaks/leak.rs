//! A leak: the secret that the check found, its encoding and its place. A leak never holds the value of the secret.
//!
//! Must not know: how the check finds a secret.

use std::fmt;

use crate::redact::rules::label::Label;
use crate::redact::values::encodings::EncodingKind;

/// A secret that the check found: its name and place, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// The secret's name, the rule of its pattern (`CAS0501 pattern jwt`), or the placeholder that the value has
    /// elsewhere (`[access_token:1]`).
    pub name: String,
    pub(crate) kind: LeakKind,
    pub(crate) encoding: LeakEncoding,
    /// The offset in bytes from the start of the text.
    pub offset: u64,
    /// The line, from 1.
    pub line: u64,
    /// The column in bytes, from 1.
    pub column: u64,
}

/// The kind of a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeakKind {
    /// A named secret.
    Secret,
    /// A secret that only another session of the process names.
    SecretOfOther,
    /// A found value: it has a placeholder in another place.
    Found,
    /// A token with a known pattern.
    Token,
}

/// The encoding of a leaked value. Its name is a text such as `as it is`, `in base64`, `by its pattern`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeakEncoding {
    /// The encoding of a named or found value.
    Value(EncodingKind),
    /// A value that is split over lines, in any encoding.
    OverLines,
    /// A token. Tokens are found by their pattern, not by their value.
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
    /// The rule for the secret, as in `_metadata.redaction`: `secret.KEY` or `CAS0501 pattern jwt`. For a found value,
    /// its placeholder: `[access_token:1]`.
    pub fn rule(&self) -> String {
        match self.kind {
            LeakKind::Secret | LeakKind::SecretOfOther => Label::secret(&self.name).to_string(),
            LeakKind::Found | LeakKind::Token => self.name.clone(),
        }
    }

    /// The encoding in words: `as it is`, `in base64`, `by its pattern`.
    pub fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// Whether the leak is a found value: no named secret, but a value that redaction has replaced in another place.
    pub fn was_found(&self) -> bool {
        self.kind == LeakKind::Found
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            LeakKind::Token => "a token of rule",
            LeakKind::Found => "the value of",
            LeakKind::Secret => "the secret",
            LeakKind::SecretOfOther => "the secret of another test",
        };
        write!(f, "{what} {}, {}, at byte {}", self.name, self.encoding(), self.offset)
    }
}
