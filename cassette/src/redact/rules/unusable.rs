//! Secrets whose values cannot be redacted: values that are too short or too common to differ from harmless text, or
//! too long. A session reports them when it records, and ignores them on replay.
//!
//! Must not know: where a value is searched for.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::error::Error;
use crate::placeholder;

/// A secret whose value cannot be redacted.
#[derive(Clone, Debug)]
pub(crate) struct UnusableSecret {
    pub(crate) name: String,
    pub(crate) why: Unusable,
    /// The file that contains the value.
    pub(crate) file: Option<PathBuf>,
}

/// The reason why a value cannot be redacted. As a text, the reason continues a sentence that begins with the name of
/// the secret: `is shorter than 6 bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    Empty,
    TooShort,
    TooCommon,
    MostlyWhitespace,
    TooLong,
    NotUtf8,
    /// The value is a part of the placeholder of the secret with this name.
    InPlaceholderOf(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::Empty => "is empty",
            Unusable::TooShort => "is shorter than 6 bytes",
            Unusable::TooCommon => "is too common",
            Unusable::MostlyWhitespace => "is mostly whitespace",
            Unusable::TooLong => "is longer than 64 KiB",
            Unusable::NotUtf8 => "is not UTF-8",
            Unusable::InPlaceholderOf(name) => return write!(f, "is a part of the placeholder of {name}"),
        })
    }
}

impl UnusableSecret {
    pub(crate) fn error(&self) -> Error {
        let UnusableSecret { name, why, file } = self;
        let hint = match (why, file) {
            (Unusable::TooLong, _) => {
                "declare only the secret parts of the value, each as a secret of its own"
            }
            (_, Some(_)) => {
                "use a longer value for the recording; if it is not a secret, move it to another file, or mark the \
                 secrets with `#` in their keys and read them with `secrets_from_config`"
            }
            (_, None) => "use a longer value for the recording, or do not declare it as a secret",
        };
        let error =
            Error::new(format!("the value of the secret {name} {why}: it cannot be redacted")).hint(hint);
        match file {
            Some(file) => error.at(file),
            None => error,
        }
    }
}

/// The length in bytes of the longest value that can be redacted. Redaction keeps every encoding of a value in memory,
/// and holds back a part of a body of the same length while it searches.
const LONGEST_SECRET: usize = 64 * 1024;

/// The reason why a value cannot be redacted. `None` if the value can be redacted.
pub(crate) fn problem(value: &str) -> Option<Unusable> {
    const COMMON: &[&str] = &[
        "000000",
        "123456",
        "1234567",
        "12345678",
        "123456789",
        "1234567890",
        "application",
        "authorization",
        "bearer",
        "boolean",
        "charset",
        "content",
        "default",
        "disabled",
        "enabled",
        "example",
        "integer",
        "localhost",
        "number",
        "object",
        "password",
        "redacted",
        "response",
        "secret",
        "string",
        "token",
        "undefined",
        "unknown",
        "version",
    ];
    let lower = value.to_lowercase();
    let distinct: BTreeSet<u8> = value.bytes().collect();
    if value.is_empty() {
        Some(Unusable::Empty)
    } else if value.len() < 6 {
        Some(Unusable::TooShort)
    } else if COMMON.contains(&lower.as_str()) || distinct.len() < 3 || placeholder::REDACTED.contains(value)
    {
        Some(Unusable::TooCommon)
    } else if value.trim().len() < 6 {
        Some(Unusable::MostlyWhitespace)
    } else if value.trim().len() > LONGEST_SECRET {
        Some(Unusable::TooLong)
    } else {
        None
    }
}
