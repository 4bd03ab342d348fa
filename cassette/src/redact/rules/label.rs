//! The labels of rules, as `_metadata.redaction` of a cassette lists them. Only this file writes and parses them.
//!
//! Must not know: what a rule does.

use std::fmt;
use std::sync::Arc;

use crate::redact::rules::catalogue::{DefaultRule, default_rules};

/// The name under which redaction counts a hit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// A named secret: `secret.KEY`.
    Secret(Arc<str>),
    /// A default rule, `CAS0031 field access_token`, or a rule of the project, `field customer_pin`.
    Rule(Arc<str>),
    /// A rule that found values which redaction kept because of their type: `field customer_pin, left: number`.
    Left(Arc<str>, Left),
}

/// The types of values that redaction keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    Object,
    Number,
    Boolean,
    Element,
}

const SECRET: &str = "secret.";
const LEFT: &str = ", left: ";

impl Label {
    pub(crate) fn secret(name: &str) -> Label {
        Label::Secret(name.into())
    }

    /// The label of a rule of the project. The kind is one word.
    pub(crate) fn own(kind: &str, what: &str) -> Label {
        Label::Rule(format!("{kind} {what}").into())
    }

    pub(crate) fn left(&self, left: Left) -> Label {
        match self {
            Label::Rule(rule) | Label::Left(rule, _) => Label::Left(rule.clone(), left),
            Label::Secret(_) => self.clone(),
        }
    }

    /// The label of the rule alone, without `, left: …`.
    pub(crate) fn rule(self) -> Label {
        match self {
            Label::Left(rule, _) => Label::Rule(rule),
            other => other,
        }
    }

    /// The name that a rule of the project looks for: `customer_pin`.
    pub(crate) fn what(&self) -> &str {
        match self {
            Label::Secret(name) => name,
            Label::Rule(rule) | Label::Left(rule, _) => rule.split_once(' ').map_or(rule, |(_, what)| what),
        }
    }

    /// Parses a label from a cassette. Every text is a valid label, because another version may have written it.
    ///
    /// The id alone identifies a default rule. The words after the id may differ between versions: `CAS0501 shape jwt`
    /// was once the label of `CAS0501 pattern jwt`. The result has the words of this version.
    pub(crate) fn parse(text: &str) -> Label {
        if let Some(name) = text.strip_prefix(SECRET) {
            return Label::secret(name);
        }
        let (rule, left) = text.split_once(LEFT).unwrap_or((text, ""));
        let id = rule.split(' ').next();
        let label = match default_rules().iter().find(|known| Some(known.id) == id) {
            Some(known) => Label::from(known),
            None => Label::Rule(rule.into()),
        };
        let left = Left::ALL.into_iter().find(|known| known.name() == left);
        left.map_or_else(|| label.clone(), |left| label.left(left))
    }
}

impl Left {
    const ALL: [Left; 4] = [Left::Object, Left::Number, Left::Boolean, Left::Element];

    fn name(self) -> &'static str {
        match self {
            Left::Object => "object",
            Left::Number => "number",
            Left::Boolean => "boolean",
            Left::Element => "element",
        }
    }
}

impl From<&DefaultRule> for Label {
    fn from(rule: &DefaultRule) -> Label {
        Label::Rule(rule.to_string().into())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Secret(name) => write!(f, "{SECRET}{name}"),
            Label::Rule(rule) => f.write_str(rule),
            Label::Left(rule, left) => write!(f, "{rule}{LEFT}{}", left.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        let pin = Label::own("field", "customer pin");
        let labels =
            [Label::secret("db.#key"), pin.clone(), pin.left(Left::Number), (&default_rules()[0]).into()];
        for label in labels {
            assert_eq!(Label::parse(&label.to_string()), label);
        }
        assert_eq!(pin.left(Left::Object).to_string(), "field customer pin, left: object");
        assert_eq!(pin.what(), "customer pin");
        assert_eq!(pin.left(Left::Object).rule(), pin);
        assert_eq!(Label::parse("field a, left: something new"), Label::own("field", "a"));
    }

    #[test]
    fn the_id_identifies_a_default_rule() {
        let check = |text: &str, expected: &str| assert_eq!(Label::parse(text).to_string(), expected);
        check("CAS0501 shape jwt", "CAS0501 pattern jwt");
        check("CAS0031 member access_token, left: number", "CAS0031 field access_token, left: number");
        check("CAS9999 field a", "CAS9999 field a");
        check("CAS0501x shape jwt", "CAS0501x shape jwt");
    }
}
