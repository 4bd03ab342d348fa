//! What a hit is: what it is counted as, what its placeholder is called.

use crate::placeholder;
use crate::redact::rules::catalogue::DefaultRule;
use crate::redact::rules::label::Label;

/// A rule in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// For `_metadata.redaction`: `CAS0031 field access_token`, or `field customer_pin` of the project's own.
    pub(crate) label: Label,
    /// In placeholders: `[access_token:1]`. Safe in URLs, JSON and XML.
    pub(crate) name: String,
    /// Only a value that looks like a token goes.
    pub(crate) only_tokens: bool,
}

/// Default rules for names that many things have.
const AMBIGUOUS: &[&str] = &["code"];

impl Rule {
    /// One of the project's own.
    pub(crate) fn own(kind: &str, what: &str) -> Rule {
        let name: String = what.chars().filter(|c| placeholder::is_name_char(*c)).take(64).collect();
        Rule {
            label: Label::own(kind, what),
            name: if name.is_empty() { kind.split(' ').next().unwrap_or("value").to_owned() } else { name },
            only_tokens: false,
        }
    }
}

impl From<&DefaultRule> for Rule {
    fn from(rule: &DefaultRule) -> Rule {
        // What is set is sent back.
        let what = if rule.what == "set-cookie" { "cookie" } else { rule.what };
        let only_tokens = AMBIGUOUS.contains(&what);
        Rule { label: Label::from(rule), only_tokens, ..Rule::own("rule", what) }
    }
}
