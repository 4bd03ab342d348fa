//! The set of rules in force: what to redact, as data, shared by a project; and how the rest of redaction looks rules up.
//!
//! Must not know: how a set is built (`builder`), how a rule is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::Result;
use crate::placeholder;
use crate::redact::rules::catalogue::{DefaultRule, RuleKind, default_rules};
use crate::redact::rules::fields::FieldNames;
use crate::redact::rules::hooks::Hooks;
use crate::redact::rules::label::Label;
use crate::redact::rules::links::LinkRules;
use crate::redact::rules::names;
use crate::redact::rules::pointers::PointerRules;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::secret::Secret;
use crate::redact::rules::unusable::UnusableSecret;
use crate::redact::rules::urls::UrlRule;

/// What is redacted. `Rules::default()` is safe without any further word: headers by a list of harmless ones,
/// the usual credential fields by name. A project adds its secrets, and widens the lists.
///
/// ```
/// use cassette::redact::Rules;
///
/// let rules = Rules::default()
///     .secret("PRICES_KEY", "pk-2f9a77c1")?
///     .allow_header("x-prices-region")
///     .field("customer_pin")
///     .keep_field("token"); // In this API it is a page token.
/// assert!(!format!("{rules:?}").contains("pk-2f9a77c1"));
/// # Ok::<(), cassette::TestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) secrets: Vec<Secret>,
    /// Values that can't be secrets, where those who gave them wait for what is recorded.
    pub(crate) unusable: Vec<UnusableSecret>,
    pub(crate) headers: Headers,
    pub(crate) fields: FieldNames,
    /// Query parameters that would be innocent elsewhere.
    pub(crate) query: FieldNames,
    /// Cookies, where not all of them are redacted.
    pub(crate) cookies: FieldNames,
    /// By their exact names, whatever the rules say.
    pub(crate) kept_cookies: BTreeSet<String>,
    pub(crate) pointers: PointerRules,
    pub(crate) urls: Vec<UrlRule>,
    pub(crate) links: LinkRules,
    /// Those that are in force before an answer is read: nothing else is.
    pub(crate) before_read: Option<Box<Rules>>,
    pub(crate) hooks: Hooks,
    /// Of placeholders, with the label of the rule.
    pub(crate) names: BTreeMap<String, Label>,
    /// Of the project's own rules.
    pub(crate) labels: BTreeSet<Label>,
    /// By id, the default rules in force.
    pub(crate) defaults: BTreeMap<&'static str, Arc<Rule>>,
}

/// Headers, by name in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Headers {
    /// Kept with their values; a `*` at the end stands for any rest.
    pub(crate) kept: BTreeSet<String>,
    /// Kept by name only.
    pub(crate) redacted: BTreeMap<String, Arc<Rule>>,
    pub(crate) dropped: BTreeSet<String>,
    /// What becomes of all others.
    pub(crate) others_kept: bool,
}

impl Default for Rules {
    fn default() -> Self {
        let mut rules = Rules::none();
        rules.headers.others_kept = false;
        rules.headers.kept = names::KEPT_HEADERS.iter().map(|name| (*name).to_owned()).collect();
        for default in default_rules() {
            let rule = Rule::from(default);
            rules.names.insert(rule.name.clone(), rule.label.clone());
            rules.defaults.insert(default.id, Arc::new(rule.clone()));
            match default.kind {
                RuleKind::Header => {
                    _ = rules.headers.redacted.insert(default.what.to_owned(), Arc::new(rule))
                }
                RuleKind::Field => rules.fields.insert(default.what, rule),
                RuleKind::Query => rules.query.insert(default.what, rule),
                RuleKind::Cookie => rules.cookies.insert(default.what, rule),
                // Asked for by their ids.
                RuleKind::Url | RuleKind::Shape => {}
            }
        }
        rules.urls = UrlRule::defaults(|id| rules.defaults.get(id).cloned());
        rules
    }
}

impl Rules {
    /// Where this set of rules lies in memory: the same after a move, another after a copy.
    #[cfg(test)]
    pub(crate) fn address(&self) -> *const u8 {
        self.fields.address()
    }

    /// Nothing is redacted, and every header kept.
    pub(crate) fn none() -> Rules {
        let headers = Headers {
            kept: BTreeSet::new(),
            redacted: BTreeMap::new(),
            dropped: BTreeSet::new(),
            others_kept: true,
        };
        Rules {
            secrets: Vec::new(),
            unusable: Vec::new(),
            headers,
            kept_cookies: BTreeSet::new(),
            fields: FieldNames::new(),
            query: FieldNames::new(),
            cookies: FieldNames::new(),
            pointers: PointerRules::default(),
            urls: Vec::new(),
            links: LinkRules::default(),
            before_read: None,
            hooks: Hooks::default(),
            names: BTreeMap::new(),
            labels: BTreeSet::new(),
            defaults: BTreeMap::new(),
        }
    }

    /// A header that is kept with its value though default rules in force say that it carries credentials; and these.
    pub(crate) fn shown_credential(&self) -> Option<(&str, Vec<&'static DefaultRule>)> {
        self.headers.kept.iter().find_map(|name| {
            let of = |rule: &&DefaultRule| match rule.kind {
                RuleKind::Header => rule.what == name,
                RuleKind::Field => {
                    self.fields.get(name).is_some_and(|field| field.label == Label::from(*rule))
                }
                _ => false,
            };
            let in_force = default_rules().iter().filter(|rule| self.defaults.contains_key(rule.id));
            let rules: Vec<_> = in_force.filter(of).collect();
            (!rules.is_empty()).then_some((name.as_str(), rules))
        })
    }

    /// Whether a field of this name can be kept: a default rule has it, or one of the project's own.
    ///
    /// # Errors
    ///
    /// None has: the error names the nearest.
    pub(crate) fn known_field(&self, name: &str) -> Result<()> {
        if self.fields.get(name).is_some() { Ok(()) } else { DefaultRule::of_field(name) }
    }

    /// Why the value of a secret is left aside.
    pub(crate) fn unusable(&self, name: &str) -> Option<&UnusableSecret> {
        self.unusable.iter().find(|secret| placeholder::is_same_secret(&secret.name, name))
    }

    pub(crate) fn labels_of_own(&self) -> &BTreeSet<Label> {
        &self.labels
    }

    /// Is there a rule that is counted as this?
    pub(crate) fn has(&self, label: &Label) -> bool {
        self.labels.contains(label) || self.defaults.values().any(|rule| rule.label == *label)
    }

    /// The default rule of this id, if it is in force.
    pub(crate) fn default_rule(&self, id: &str) -> Option<&Arc<Rule>> {
        self.defaults.get(id)
    }

    /// Is there a rule whose placeholders have this name?
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The label of a rule whose placeholders have this name.
    pub(crate) fn label_of(&self, name: &str) -> Option<&Label> {
        self.names.get(name)
    }

    /// The rule for a field of this name.
    pub(crate) fn field_rule(&self, name: &str) -> Option<Arc<Rule>> {
        self.fields.get(name)
    }

    /// The same in a form, where a field may lie within another: `user[password]`.
    pub(crate) fn form_rule(&self, name: &str) -> Option<Arc<Rule>> {
        self.field_rule(name).or_else(|| self.field_rule(names::innermost(name)?))
    }

    /// The names of the secrets, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|s| s.name.as_str())
    }
}
