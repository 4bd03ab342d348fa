//! Options for redaction: which values are secret, and which headers, fields and parts of URLs are redacted.

use std::env::VarError;
use std::path::Path;

use super::{Config, sources, validation};
use crate::ambient;
use crate::error::{Error, Result};
use crate::mode::Environment;
use crate::redact::{BodyHead, RequestHead, ResponseHead, Rules, Unusable};
use crate::report::Absent;

impl Config {
    /// Gives a secret value a name. The cassette contains the placeholder `{{secret.NAME}}` wherever the value occurs,
    /// in any encoding. On replay cassette replaces the placeholder by the value.
    ///
    /// An empty value counts as missing, because it often comes from an unset variable, and a replay needs no value. If
    /// a test records without the value, a note in its report says so. Some values are too short or too common to be
    /// replaced safely. A session that records with such a value reports a mistake when it begins. In other modes such
    /// a value counts as missing, so a replay works with `API_KEY=test`.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let token = String::from("k-5f2b9c41"); // computed, or read from a vault
    /// let config = Config::new().secret("API_KEY", token);
    /// ```
    #[must_use]
    pub fn secret(mut self, name: &str, value: impl AsRef<str>) -> Config {
        let value = value.as_ref();
        if value.is_empty() {
            self.sources.note_absent(Absent::Value(name.to_owned()));
        }
        self.named(name, value)
    }

    fn named(mut self, name: &str, value: &str) -> Config {
        self.sources.named.insert(name.to_owned());
        if value.is_empty() { self } else { self.with_rules(|rules| rules.secret_or_unusable(name, value)) }
    }

    /// Names a secret, and reads its value from the environment variable of the same name. If the variable is not set,
    /// the value counts as missing. If a test records without the value, a note in its report says so. Otherwise this
    /// method does the same as [`secret`](Self::secret).
    ///
    /// Many programs refuse to start without their key. So on replay, where the variable is not set or empty, the
    /// threads of the test and the processes that they start read `dummy-NAME-value` in `NAME`, and what they send
    /// matches `{{secret.NAME}}`. `std::env::vars()` does not list the dummy. There is no dummy if the variable was not
    /// set while recording either (`_metadata.unset`), or where cassette does not intercept connections.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().secret_from_env("API_KEY");
    /// ```
    #[must_use]
    pub fn secret_from_env(mut self, name: &str) -> Config {
        self.sources.variables.insert(name.to_owned());
        // Inside a replaying session, this thread would see a dummy.
        let value = match ambient::outside(|| Environment::variable(name)) {
            Ok(value) => value,
            Err(VarError::NotPresent) => {
                self.sources.note_absent(Absent::Unset(name.to_owned()));
                return self.named(name, "");
            }
            Err(VarError::NotUnicode(_)) => {
                return self.with_rules(|rules| Ok(rules.without_value(name, Unusable::NotUtf8)));
            }
        };
        if value.is_empty() {
            self.sources.note_absent(Absent::Empty(name.to_owned()));
        }
        self.named(name, &value)
    }

    /// Makes every string in a JSON file a secret, at any depth. The name of a secret is its path in the file, such as
    /// `db.password`. If a string contains JSON, the strings in this JSON are secrets, too. The file's path is relative
    /// to the package's directory.
    ///
    /// The file may be absent, because it is not committed and a replay does not need it. If a test records without the
    /// file, a note in its report says so. If the file exists but cannot be read, the session reports a mistake when it
    /// begins. [`secret`](Self::secret) explains what happens to values that are too short.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().secrets_file("tests/secrets.json");
    /// ```
    #[must_use]
    pub fn secrets_file(self, path: impl AsRef<Path>) -> Config {
        self.with_file(path.as_ref(), true)
    }

    /// Makes values in a JSON file secrets, at any depth: the values of all keys that begin with `#`. If no key begins
    /// with `#`, a note in the report of a test that records says so. Otherwise this method does the same as
    /// [`secrets_file`](Self::secrets_file).
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().secrets_from_config("data/config.json");
    /// ```
    #[must_use]
    pub fn secrets_from_config(self, path: impl AsRef<Path>) -> Config {
        self.with_file(path.as_ref(), false)
    }

    /// Keeps a header with its value. By default cassette drops headers that are noise, and redacts values that look
    /// like credentials. Named secrets and tokens with a known pattern are still redacted in the value. `x-acme-*`
    /// keeps all headers that begin with `x-acme-`, except headers whose name says that they carry credentials.
    ///
    /// If a default rule redacts the header, the session reports a mistake when it begins. Switch the rule off with
    /// [`without_rule`](Self::without_rule) to keep such a header.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().allow_header("x-acme-region").allow_header("x-ratelimit-*");
    /// ```
    #[must_use]
    pub fn allow_header(self, name: &str) -> Config {
        self.with_checked(validation::headers("allow_header", name), |rules| rules.allow_header(name))
    }

    /// Stores bodies with this `content-encoding` as they are, without redaction. Without this option, the recording
    /// fails if cassette cannot decode a body, because cassette cannot search the body for secrets. Use this option
    /// only if such bodies contain no secrets.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().opaque_encoding("dcb");
    /// ```
    #[must_use]
    pub fn opaque_encoding(self, coding: &str) -> Config {
        let coding = coding.trim().to_ascii_lowercase();
        self.with_rules(|mut rules| {
            rules.opaque.insert(coding);
            Ok(rules)
        })
    }

    /// Redacts the values of a key in JSON, forms and queries, at any depth. The comparison of keys ignores case, `-`
    /// and `_`: `apiKey` is the same key as `api_key`. In forms, `user[api_key]` is also the same key.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_field("customer_pin");
    /// ```
    #[must_use]
    pub fn redact_field(self, name: &str) -> Config {
        self.with_checked(validation::field("redact_field", name), |rules| rules.field(name))
    }

    /// Redacts the string at a place of JSON bodies. The place is a JSON pointer (RFC 6901) in which `*` stands for
    /// every name or index. If the pointer leads to an object or an array, cassette redacts every string in it.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_pointer("/users/*/email");
    /// ```
    #[must_use]
    pub fn redact_pointer(self, pointer: &str) -> Config {
        self.with_rules(|rules| rules.pointer(pointer))
    }

    /// Redacts the value of a header, and keeps the header's name. By default cassette does this with headers that
    /// carry credentials.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_header("x-acme-signature");
    /// ```
    #[must_use]
    pub fn redact_header(self, name: &str) -> Config {
        self.with_checked(validation::header("redact_header", name), |rules| rules.redact_header(name))
    }

    /// Drops a header that cassettes keep by default. `_metadata.left_out` lists the name of the header.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().drop_header("server");
    /// ```
    #[must_use]
    pub fn drop_header(self, name: &str) -> Config {
        self.with_checked(validation::header("drop_header", name), |rules| rules.drop_header(name))
    }

    /// Keeps headers that are noise, such as trace ids and durations. By default cassette drops these headers, and
    /// `_metadata.left_out` lists their names. `cargo cassette rules` lists all headers that are noise.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().keep_other_headers().drop_header("x-request-id");
    /// ```
    #[must_use]
    pub fn keep_other_headers(mut self) -> Config {
        self.rules = self.rules.keep_other_headers();
        self
    }

    /// Keeps a cookie with its value. By default cassette redacts the values of all cookies.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().keep_cookie("locale");
    /// ```
    #[must_use]
    pub fn keep_cookie(self, name: &str) -> Config {
        self.with_checked(validation::cookie("keep_cookie", name), |rules| rules.keep_cookie(name))
    }

    /// Redacts the value of a cookie. The default rules `CAS0002` and `CAS0003` redact all cookies, so this option has
    /// an effect only if you switch these rules off.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config =
    ///     Config::new().without_rule("CAS0002").without_rule("CAS0003").redact_cookie("session");
    /// ```
    #[must_use]
    pub fn redact_cookie(self, name: &str) -> Config {
        self.with_checked(validation::cookie("redact_cookie", name), |rules| rules.cookie(name))
    }

    /// Redacts the parts of URLs that a regular expression matches: the groups of the expression, or the whole match if
    /// the expression has no group. cassette searches the whole URL for the expression. The placeholder has the name of
    /// the group.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_url("/tenants/(?<tenant>[^/]+)");
    /// ```
    #[must_use]
    pub fn redact_url(self, pattern: &str) -> Config {
        self.with_rules(|rules| rules.url(pattern))
    }

    /// Redacts query parameters of URLs with this domain or a subdomain of it. The URLs may also be in bodies of any
    /// format. If the list is empty, cassette redacts all parameters of these URLs.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_links("cdn.example.com", ["sig", "expires"]);
    /// ```
    #[must_use]
    pub fn redact_links<'n>(self, domain: &str, parameters: impl IntoIterator<Item = &'n str>) -> Config {
        let parameters: Vec<&str> = parameters.into_iter().collect();
        self.with_checked(validation::links(domain, &parameters), |rules| rules.links(domain, &parameters))
    }

    /// Replaces the IPv4 address by `ipv4-1.invalid`, `ipv4-2.invalid` and so on in each URL whose host is an IPv4
    /// address. The URLs may also be in bodies. 127.0.0.1 stays.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_ipv4_hosts();
    /// ```
    #[must_use]
    pub fn redact_ipv4_hosts(mut self) -> Config {
        self.rules = self.rules.ipv4_hosts();
        self
    }

    /// Redacts a field of responses before the code under test reads it. Use it for personal data. `what` is the name of
    /// the field, or a JSON pointer (RFC 6901), which begins with `/`. In mode `record`, too, the code under test reads the placeholder that is on the
    /// cassette, such as `[email:1]`. cassette also redacts headers and cookies with this name. Numbers and booleans
    /// are not redacted.
    ///
    /// The code under test cannot send the value back to the server. If a request contains such a placeholder, cassette
    /// does not send the request, and the test fails with the name of the rule. A redacted answer has neither
    /// `content-encoding` nor `content-length`. Mode `off` redacts nothing.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_before_read("email").redact_before_read("/customers/*/address/street");
    /// ```
    #[must_use]
    pub fn redact_before_read(self, what: &str) -> Config {
        let checked = validation::field_or_place("redact_before_read", what);
        self.with_rules(|rules| checked.and_then(|()| rules.before_read(what)))
    }

    /// Redacts the URL and the headers of requests with a closure, for values that no name and no pattern can describe.
    /// The closure changes the request that cassette stores and matches, not the request that the server gets.
    ///
    /// Closures run before all other rules, in the order in which they were added. A closure must give the same result
    /// for the same request in every run. `_metadata.redaction` lists the closure as `name`.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new()
    ///     .redact_request_with("tenant", |request| request.uri = request.uri.replace("acme-corp", "tenant"));
    /// ```
    #[must_use]
    pub fn redact_request_with(
        mut self,
        name: &str,
        change: impl Fn(&mut RequestHead) + Send + Sync + 'static,
    ) -> Config {
        self.rules = self.rules.request_with(name, change);
        self
    }

    /// Redacts the headers of answers with a closure. The closure changes the answer that cassette stores. While
    /// recording, the code under test gets the unchanged answer of the server. Otherwise this method does the same as
    /// [`redact_request_with`](Self::redact_request_with).
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_response_with("etag of the day", |response| {
    ///     response.headers.remove("etag");
    /// });
    /// ```
    #[must_use]
    pub fn redact_response_with(
        mut self,
        name: &str,
        change: impl Fn(&mut ResponseHead) + Send + Sync + 'static,
    ) -> Config {
        self.rules = self.rules.response_with(name, change);
        self
    }

    /// Redacts bodies of requests and answers with a closure: `wants` chooses bodies, and `change` returns them
    /// redacted. `change` gets a body decoded and complete. If `wants` chooses a body of more than [`MOST_HOOKED`]
    /// bytes, cassette cannot record it. A body that `wants` does not choose may have any length. Otherwise this method
    /// does the same as [`redact_request_with`](Self::redact_request_with).
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_body_with(
    ///     "invoices",
    ///     |head| head.content_type() == "application/pdf",
    ///     |_, _| b"%PDF-1.7 redacted".to_vec(),
    /// );
    /// ```
    ///
    /// [`MOST_HOOKED`]: crate::redact::MOST_HOOKED
    #[must_use]
    pub fn redact_body_with(
        mut self,
        name: &str,
        wants: impl Fn(&BodyHead) -> bool + Send + Sync + 'static,
        change: impl Fn(&BodyHead, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Config {
        self.rules = self.rules.body_with(name, wants, change);
        self
    }

    /// Keeps the values of a field that cassette redacts by default. Tokens with a known pattern are not redacted in
    /// these values either. So a test can, for example, verify the signature of an `id_token`.
    ///
    /// If no default rule redacts a field with this name, the session reports a mistake when it begins, and suggests
    /// the most similar name.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().keep_field("token");
    /// ```
    #[must_use]
    pub fn keep_field(self, name: &str) -> Config {
        let checked = self.rules.check_field(name);
        self.with_checked(checked, |rules| rules.keep_field(name))
    }

    /// Switches off one default rule by its id. `cargo cassette rules` lists all rules. `_metadata.redaction` of a
    /// cassette lists the rules that redacted something.
    ///
    /// If the id does not exist, the session reports a mistake when it begins, and suggests the most similar id.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().without_rule("CAS0031");
    /// ```
    #[must_use]
    pub fn without_rule(self, id: &str) -> Config {
        self.with_rules(|rules| rules.without_rule(id))
    }

    fn with_file(mut self, path: &Path, all: bool) -> Config {
        self.sources.files.push((path.to_owned(), all));
        let given = path;
        let (path, text) = sources::read_file(given);
        match text {
            Ok(text) => {
                if !all && Rules::marks_none(&text) {
                    self.sources.note_absent(Absent::Unmarked(given.to_owned()));
                }
                self.with_rules(|rules| rules.secrets_of_file(&path, &text, all))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.sources.note_absent(Absent::File(given.to_owned()));
                self
            }
            Err(e) => self.with_rules(|_| Err(Error::io("read", &path, e))),
        }
    }

    /// Applies the change if `checked` is `Ok`. If not, keeps the error as the mistake that the session reports.
    fn with_checked(self, checked: Result<()>, change: impl FnOnce(Rules) -> Rules) -> Config {
        self.with_rules(|rules| checked.map(|()| change(rules)))
    }

    /// Applies a change that may fail, and keeps the first error until the session begins. The function moves the rules
    /// and does not clone them, so the time that one option needs does not grow with the number of options. After an
    /// error the rules are lost, but then no session begins.
    fn with_rules(mut self, change: impl FnOnce(Rules) -> Result<Rules>) -> Config {
        match change(std::mem::replace(&mut self.rules, Rules::none())) {
            Ok(rules) => self.rules = rules,
            Err(e) => {
                let hint = e.help().map(str::to_owned);
                _ = self.mistake.get_or_insert_with(|| (crate::error::chain(&e), hint));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No option copies the rules, so n secrets take time proportional to n. A copy of the rules would have another
    /// address, so the test compares addresses.
    #[test]
    fn options_do_not_copy_the_rules() {
        let config = Config::new();
        let address = config.rules.address();
        let config = config.secret("KEY", "pk-2f9a77c1").secret_from_env("CASSETTE_TEST_UNSET_VARIABLE");
        let config = config.redact_field("pin").redact_pointer("/a/*").redact_url("/t/(?<t>[^/]+)");
        let config = config.redact_header("x-a").keep_cookie("c").without_rule("CAS0031").keep_field("token");
        let config = config.redact_links("example.com", ["sig"]).redact_ipv4_hosts();
        assert_eq!(config.rules.address(), address);
        assert_ne!(config.rules.clone().address(), address, "a copy is told apart");
        assert!(config.mistake.is_none());
    }
}
