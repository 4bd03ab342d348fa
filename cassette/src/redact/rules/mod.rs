//! What to redact, as data: named secrets, header names, field names. Built in code, shared by a project.

pub(crate) mod catalogue;
pub(crate) mod fields;
pub(crate) mod names;
pub(crate) mod pointers;
pub(crate) mod rule;
pub(crate) mod secrets_file;
pub(crate) mod unusable;
pub(crate) mod urls;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use memchr::memmem;

use crate::placeholder;
use crate::redact::hooks::Hooks;
use crate::redact::links::LinkRules;
use crate::redact::rules::fields::FieldNames;
use crate::redact::rules::pointers::PointerRules;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::unusable::{Refused, problem};
use crate::redact::rules::urls::UrlRule;
use crate::redact::{DefaultRule, RuleKind, default_rules};
use crate::syntax::pointer::{InvalidPointer, Pointer};
use crate::{Error, Result};

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
    pub(crate) refused: Vec<Refused>,
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
    names: BTreeMap<String, String>,
    /// Of the project's own rules.
    pub(crate) labels: BTreeSet<String>,
    /// By id, the default rules in force.
    defaults: BTreeMap<&'static str, Arc<Rule>>,
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

/// A named value that must not be stored.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=[..]", self.name)
    }
}

impl Secret {
    pub(crate) fn placeholder(&self) -> String {
        placeholder::of_secret(&self.name)
    }

    /// Is it meant by this name, or by the one in its placeholder?
    pub(crate) fn is(&self, name: &str) -> bool {
        placeholder::is_same_secret(&self.name, name)
    }
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
            refused: Vec::new(),
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

    /// Adds a secret by value: wherever it occurs in a URL, a header or a body, in any of the usual encodings,
    /// `{{secret.NAME}}` is stored in its place. On replay the placeholder becomes the session's own value. White space
    /// around a value, such as the line break at the end of a file with a key, is no part of it.
    ///
    /// Names are letters, digits, `_`, `-`, `.` and `#` (ASCII), so that a placeholder can stand anywhere. It goes
    /// without `#`, which would begin a fragment in a URL.
    ///
    /// # Errors
    ///
    /// A value shorter than six bytes, or so common (`true`, `password`, `000000`) that replacing it would
    /// destroy what has nothing to do with it; one longer than 64 KiB; a name that can't be one, or that has another
    /// value already, be it with `#` in other places.
    pub fn secret(self, name: impl Into<String>, value: impl Into<String>) -> Result<Rules> {
        self.secret_or_refused(name, value)?.accepted()
    }

    /// The same, but a value that can't be one is only noted: see [`accepted`](Self::accepted).
    pub(crate) fn secret_or_refused(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Rules> {
        let (name, given) = (name.into(), value.into());
        if !placeholder::is_secret_name(&name) {
            return Err(Error::new(format!("{name:?} cannot be the name of a secret"))
                .hint("use letters, digits, `_`, `-`, `.` and `#`"));
        }
        let secret = Secret { name, value: given.trim().to_owned() };
        let name = &secret.name;
        match self.secrets.iter().find(|s| s.is(name)) {
            Some(known) if known.value == secret.value => return Ok(self),
            Some(known) if known.name != *name => {
                return Err(Error::new(format!(
                    "the secrets {} and {name} would both be {}: `#` does not tell them apart",
                    known.name,
                    known.placeholder()
                ))
                .hint("give one of them another name"));
            }
            Some(_) => return Err(Error::new(format!("the secret {name} is given twice, with two values"))),
            None => {}
        }
        if let Some(problem) = problem(&given) {
            self.refuse(secret.name, problem.to_owned());
            return Ok(self);
        }
        self.add_secret(secret);
        Ok(self)
    }

    /// A value inside a placeholder would be replaced in it, and found there by the leak check: it is refused. Of those
    /// that were added before, none is inside another's.
    fn add_secret(&mut self, secret: Secret) {
        let mut placeholder = secret.placeholder();
        let inside = |value: &str, placeholder: &str| {
            value.len() <= placeholder.len()
                && memmem::find(placeholder.as_bytes(), value.as_bytes()).is_some()
        };
        let (refused, mut kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.secrets).into_iter().partition(|s| inside(&s.value, &placeholder));
        for Secret { name, .. } in refused {
            self.refuse(name, format!("is a part of the placeholder of {}", secret.name));
        }
        kept.push(secret);
        self.secrets = kept;
        let Some(Secret { name, value }) = self.secrets.last() else { return };
        let other = self.secrets.iter().find(|other| {
            // Most values are longer than any placeholder.
            value.len() <= placeholder::length_of_secret(&other.name) && {
                placeholder.clear();
                placeholder::write_of_secret(&other.name, &mut placeholder);
                inside(value, &placeholder)
            }
        });
        if let Some(other) = other {
            let (name, why) = (name.clone(), format!("is a part of the placeholder of {}", other.name));
            self.secrets.pop();
            self.refuse(name, why);
        }
    }

    /// Keeps a header with its value; `x-acme-*` keeps all that begin so. A header that carries credentials
    /// stays redacted: allow it by its full name to see it.
    #[must_use]
    pub fn allow_header(mut self, name: impl AsRef<str>) -> Rules {
        self.headers.kept.insert(name.as_ref().to_ascii_lowercase());
        self
    }

    /// The same for a header whose value isn't known to be a credential; else nothing changes.
    pub(crate) fn allow_header_unless_credential(self, name: &str) -> Rules {
        let known = ["cookie", "set-cookie"].contains(&name) || self.headers.redacted.contains_key(name);
        if known || self.field_rule(name).is_some() { self } else { self.allow_header(name) }
    }

    /// A header that is kept with its value though default rules in force say that it carries credentials; and these.
    pub(crate) fn shown_credential(&self) -> Option<(&str, Vec<&'static DefaultRule>)> {
        self.headers.kept.iter().find_map(|name| {
            let of = |rule: &&DefaultRule| match rule.kind {
                RuleKind::Header => rule.what == name,
                RuleKind::Field => self.fields.get(name).is_some_and(|field| field.label == rule.to_string()),
                _ => false,
            };
            let in_force = default_rules().iter().filter(|rule| self.defaults.contains_key(rule.id));
            let rules: Vec<_> = in_force.filter(of).collect();
            (!rules.is_empty()).then_some((name.as_str(), rules))
        })
    }

    /// Keeps a header by name only: that it was sent is seen, what it held is not.
    #[must_use]
    pub fn redact_header(mut self, name: impl AsRef<str>) -> Rules {
        let name = name.as_ref().to_ascii_lowercase();
        let rule = self.own("header", &name);
        self.headers.kept.remove(&name);
        self.headers.redacted.insert(name, Arc::new(rule));
        self
    }

    /// Drops a header, where it would be kept.
    #[must_use]
    pub fn drop_header(mut self, name: impl AsRef<str>) -> Rules {
        let name = name.as_ref().to_ascii_lowercase();
        self.headers.kept.remove(&name);
        self.headers.dropped.insert(name);
        self
    }

    /// Keeps all headers that nothing says to redact or drop, instead of those on the list of harmless ones: a
    /// list of what is bad in the place of one of what is good.
    #[must_use]
    pub fn keep_other_headers(mut self) -> Rules {
        self.headers.others_kept = true;
        self
    }

    /// Keeps a cookie with its value. Its name is compared as it is (RFC 6265 §5.3).
    #[must_use]
    pub fn keep_cookie(mut self, name: impl Into<String>) -> Rules {
        self.kept_cookies.insert(name.into());
        self
    }

    /// Redacts a cookie by name, where not all are redacted: `CAS0002` and `CAS0003` are out of force.
    #[must_use]
    pub fn cookie(mut self, name: impl AsRef<str>) -> Rules {
        let rule = self.own("cookie", name.as_ref());
        self.cookies.insert(name.as_ref(), rule);
        self
    }

    /// Redacts the values of JSON members, form fields, query parameters and headers of this name, however it
    /// is spelled: `customerPin`, `customer_pin` and `Customer-Pin` are one name.
    #[must_use]
    pub fn field(mut self, name: impl AsRef<str>) -> Rules {
        let rule = self.own("field", name.as_ref());
        self.fields.insert(name.as_ref(), rule);
        self
    }

    /// Takes a field name off the list.
    #[must_use]
    pub fn keep_field(mut self, name: impl AsRef<str>) -> Rules {
        self.fields.remove(name.as_ref());
        self
    }

    /// Whether a field of this name can be kept: a default rule has it, or one of the project's own.
    ///
    /// # Errors
    ///
    /// None has: the error names the nearest.
    pub(crate) fn known_field(&self, name: &str) -> Result<()> {
        if self.fields.get(name).is_some() { Ok(()) } else { DefaultRule::of_field(name) }
    }

    /// The same, but this value can't be one.
    pub(crate) fn refusing(mut self, name: &str, why: &str) -> Rules {
        self.refuse(name.to_owned(), why.to_owned());
        self
    }

    /// Redacts the string at a place of JSON bodies: a JSON pointer (RFC 6901) in which `*` stands for every name
    /// or index, such as `/users/*/email`. Where it points to an array or an object, every string in it. Placeholders
    /// are called after its last name.
    ///
    /// # Errors
    ///
    /// It is not a pointer, or there are more than 64 of them.
    pub fn pointer(mut self, pointer: &str) -> Result<Rules> {
        let parsed: Pointer = pointer.parse().map_err(|e: InvalidPointer| Error::new(e.to_string()))?;
        let name = pointer.rsplit('/').find(|name| *name != "*").unwrap_or("pointer");
        let name = name.replace("~1", "/").replace("~0", "~");
        let rule = self.named(format!("pointer {pointer}"), "pointer", &name);
        self.pointers.add(parsed, rule)?;
        Ok(self)
    }

    /// Redacts parts of URLs, of requests, in headers and of links in bodies, by a regular expression over the whole URL: what its
    /// groups match, or all of it where it has none. A named group, `/tenants/(?<tenant>[^/]+)`, gives the
    /// placeholder its name.
    ///
    /// # Errors
    ///
    /// It is not a regular expression ([`regex_lite`](https://docs.rs/regex-lite)'s syntax), or one that matches an empty
    /// text, or has a group with nothing in it.
    pub fn url(mut self, pattern: &str) -> Result<Rules> {
        let label = format!("url {pattern}");
        let rule = UrlRule::own(pattern, &mut |name| self.named(label.clone(), "url", name))?;
        self.urls.push(rule);
        Ok(self)
    }

    /// Redacts parameters of links to a domain and its subdomains, wherever they stand: in bodies of any format, in
    /// headers, as the URL of a request. All parameters, if none is named. For signed links, which differ in every
    /// answer.
    #[must_use]
    pub fn links(mut self, domain: &str, parameters: &[&str]) -> Rules {
        let label = format!("links {domain}");
        let mut links = std::mem::take(&mut self.links);
        links.add(domain, parameters, &mut |name| self.named(label.clone(), "link", name));
        self.links = links;
        self
    }

    /// Redacts IPv4 addresses as hosts of URLs, in bodies too, as `ipv4-1.invalid`; 127.0.0.1 stays.
    #[must_use]
    pub fn ipv4_hosts(mut self) -> Rules {
        let rule = self.named("ipv4 hosts".to_owned(), "ipv4", "ipv4");
        self.links.ipv4 = Some(Arc::new(rule));
        self
    }

    /// Takes one default rule out of force, by its id: `CAS0031`, or as `_metadata.redaction` has it. What other
    /// rules find stays redacted.
    ///
    /// ```
    /// use cassette::redact::Rules;
    ///
    /// let rules = Rules::default().without_rule("CAS0031")?;
    /// let error = rules.without_rule("CAS0O31").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "there is no redaction rule `CAS0O31`; did you mean `CAS0031` (CAS0031 field access_token)?"
    /// );
    /// # Ok::<(), cassette::TestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There is no such rule: the error names the nearest.
    pub fn without_rule(mut self, id: &str) -> Result<Rules> {
        let rule = DefaultRule::find(id)?;
        if let Some(own) = self.defaults.remove(rule.id) {
            match rule.kind {
                RuleKind::Header => {
                    self.headers.redacted.retain(|_, other| *other != own);
                }
                RuleKind::Field => self.fields.remove_rule(&own),
                RuleKind::Query => self.query.remove_rule(&own),
                RuleKind::Cookie => self.cookies.remove_rule(&own),
                RuleKind::Url => self.urls.retain(|url| !url.is_of(&own)),
                RuleKind::Shape => {}
            }
        }
        Ok(self)
    }

    fn own(&mut self, kind: &str, what: &str) -> Rule {
        let Rule { label, .. } = Rule::own(kind, what);
        self.named(label, kind, what)
    }

    fn named(&mut self, label: String, kind: &str, what: &str) -> Rule {
        let rule = Rule { label, ..Rule::own(kind, what) };
        self.names.insert(rule.name.clone(), rule.label.clone());
        self.labels.insert(rule.label.clone());
        rule
    }

    pub(crate) fn labels_of_own(&self) -> &BTreeSet<String> {
        &self.labels
    }

    /// Is there a rule that is counted as this?
    pub(crate) fn has(&self, label: &str) -> bool {
        self.labels.contains(label) || self.defaults.values().any(|rule| rule.label == label)
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
    pub(crate) fn label_of(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(value: &str, why: &str) {
        let error = Rules::default().secret("KEY", value).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(value.is_empty() || !format!("{error:?}").contains(&format!("{value:?}")), "{error:?}");
    }

    #[test]
    fn values_that_cannot_be_redacted() {
        refused("", "is empty");
        refused("abc12", "shorter than 6 bytes");
        refused("true", "shorter than 6 bytes");
        refused("Password", "too common");
        refused("redacted", "too common");
        refused("aaaaaaaaaa", "too common");
        refused("   ab    ", "whitespace");
        refused("secret.KEY", "part of the placeholder of KEY");
        let error = Rules::default().secret("first", "KEY}}x").unwrap().secret("KEY", "zzzyyyxxx");
        assert!(error.is_ok());
        let error = Rules::default().secret("one", "MY_NAME").unwrap().secret("MY_NAME", "zzzyyyxxx");
        assert!(error.unwrap_err().to_string().contains("placeholder of MY_NAME"));
    }

    #[test]
    fn values_that_are_too_long() {
        let long = "k3y-".repeat(16 * 1024);
        let rules = Rules::default().secret("KEY", format!("{long}x")).unwrap_err();
        assert!(rules.to_string().contains("longer than 64 KiB"), "{rules}");
        assert!(format!("{rules:?}").contains("the parts of it that are secret"), "{rules:?}");
        assert!(Rules::default().secret("KEY", long + "\n").is_ok());
    }

    /// As code trims what it reads of a file.
    #[test]
    fn white_space_around_a_value() {
        let rules = Rules::default().secret("KEY", "\n  pk-2f9a 77c1 \r\n").unwrap();
        assert_eq!(rules.secrets[0].value, "pk-2f9a 77c1");
        let rules = rules.secrets_in(br#"{"file": "pk-88aa12f0\n"}"#).unwrap();
        assert_eq!(rules.secrets[1].value, "pk-88aa12f0");
        assert!(rules.secret("KEY", "pk-2f9a 77c1").is_ok(), "it is the same value");
    }

    #[test]
    fn names_of_secrets() {
        for name in ["", "#", "a b", "a}", "é", "a\"", "a/b"] {
            assert!(Rules::default().secret(name, "s3cr3t-value").is_err(), "{name}");
        }
        let rules = Rules::default().secret("#api_key", "s3cr3t-value").unwrap();
        let rules = rules.secret("#api_key", "s3cr3t-value").unwrap();
        assert_eq!(rules.names().collect::<Vec<_>>(), ["#api_key"]);
        assert!(rules.clone().secret("#api_key", "an0ther-value").is_err());
        let told = rules.secret("api_key", "an0ther-value").unwrap_err().to_string();
        assert!(told.contains("#api_key and api_key would both be {{secret.api_key}}"), "{told}");
    }

    #[test]
    fn values_are_never_shown() {
        let rules = Rules::default().secret("KEY", "s3cr3t-value").unwrap();
        assert!(format!("{rules:?}").contains("KEY=[..]"));
        assert!(!format!("{rules:#?}").contains("s3cr3t"));
    }
}
