//! The methods that build a set of rules: named secrets, headers, cookies, fields, JSON pointers, URLs, links, hooks.
//!
//! Must not know: how a rule is applied.

use std::sync::Arc;

use memchr::memmem;

use crate::error::{Error, Result};
use crate::placeholder;
use crate::redact::rules::catalogue::{DefaultRule, RuleKind};
use crate::redact::rules::hooks::{BodyHead, Hook, RequestHead, ResponseHead, label};
use crate::redact::rules::label::Label;
use crate::redact::rules::names::normalised;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::secret::Secret;
use crate::redact::rules::set::Rules;
use crate::redact::rules::unusable::{Unusable, UnusableSecret, problem};
use crate::redact::rules::urls::UrlRule;
use crate::syntax::pointer::{InvalidPointer, Pointer};

impl Rules {
    /// Adds a named secret. cassette stores `{{secret.NAME}}` wherever the value occurs in a URL, a header or a body,
    /// in any of the usual encodings. On replay the placeholder becomes the session's own value. White space around a
    /// value, such as the line break at the end of a key file, is not part of the value.
    ///
    /// A name consists of ASCII letters, digits, `_`, `-`, `.` and `#`, so that its placeholder needs no escapes. The
    /// placeholder leaves out each `#`, because a `#` would begin a fragment in a URL.
    ///
    /// # Errors
    ///
    /// * The value is shorter than six bytes, or longer than 64 KiB.
    /// * The value is so common (`password`, `000000`) that replacing it would destroy unrelated text.
    /// * The name has other characters, or it already has another value, even if the two names differ in `#`.
    pub fn secret(self, name: impl Into<String>, value: impl Into<String>) -> Result<Rules> {
        self.secret_or_unusable(name, value)?.accepted()
    }

    /// Like [`secret`](Self::secret), but does not fail at a value that cannot be redacted. It notes the value, and
    /// [`accepted`](Self::accepted) fails later.
    pub(crate) fn secret_or_unusable(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Rules> {
        let (name, given) = (name.into(), value.into());
        if !placeholder::is_secret_name(&name) {
            return Err(Error::new(format!("{name:?} is not a valid name for a secret"))
                .hint("use letters, digits, `_`, `-`, `.` and `#`"));
        }
        let secret = Secret { name, value: given.trim().to_owned() };
        let name = &secret.name;
        match self.secrets.iter().find(|s| s.is(name)) {
            Some(existing) if existing.value == secret.value => return Ok(self),
            Some(existing) if existing.name != *name => {
                return Err(Error::new(format!(
                    "the secrets {} and {name} would both be {}, because a placeholder leaves out `#`",
                    existing.name,
                    existing.placeholder()
                ))
                .hint("give one of them another name"));
            }
            Some(_) => {
                return Err(Error::new(format!(
                    "the secret {name} is declared twice, with different values"
                )));
            }
            None => {}
        }
        if let Some(problem) = problem(&given) {
            self.note_unusable(secret.name, problem);
            return Ok(self);
        }
        self.add_secret(secret);
        Ok(self)
    }

    /// Adds a secret, unless its value is a part of the placeholder of some secret. Redaction would replace the value
    /// inside that placeholder, and the leak check would find it there. Such a secret is noted as unusable. An earlier
    /// secret whose value is a part of the new placeholder becomes unusable, too. The earlier secrets do not conflict
    /// with one another, so this compares only the new secret with each of them.
    fn add_secret(&mut self, secret: Secret) {
        let mut placeholder = secret.placeholder();
        let inside = |value: &str, placeholder: &str| {
            value.len() <= placeholder.len()
                && memmem::find(placeholder.as_bytes(), value.as_bytes()).is_some()
        };
        let mut hidden = Vec::new();
        self.secrets.retain(|other| {
            let is_inside = inside(&other.value, &placeholder);
            if is_inside {
                hidden.push(other.name.clone());
            }
            !is_inside
        });
        for name in hidden {
            self.note_unusable(name, Unusable::InPlaceholderOf(secret.name.clone()));
        }
        self.secrets.push(secret);
        let Some(Secret { name, value }) = self.secrets.last() else { return };
        let other = self.secrets.iter().find(|other| {
            // This comparison avoids most searches, because most values are longer than any placeholder.
            value.len() <= placeholder::length_of_secret(&other.name) && {
                placeholder.clear();
                placeholder::write_of_secret(&other.name, &mut placeholder);
                inside(value, &placeholder)
            }
        });
        if let Some(other) = other {
            let (name, why) = (name.clone(), Unusable::InPlaceholderOf(other.name.clone()));
            self.secrets.pop();
            self.note_unusable(name, why);
        }
    }

    /// Keeps a header with its value, also if it is noise or looks like a credential; `x-acme-*` keeps all headers that
    /// begin with `x-acme-`. A pattern does not keep a header whose name is one of credentials: only its full name does.
    #[must_use]
    pub fn allow_header(mut self, name: impl AsRef<str>) -> Rules {
        self.headers.kept.insert(name.as_ref().to_ascii_lowercase());
        self
    }

    /// Keeps a header with its value, unless a rule says that the value is a credential.
    pub(crate) fn allow_header_unless_credential(self, name: &str) -> Rules {
        let is_credential =
            ["cookie", "set-cookie"].contains(&name) || self.headers.redacted.contains_key(name);
        if is_credential || self.field_rule(name).is_some() { self } else { self.allow_header(name) }
    }

    /// Keeps the name of a header and redacts its value.
    #[must_use]
    pub fn redact_header(mut self, name: impl AsRef<str>) -> Rules {
        let name = name.as_ref().to_ascii_lowercase();
        let rule = self.own("header", &name);
        self.headers.kept.remove(&name);
        self.headers.redacted.insert(name, Arc::new(rule));
        self
    }

    /// Drops a header that would otherwise be kept.
    #[must_use]
    pub fn drop_header(mut self, name: impl AsRef<str>) -> Rules {
        let name = name.as_ref().to_ascii_lowercase();
        self.headers.kept.remove(&name);
        self.headers.dropped.insert(name);
        self
    }

    /// Also keeps the headers that the default rules leave out because they are noise.
    #[must_use]
    pub fn keep_other_headers(mut self) -> Rules {
        self.headers.others_kept = true;
        self
    }

    /// Keeps a cookie with its value. Names of cookies are case-sensitive (RFC 6265 §5.3).
    #[must_use]
    pub fn keep_cookie(mut self, name: impl Into<String>) -> Rules {
        self.kept_cookies.insert(name.into());
        self
    }

    /// Redacts a cookie by name. This has an effect only without the rules `CAS0002` and `CAS0003`, which redact all
    /// cookies.
    #[must_use]
    pub fn cookie(mut self, name: impl AsRef<str>) -> Rules {
        let rule = self.own("cookie", name.as_ref());
        self.cookies.insert(name.as_ref(), rule);
        self
    }

    /// Redacts the values of JSON members, form fields, query parameters and headers of this name. Case, `-` and `_` do
    /// not count: `customerPin`, `customer_pin` and `Customer-Pin` are the same name.
    #[must_use]
    pub fn field(mut self, name: impl AsRef<str>) -> Rules {
        let rule = self.own("field", name.as_ref());
        self.fields.insert(name.as_ref(), rule);
        self
    }

    /// Removes a name from the list of fields that are redacted. The patterns no longer apply to values of these fields.
    #[must_use]
    pub fn keep_field(mut self, name: impl AsRef<str>) -> Rules {
        self.fields.remove(name.as_ref());
        self.headers.kept_fields.insert(normalised(name.as_ref()));
        self.kept_fields.insert(name.as_ref(), Rule::own("field", name.as_ref()));
        self
    }

    /// Notes a secret whose value cannot be redacted.
    pub(crate) fn without_value(mut self, name: &str, why: Unusable) -> Rules {
        self.note_unusable(name.to_owned(), why);
        self
    }

    /// Redacts strings in JSON bodies by a JSON pointer (RFC 6901) in which `*` stands for every name or index, such as
    /// `/users/*/email`. If the pointer leads to an array or an object, every string inside is redacted. The last name
    /// in the pointer gives the placeholders their name.
    ///
    /// # Errors
    ///
    /// The text is not a JSON pointer, or there are more than 64 pointers.
    pub fn pointer(mut self, pointer: &str) -> Result<Rules> {
        let parsed: Pointer = pointer.parse().map_err(|e: InvalidPointer| Error::new(e.to_string()))?;
        let name = pointer.rsplit('/').find(|name| *name != "*").unwrap_or("pointer");
        let name = name.replace("~1", "/").replace("~0", "~");
        let rule = self.named(Label::own("pointer", pointer), "pointer", &name);
        self.pointers.add(parsed, rule)?;
        Ok(self)
    }

    /// Redacts parts of URLs by a regular expression over the whole URL: in the URLs of requests, in headers and in
    /// links in bodies. Each group of the expression is redacted. If the expression has no groups, the whole match is
    /// redacted. A named group, `/tenants/(?<tenant>[^/]+)`, gives the placeholder its name.
    ///
    /// # Errors
    ///
    /// The text is not a regular expression in the syntax of [`regex_lite`](https://docs.rs/regex-lite), or it matches
    /// the empty text, or it has an empty group.
    pub fn url(mut self, pattern: &str) -> Result<Rules> {
        let label = Label::own("url", pattern);
        let rule = UrlRule::own(pattern, &mut |name| self.named(label.clone(), "url", name))?;
        self.urls.push(rule);
        Ok(self)
    }

    /// Redacts parameters of links to a domain and its subdomains: in bodies of any format, in headers, and in the URL
    /// of a request. If `parameters` is empty, all parameters are redacted. This is for signed links, which differ in
    /// every response.
    #[must_use]
    pub fn links(mut self, domain: &str, parameters: &[&str]) -> Rules {
        let label = Label::own("links", domain);
        let mut links = std::mem::take(&mut self.links);
        links.add(domain, parameters, &mut |name| self.named(label.clone(), "link", name));
        self.links = links;
        self
    }

    /// Redacts hosts of URLs that are IPv4 addresses, also in bodies. The placeholder is `ipv4-1.invalid`; 127.0.0.1
    /// stays.
    #[must_use]
    pub fn ipv4_hosts(mut self) -> Rules {
        let rule = self.named(Label::own("ipv4", "hosts"), "ipv4", "ipv4");
        self.links.ipv4 = Some(Arc::new(rule));
        self
    }

    /// Switches off one default rule by its id, `CAS0031`, or by its label in `_metadata.redaction`. The other rules
    /// stay in force.
    ///
    /// ```
    /// use cassette::__support::Rules;
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
    /// There is no such rule. The error names the nearest one.
    pub fn without_rule(mut self, id: &str) -> Result<Rules> {
        let rule = DefaultRule::find(id)?;
        if let Some(own) = self.defaults.remove(rule.id) {
            match rule.kind {
                RuleKind::Header | RuleKind::Noise | RuleKind::RequestNoise => {
                    self.remove_of_headers(rule, &own);
                }
                RuleKind::Field => self.fields.remove_rule(&own),
                RuleKind::Query => self.query.remove_rule(&own),
                RuleKind::Cookie => self.cookies.remove_rule(&own),
                RuleKind::Url => self.urls.retain(|url| !url.is_of(&own)),
                RuleKind::Pattern => {}
            }
        }
        Ok(self)
    }

    fn own(&mut self, kind: &str, what: &str) -> Rule {
        let Rule { label, .. } = Rule::own(kind, what);
        self.named(label, kind, what)
    }

    /// Redacts a field, or the target of a JSON pointer (a text that begins with `/`), before the code under test reads
    /// the response.
    ///
    /// # Errors
    ///
    /// As for [`pointer`](Rules::pointer).
    pub fn before_read(self, what: &str) -> Result<Rules> {
        let add = |rules: Rules| match what.starts_with('/') {
            true => rules.pointer(what),
            false => Ok(rules.field(what)),
        };
        let mut rules = add(self)?;
        let bare = rules.before_read.take().map_or_else(Rules::none, |bare| *bare);
        rules.before_read = Some(Box::new(add(bare)?));
        Ok(rules)
    }

    /// Redacts the heads of requests with a function of the project: see
    /// [`Config::redact_request_with`](crate::Config::redact_request_with).
    #[must_use]
    pub fn request_with(
        mut self,
        name: &str,
        run: impl Fn(&mut RequestHead) + Send + Sync + 'static,
    ) -> Rules {
        self.labels.insert(label(name));
        self.hooks.requests.push(Hook::new(name, Arc::new(run)));
        self
    }

    /// Redacts the heads of responses with a function of the project: see
    /// [`Config::redact_response_with`](crate::Config::redact_response_with).
    #[must_use]
    pub fn response_with(
        mut self,
        name: &str,
        run: impl Fn(&mut ResponseHead) + Send + Sync + 'static,
    ) -> Rules {
        self.labels.insert(label(name));
        self.hooks.responses.push(Hook::new(name, Arc::new(run)));
        self
    }

    /// Redacts bodies with a function of the project: see
    /// [`Config::redact_body_with`](crate::Config::redact_body_with).
    #[must_use]
    pub fn body_with(
        mut self,
        name: &str,
        wants: impl Fn(&BodyHead) -> bool + Send + Sync + 'static,
        change: impl Fn(&BodyHead, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Rules {
        self.labels.insert(label(name));
        self.hooks.bodies.push(Hook::new(name, Arc::new((wants, change))));
        self
    }

    /// Checks that every value can be redacted.
    ///
    /// # Errors
    ///
    /// A value cannot be redacted. The error names the first such secret.
    pub(crate) fn accepted(self) -> Result<Rules> {
        match self.unusable.first() {
            Some(unusable) => Err(unusable.error()),
            None => Ok(self),
        }
    }

    fn note_unusable(&mut self, name: String, why: Unusable) {
        if self.unusable(&name).is_none() {
            self.unusable.push(UnusableSecret { name, why, file: None });
        }
    }

    fn named(&mut self, label: Label, kind: &str, what: &str) -> Rule {
        let rule = Rule { label, ..Rule::own(kind, what) };
        self.names.insert(rule.name.clone(), rule.label.clone());
        self.labels.insert(rule.label.clone());
        rule
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
        assert!(format!("{rules:?}").contains("only the secret parts of the value"), "{rules:?}");
        assert!(Rules::default().secret("KEY", long + "\n").is_ok());
    }

    /// Code usually trims a value that it reads from a file.
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
        let message = rules.secret("api_key", "an0ther-value").unwrap_err().to_string();
        assert!(message.contains("#api_key and api_key would both be {{secret.api_key}}"), "{message}");
    }

    #[test]
    fn values_are_never_shown() {
        let rules = Rules::default().secret("KEY", "s3cr3t-value").unwrap();
        assert!(format!("{rules:?}").contains("KEY=[..]"));
        assert!(!format!("{rules:#?}").contains("s3cr3t"));
    }
}
