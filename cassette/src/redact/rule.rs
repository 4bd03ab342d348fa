//! What a hit is: what it is counted as.

use super::DefaultRule;

/// A rule in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// For `_metadata.redaction`: `CAS0031 field access_token`, or `field customer_pin` of the project's own.
    pub(super) label: String,
}

impl Rule {
    /// One of the project's own.
    pub(super) fn own(kind: &str, what: &str) -> Rule {
        Rule { label: format!("{kind} {what}") }
    }
}

impl From<&DefaultRule> for Rule {
    fn from(rule: &DefaultRule) -> Rule {
        Rule { label: rule.to_string() }
    }
}
