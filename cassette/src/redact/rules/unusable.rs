//! Values that can't be secrets: they can't be told from innocent text, and to replace them would destroy it. Refused
//! where something is recorded, left aside where nothing is.

use crate::placeholder;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::Error;

/// A secret whose value can't be told from innocent text.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) name: String,
    /// `is shorter than 6 bytes`.
    pub(crate) why: String,
    /// Where the value stands.
    pub(crate) file: Option<PathBuf>,
}

impl Refused {
    pub(crate) fn error(&self) -> Error {
        let Refused { name, why, file } = self;
        let hint = if why.contains("longer") {
            "declare the parts of it that are secret, each as a secret of its own"
        } else if file.is_some() {
            "use a longer value for the recording; or, if it is no secret, move it to a file of its own, or \
             mark the secrets by keys with `#` and read them by `secrets_from_config`"
        } else {
            "use a longer value for the recording, or do not declare it as a secret"
        };
        let error =
            Error::new(format!("the value of the secret {name} {why}: it cannot be redacted")).hint(hint);
        match file {
            Some(file) => error.at(file),
            None => error,
        }
    }
}

/// Every form of a value is kept in memory, and so much of a body until it is known not to be one.
const LONGEST_SECRET: usize = 64 * 1024;

/// Why a value can't be told from innocent text.
pub(crate) fn problem(value: &str) -> Option<&'static str> {
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
        Some("is empty")
    } else if value.len() < 6 {
        Some("is shorter than 6 bytes")
    } else if COMMON.contains(&lower.as_str()) || distinct.len() < 3 || placeholder::REDACTED.contains(value)
    {
        Some("is too common")
    } else if value.trim().len() < 6 {
        Some("is mostly whitespace")
    } else if value.trim().len() > LONGEST_SECRET {
        Some("is longer than 64 KiB")
    } else {
        None
    }
}
