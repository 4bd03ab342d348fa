//! A rule in force: the label that counts its hits, and the name in its placeholders.
//!
//! Must not know: how a rule is applied.

use crate::placeholder;
use crate::redact::rules::catalogue::DefaultRule;
use crate::redact::rules::label::Label;

/// A rule in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The label in `_metadata.redaction`: `CAS0031 field access_token`, or `field customer_pin` for a rule of the
    /// project.
    pub(crate) label: Label,
    /// The name in placeholders: `access_token` in `[access_token:1]`. It needs no escapes in URLs, JSON and XML.
    pub(crate) name: String,
    /// Whether the rule redacts only values that look like tokens.
    pub(crate) only_tokens: bool,
}

/// Names of default rules that often name harmless values. These rules redact only tokens.
const AMBIGUOUS: &[&str] = &["code"];

impl Rule {
    /// This rule for one header, whose name its placeholders have: `[header.x-acme:1]`.
    pub(crate) fn of_header(&self, header: &str) -> Rule {
        Rule { label: self.label.clone(), name: placeholder::name_of_header(header), only_tokens: false }
    }

    /// Whether this is the default rule with this id.
    pub(crate) fn is_default(&self, id: &str) -> bool {
        self.label.to_string().strip_prefix(id).is_some_and(|rest| rest.starts_with(' '))
    }

    /// Whether this is a rule of the project.
    pub(crate) fn is_own(&self) -> bool {
        !self.label.to_string().starts_with("CAS")
    }

    /// A rule of the project.
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
        // The client sends the cookie back, so `cookie` and `set-cookie` use the same placeholders.
        let what = if rule.what == "set-cookie" { "cookie" } else { rule.what };
        let only_tokens = AMBIGUOUS.contains(&what);
        Rule { label: Label::from(rule), only_tokens, ..Rule::own("rule", what) }
    }
}
