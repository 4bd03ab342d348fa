//! Options for redaction: which values are secret, and what the cassette has in their place.

use std::env::VarError;
use std::path::Path;

use super::{Config, sources, validation};
use crate::error::{Error, Result};
use crate::mode::Environment;
use crate::redact::{BodyHead, RequestHead, ResponseHead, Rules, Unusable};
use crate::report::Absent;

impl Config {
    /// Names a secret. The cassette has `{{secret.NAME}}` wherever the value occurs, in whatever encoding. On replay
    /// cassette puts the value back in place of the placeholder.
    ///
    /// An empty value counts as missing: it often comes from an unset variable, and a replay needs no value. A test
    /// that records without the value says so in a note. Some values are too short or too common to be replaced safely.
    /// If a session begins to record with such a value, it reports a mistake. In other modes such a value counts as
    /// missing, so that a replay works with `API_KEY=test`.
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

    /// Names a secret whose value is in the environment variable of the same name. If the variable is not set, the
    /// value counts as missing, and a test that records says so in a note. Otherwise this method does the same as
    /// [`secret`](Self::secret).
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().secret_from_env("API_KEY");
    /// ```
    #[must_use]
    pub fn secret_from_env(mut self, name: &str) -> Config {
        self.sources.variables.insert(name.to_owned());
        let value = match Environment::variable(name) {
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

    /// Names every string of a JSON file as a secret, at any depth. The name of a secret is the path to it:
    /// `db.password`. If a string holds JSON itself, its strings are secrets, too. The file's path is relative to the
    /// package's directory.
    ///
    /// The file may be absent, because it is not committed and a replay does not need it. A test that records without
    /// the file says so in a note. A file that cannot be read is a mistake, which the session reports when it begins.
    /// [`secret`](Self::secret) explains what happens to values that are too short.
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

    /// Names the values of a JSON file whose keys begin with `#` as secrets, at any depth. If no key begins with `#`, a
    /// test that records says so in a note. Otherwise this method does the same as
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

    /// Keeps a header with its value, even if the header is noise or its value looks like a credential. Named secrets
    /// and tokens with a known pattern in the value are redacted nevertheless. `x-acme-*` keeps all headers that begin
    /// with `x-acme-`, except those whose names are those of credentials.
    ///
    /// If a default rule redacts the header, the session reports a mistake when it begins.
    /// [`without_rule`](Self::without_rule) switches such a rule off.
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

    /// Keeps bodies with this `content-encoding` as they are. Without this option, a body in a coding that cassette
    /// cannot decode fails the recording, because cassette cannot search it for secrets. So use the option only if such
    /// bodies contain no secret.
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

    /// Redacts the values of a key in JSON, forms and queries, at any depth. Case, `-` and `_` make no difference:
    /// `apiKey` is the same key as `api_key`. In forms, `user[api_key]` is also the same key.
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
    /// every name or index. If an object or an array is at the place, cassette redacts every string in it.
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

    /// Redacts the value of a header and keeps its name. cassette does the same with credentials by default.
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

    /// Leaves out a header that cassettes would keep otherwise. `_metadata.left_out` names it.
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

    /// Also keeps headers that are noise, such as ids of traces and durations. By default cassettes leave them out, and
    /// `_metadata.left_out` names them. `cargo cassette rules` lists them.
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

    /// Redacts a cookie. Use it only if you switch off the rules for all cookies, `CAS0002` and `CAS0003`.
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

    /// Redacts parts of URLs by a regular expression: its groups, or the whole match if it has no group. cassette
    /// searches the whole URL for the expression. The name of a group becomes the name of the placeholder.
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

    /// Redacts parameters of links to a domain and its subdomains, also in bodies of any format. If the list is empty,
    /// cassette redacts all parameters.
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

    /// Replaces IPv4 addresses that are hosts of URLs, also in bodies, by `ipv4-1.invalid`, `ipv4-2.invalid` and so on.
    /// 127.0.0.1 stays.
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

    /// Redacts personal data before the code under test reads it. `what` is the name of a field, or a JSON pointer (RFC
    /// 6901), which begins with `/`. The code reads the placeholder that the cassette has, such as `[email:1]`, also in
    /// mode `record`. cassette also redacts headers and cookies of that name. Numbers and booleans stay.
    ///
    /// The code cannot send the value back to the server: cassette does not send a request that has such a placeholder,
    /// and the failure of the test names the rule. A redacted answer has neither `content-encoding` nor
    /// `content-length`. Mode `off` redacts nothing.
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
    /// recording, the code under test gets the answer of the server. Otherwise this method does the same as
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
    /// redacted. `change` gets bodies decoded and complete. So if `wants` chooses a body of more than [`MOST_HOOKED`]
    /// bytes, cassette cannot record it. Other bodies are streamed. Otherwise this method does the same as
    /// [`redact_request_with`](Self::redact_request_with).
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

    /// Removes a name from the default list of redacted fields. The patterns of tokens no longer apply to the values of
    /// these fields either, so a test can, for example, verify the signature of an `id_token`.
    ///
    /// If no rule has this name, the session reports a mistake when it begins, with the nearest name.
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

    /// Switches off one default rule by its id. `cargo cassette rules` lists the rules, and `_metadata.redaction` of a
    /// cassette lists those that redacted something.
    ///
    /// If the id does not exist, the session reports a mistake when it begins, with the nearest id.
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

    /// Applies the change if `checked` is a success. Otherwise keeps the error of `checked` as the mistake.
    fn with_checked(self, checked: Result<()>, change: impl FnOnce(Rules) -> Rules) -> Config {
        self.with_rules(|rules| checked.map(|()| change(rules)))
    }

    /// Applies a change that may fail, and keeps the first error until the session begins. The rules are taken, not cloned,
    /// so that the time of an option does not grow with the number of options. After an error the rules are lost, but no
    /// session begins.
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

    /// No option copies the set of rules, so n secrets take time proportional to n. The test compares addresses,
    /// because a copy of the rules would have another address.
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
