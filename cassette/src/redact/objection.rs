//! Why a request or response cannot be recorded or matched.
//!
//! Must not know: how a failure is reported.

use std::fmt;
use std::io;

use crate::error::Error;
use crate::redact::rules::label::Label;

/// Why redaction rejects an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// A request sends a placeholder that `redact_before_read` put into an earlier response.
    Returned { placeholder: String, rule: Label },
    /// `redact_before_read` cannot decode the content encoding of a response.
    Encoding(String),
    /// A hook of the project failed.
    Hook { name: String, with: &'static str, why: String },
}

impl Objection {
    /// The objection inside an error that a writer of a body returned, if there is one.
    pub(crate) fn of(error: &io::Error) -> Option<&Objection> {
        error.get_ref()?.downcast_ref()
    }

    /// The error that reports this objection. `method` and `uri` belong to the request, even if the objection concerns
    /// the response.
    pub(crate) fn about(&self, method: &http::Method, uri: &str) -> Error {
        let message = format!("{method} {uri}: {self}");
        match self {
            Objection::Returned { rule, .. } => {
                let what = rule.what();
                let instead = if what.starts_with('/') { "redact_pointer" } else { "redact_field" };
                Error::new(message).hint(format!(
                    "if the server needs the value, use `{instead}(\"{what}\")` instead of \
                    `redact_before_read(\"{what}\")`: it redacts the value in the cassette only"
                ))
            }
            Objection::Encoding(_) => {
                Error::new(message).hint("let the client ask for `accept-encoding: gzip`")
            }
            Objection::Hook { name, with, .. } => Error::new(message)
                .hint(format!("correct `{with}(\"{name}\", …)` in the `Config` of this test")),
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Objection::Returned { placeholder, rule } => {
                write!(
                    f,
                    "the request sends `{placeholder}`: the rule `{rule}` replaced the value in a response before the \
                     test read it"
                )
            }
            Objection::Encoding(encoding) => write!(
                f,
                "`redact_before_read` cannot redact the response: this build does not decode its content-encoding \
                 `{encoding}`"
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
