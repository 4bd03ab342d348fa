//! Why a request or an answer can't be recorded, or matched, as it is.

use std::fmt;
use std::io;

use crate::error::Error;
use crate::redact::rules::label::Label;

/// What redaction has against an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// A request sends a placeholder that the code under test was given in the place of a value.
    Returned { placeholder: String, rule: Label },
    /// An answer has something in it that the code under test must not see, and can't be decoded.
    Encoding(String),
    /// A hook of the project failed.
    Hook { name: String, with: &'static str, why: String },
}

impl Objection {
    /// What the writers of a body's way to the tape failed with.
    pub(crate) fn of(error: &io::Error) -> Option<&Objection> {
        error.get_ref()?.downcast_ref()
    }

    /// About this request, or the answer to it.
    pub(crate) fn about(&self, method: &http::Method, uri: &str) -> Error {
        let message = format!("{method} {uri}: {self}");
        match self {
            Objection::Returned { rule, .. } => {
                let what = rule.what();
                let instead = if what.starts_with('/') { "redact_pointer" } else { "redact_field" };
                Error::new(message).hint(format!(
                    "if the server needs the value, use `{instead}(\"{what}\")` instead of \
                     `redact_before_read(\"{what}\")`: it takes the value out of the cassette only"
                ))
            }
            Objection::Encoding(_) => {
                Error::new(message).hint("let the client ask for `accept-encoding: gzip`")
            }
            Objection::Hook { name, with, .. } => Error::new(message)
                .hint(format!("correct `{with}(\"{name}\", …)` in the `Config` that this test uses")),
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Objection::Returned { placeholder, rule } => {
                write!(
                    f,
                    "the request has `{placeholder}` in it, which rule `{rule}` put into an answer before it was read"
                )
            }
            Objection::Encoding(encoding) => write!(
                f,
                "content-encoding `{encoding}` of the answer can't be decoded here, so that nothing can be redacted \
                 before it is read"
            ),
            Objection::Hook { name, why, .. } => write!(f, "the redaction hook `{name}` {why}"),
        }
    }
}

impl std::error::Error for Objection {}

impl From<Objection> for io::Error {
    fn from(objection: Objection) -> io::Error {
        io::Error::other(objection)
    }
}
