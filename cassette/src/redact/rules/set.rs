//! The set of rules in force, and the lookups that the rest of redaction uses.
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
use crate::redact::side::Side;

/// The rules of redaction. `Rules::default()` redacts the usual credential headers and fields by name, known tokens by
/// their pattern, and drops headers that are noise. A project adds its secrets, and extends the lists.
///
/// ```
/// use cassette::__support::Rules;
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
    /// Secrets whose values cannot be redacted. A session reports them when it records.
    pub(crate) unusable: Vec<UnusableSecret>,
    pub(crate) headers: Headers,
    pub(crate) fields: FieldNames,
    /// Fields that the project keeps. The patterns do not apply to their values either.
    pub(crate) kept_fields: FieldNames,
    /// Query parameters whose names are harmless in other places.
    pub(crate) query: FieldNames,
    /// Cookies to redact if not all cookies are redacted.
    pub(crate) cookies: FieldNames,
    /// Cookies that are kept in spite of other rules, by their exact names.
    pub(crate) kept_cookies: BTreeSet<String>,
    pub(crate) pointers: PointerRules,
    pub(crate) urls: Vec<UrlRule>,
    pub(crate) links: LinkRules,
    /// The rules that apply before the code under test reads a response. No other rule applies then.
    pub(crate) before_read: Option<Box<Rules>>,
    pub(crate) hooks: Hooks,
    /// Content codings, in lower case, whose bodies are kept unsearched.
    pub(crate) opaque: BTreeSet<String>,
    /// The names in placeholders, with the labels of their rules.
    pub(crate) names: BTreeMap<String, Label>,
    /// The labels of the project's own rules.
    pub(crate) labels: BTreeSet<Label>,
    /// The default rules in force, by id.
    pub(crate) defaults: BTreeMap<&'static str, Arc<Rule>>,
}

/// The rules for headers, by name in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Headers {
    /// The headers that the project keeps with their values; a `*` at the end stands for any suffix.
    pub(crate) kept: BTreeSet<String>,
    /// Headers whose values are replaced with placeholders.
    pub(crate) redacted: BTreeMap<String, Arc<Rule>>,
    /// Names of fields that the project keeps, normalised. The end of such a name says nothing about a header.
    pub(crate) kept_fields: BTreeSet<String>,
    /// The headers that the project drops.
    pub(crate) dropped: BTreeSet<String>,
    /// Whether noise is kept.
    pub(crate) others_kept: bool,
    /// The default rules that are no whole names. `None` if no default rule applies.
    pub(crate) defaults: Option<HeaderDefaults>,
}

/// The default rules for headers that are no whole names of credentials.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderDefaults {
    /// How the names of credentials end.
    endings: Vec<(&'static str, Arc<Rule>)>,
    /// The rule for credentials in headers that no list knows.
    pub(crate) unknown: Option<Arc<Rule>>,
    /// Headers to leave out, by name.
    noise: BTreeMap<&'static str, RuleKind>,
    /// Beginnings of the names of headers to leave out.
    noise_prefixes: Vec<(&'static str, RuleKind)>,
}

impl HeaderDefaults {
    fn add(&mut self, default: &'static DefaultRule, rule: &Arc<Rule>) {
        match (default.kind, default.what.strip_prefix('*'), default.what.strip_suffix('*')) {
            (RuleKind::Header, Some(""), _) => self.unknown = Some(rule.clone()),
            (RuleKind::Header, Some(ending), _) => self.endings.push((ending, rule.clone())),
            (kind, _, Some(prefix)) => self.noise_prefixes.push((prefix, kind)),
            (kind, ..) => _ = self.noise.insert(default.what, kind),
        }
    }

    fn remove(&mut self, default: &'static DefaultRule, rule: &Arc<Rule>) {
        self.unknown.take_if(|other| other == rule);
        self.endings.retain(|(_, other)| other != rule);
        self.noise.remove(default.what);
        self.noise_prefixes.retain(|(prefix, _)| default.what.strip_suffix('*') != Some(prefix));
    }

    /// The rule for credentials whose names end like this one.
    pub(crate) fn ending(&self, name: &str) -> Option<&Arc<Rule>> {
        self.endings.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, rule)| rule)
    }

    /// Whether a header of this name is left out of requests or responses.
    pub(crate) fn is_noise(&self, name: &str, side: Side) -> bool {
        let prefix = || self.noise_prefixes.iter().find(|(prefix, _)| name.starts_with(prefix));
        let kind = self.noise.get(name).or_else(|| prefix().map(|(_, kind)| kind));
        kind.is_some_and(|kind| *kind == RuleKind::Noise || side == Side::Request)
    }
}

impl Default for Rules {
    fn default() -> Self {
        let mut rules = Rules::none();
        rules.headers.others_kept = false;
        let mut headers = HeaderDefaults::default();
        for default in default_rules() {
            let rule = Rule::from(default);
            rules.defaults.insert(default.id, Arc::new(rule.clone()));
            if is_of_header_defaults(default) {
                headers.add(default, &Arc::new(rule));
                continue;
            }
            rules.names.insert(rule.name.clone(), rule.label.clone());
            match default.kind {
                RuleKind::Header => {
                    _ = rules.headers.redacted.insert(default.what.to_owned(), Arc::new(rule))
                }
                RuleKind::Field => rules.fields.insert(default.what, rule),
                RuleKind::Query => rules.query.insert(default.what, rule),
                RuleKind::Cookie => rules.cookies.insert(default.what, rule),
                // The searches in URLs and by pattern look up their rules by id.
                RuleKind::Url | RuleKind::Pattern | RuleKind::Noise | RuleKind::RequestNoise => {}
            }
        }
        rules.headers.defaults = Some(headers);
        rules.urls = UrlRule::defaults(|id| rules.defaults.get(id).cloned());
        rules
    }
}

/// Whether a rule is one of [`HeaderDefaults`].
fn is_of_header_defaults(default: &DefaultRule) -> bool {
    match default.kind {
        RuleKind::Noise | RuleKind::RequestNoise => true,
        RuleKind::Header => default.what.starts_with('*'),
        _ => false,
    }
}

/// What happens to the value of a field that has a name on a list.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    Redacted(Arc<Rule>),
    /// The project keeps the field.
    Kept,
}

impl Rules {
    /// The address of the rules' table of fields. It stays the same when the rules are moved, and a copy of the rules
    /// has another address.
    #[cfg(test)]
    pub(crate) fn address(&self) -> *const u8 {
        self.fields.address()
    }

    /// A set that redacts nothing and keeps every header.
    pub(crate) fn none() -> Rules {
        let headers = Headers {
            kept: BTreeSet::new(),
            redacted: BTreeMap::new(),
            kept_fields: BTreeSet::new(),
            dropped: BTreeSet::new(),
            others_kept: true,
            defaults: None,
        };
        Rules {
            secrets: Vec::new(),
            unusable: Vec::new(),
            headers,
            kept_cookies: BTreeSet::new(),
            fields: FieldNames::new(),
            kept_fields: FieldNames::new(),
            query: FieldNames::new(),
            cookies: FieldNames::new(),
            pointers: PointerRules::default(),
            urls: Vec::new(),
            links: LinkRules::default(),
            before_read: None,
            hooks: Hooks::default(),
            opaque: BTreeSet::new(),
            names: BTreeMap::new(),
            labels: BTreeSet::new(),
            defaults: BTreeMap::new(),
        }
    }

    /// A header that is kept with its value although default rules in force say that it carries credentials. The second
    /// part of the result is the list of these rules.
    pub(crate) fn shown_credential(&self) -> Option<(&str, Vec<&'static DefaultRule>)> {
        self.headers.kept.iter().find_map(|name| {
            let of = |rule: &&DefaultRule| match rule.kind {
                RuleKind::Header => rule.what == name && !rule.what.contains('*'),
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

    /// Checks that some rule redacts fields with this name: a rule in force, or any default rule.
    ///
    /// # Errors
    ///
    /// No rule redacts such a field. The error may name a similar field, or a rule of another kind that has this name.
    pub(crate) fn check_field(&self, name: &str) -> Result<()> {
        if self.fields.get(name).is_some() { Ok(()) } else { DefaultRule::of_field(name) }
    }

    /// The secret with this name, if its value cannot be redacted.
    pub(crate) fn unusable(&self, name: &str) -> Option<&UnusableSecret> {
        self.unusable.iter().find(|secret| placeholder::is_same_secret(&secret.name, name))
    }

    pub(crate) fn labels_of_own(&self) -> &BTreeSet<Label> {
        &self.labels
    }

    /// Whether a rule in force has this label.
    pub(crate) fn has(&self, label: &Label) -> bool {
        self.labels.contains(label) || self.defaults.values().any(|rule| rule.label == *label)
    }

    /// The default rule with this id, if it is in force.
    pub(crate) fn default_rule(&self, id: &str) -> Option<&Arc<Rule>> {
        self.defaults.get(id)
    }

    /// Removes a default rule for headers.
    pub(crate) fn remove_of_headers(&mut self, default: &'static DefaultRule, rule: &Arc<Rule>) {
        self.headers.redacted.retain(|_, other| other != rule);
        if let Some(defaults) = self.headers.defaults.as_mut().filter(|_| is_of_header_defaults(default)) {
            defaults.remove(default, rule);
        }
    }

    /// Whether the placeholders of some rule have this name.
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.names.contains_key(name) || placeholder::is_name_of_header(name)
    }

    /// The label of the rule whose placeholders have this name.
    pub(crate) fn label_of(&self, name: &str) -> Option<&Label> {
        self.names.get(name)
    }

    /// The rule for fields with this name.
    pub(crate) fn field_rule(&self, name: &str) -> Option<Arc<Rule>> {
        self.fields.get(name)
    }

    /// Whether the project keeps fields with this name.
    pub(crate) fn keeps_field(&self, name: &str) -> bool {
        self.kept_fields.get(name).is_some() && self.field_rule(name).is_none()
    }

    /// Whether the project keeps this field of a form. Its name may be nested: `user[token]`.
    pub(crate) fn keeps_form_field(&self, name: &str) -> bool {
        self.form_rule(name).is_none()
            && (self.keeps_field(name) || names::innermost(name).is_some_and(|name| self.keeps_field(name)))
    }

    /// What happens to the value of a field with this name. `None` if neither a rule nor the project names the field.
    pub(crate) fn named_field(&self, name: &str) -> Option<Named> {
        let kept = || self.keeps_field(name).then_some(Named::Kept);
        self.field_rule(name).map(Named::Redacted).or_else(kept)
    }

    /// Like [`named_field`](Self::named_field), for a field of a form. Its name may be nested: `user[password]`.
    pub(crate) fn named_in_form(&self, name: &str) -> Option<Named> {
        let kept = || self.keeps_form_field(name).then_some(Named::Kept);
        self.form_rule(name).map(Named::Redacted).or_else(kept)
    }

    /// The rule for a field of a form. Its name may be nested: `user[password]`.
    pub(crate) fn form_rule(&self, name: &str) -> Option<Arc<Rule>> {
        self.field_rule(name).or_else(|| self.field_rule(names::innermost(name)?))
    }

    /// The names of the secrets, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|s| s.name.as_str())
    }
}
