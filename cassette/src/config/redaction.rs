//! What is secret, and what of it reaches the disk.

use std::collections::BTreeSet;
use std::env::VarError;
use std::path::{Path, PathBuf};

use super::{Config, spelling};
use crate::redact::{BodyHead, RequestHead, ResponseHead, Rules, Unusable};
use crate::report::{Absent, ValueFrom};
use crate::{Error, Result};

/// What the values of secrets come from, whether there are any or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    variables: BTreeSet<String>,
    /// Each with whether all its strings are secrets, or what is marked with `#`.
    files: Vec<(PathBuf, bool)>,
    named: BTreeSet<String>,
    /// Where there was nothing to take a secret from.
    absent: Vec<Absent>,
}

impl Sources {
    /// Where there was nothing, and nobody else gave the value of that name.
    pub(crate) fn absent(&self, rules: &Rules) -> Vec<Absent> {
        let has = |name: &String| rules.names().any(|known| known == name);
        let absent = self.absent.iter().filter(|absent| match absent {
            Absent::Unset(name) | Absent::Empty(name) | Absent::Value(name) => !has(name),
            Absent::File(_) | Absent::Unmarked(_) => true,
        });
        absent.cloned().collect()
    }

    /// Where the value of this secret comes from, or would.
    pub(crate) fn of(&self, name: &str) -> ValueFrom {
        if self.variables.contains(name) {
            return ValueFrom::Variable;
        }
        let may_hold = |all: &bool| *all || name.contains('#');
        let files = self.files.iter().filter(|(_, all)| may_hold(all) && !self.named.contains(name));
        let files: Vec<PathBuf> = files.map(|(file, _)| file.clone()).collect();
        if files.is_empty() { ValueFrom::Config } else { ValueFrom::Files(files) }
    }
}

impl Config {
    /// A named secret: wherever `value` occurs, in whatever encoding, the cassette has `{{secret.NAME}}`.
    /// On replay the placeholder is filled with the value again. An empty value is no secret: it is what
    /// an unset variable gives, and a replay needs none. A test that records says so in a note.
    ///
    /// A value too short or too common to be replaced safely is a mistake that the session reports when it begins to
    /// record. Where nothing is recorded it is none: on replay, `API_KEY=test` is the same as no `API_KEY`.
    #[must_use]
    pub fn secret(mut self, name: &str, value: impl AsRef<str>) -> Config {
        let value = value.as_ref();
        if value.is_empty() {
            self.note_absent(Absent::Value(name.to_owned()));
        }
        self.named(name, value)
    }

    fn named(mut self, name: &str, value: &str) -> Config {
        self.sources.named.insert(name.to_owned());
        if value.is_empty() { self } else { self.with_rules(|rules| rules.secret_or_unusable(name, value)) }
    }

    /// The same with the value of an environment variable of that name; unset is no secret. A test that records says so
    /// in a note.
    #[must_use]
    pub fn secret_from_env(mut self, name: &str) -> Config {
        self.sources.variables.insert(name.to_owned());
        let value = match std::env::var(name) {
            Ok(value) => value,
            Err(VarError::NotPresent) => {
                self.note_absent(Absent::Unset(name.to_owned()));
                return self.named(name, "");
            }
            Err(VarError::NotUnicode(_)) => {
                return self.with_rules(|rules| Ok(rules.without_value(name, Unusable::NotUtf8)));
            }
        };
        if value.is_empty() {
            self.note_absent(Absent::Empty(name.to_owned()));
        }
        self.named(name, &value)
    }

    /// Every string of a JSON file is a secret, at any depth, under the path to it: `db.password`. A string that is
    /// JSON itself is opened. The path is relative to the package's directory. Where there is no such file there are
    /// no secrets: it is not committed, and a replay needs none. A test that records says so in a note.
    ///
    /// A file that can't be read is a mistake that the session reports when it begins; a value too short to be replaced
    /// safely as for [`secret`](Self::secret).
    #[must_use]
    pub fn secrets_file(self, path: impl AsRef<Path>) -> Config {
        self.with_file(path.as_ref(), true)
    }

    /// The same with what stands under the keys of a configuration that begin with `#`, at any depth. Where none does,
    /// a test that records says so in a note.
    #[must_use]
    pub fn secrets_from_config(self, path: impl AsRef<Path>) -> Config {
        self.with_file(path.as_ref(), false)
    }

    /// Keeps a header, by name, with its value: the default list keeps what replay and review need. `x-acme-*` keeps all
    /// that begin so, but for those that carry credentials.
    ///
    /// The name of a header that a default rule redacts is a mistake that the session reports when it begins:
    /// [`without_rule`](Self::without_rule) takes that rule out of force.
    #[must_use]
    pub fn allow_header(self, name: &str) -> Config {
        self.with_checked(spelling::headers("allow_header", name), |rules| rules.allow_header(name))
    }

    /// Redacts the values of a JSON key, form key or query key of this name, at any depth. Case, `-` and `_`
    /// don't count: `apiKey` is `api_key`. `user[api_key]` in a form is one, too.
    #[must_use]
    pub fn redact_field(self, name: &str) -> Config {
        self.with_checked(spelling::field("redact_field", name), |rules| rules.field(name))
    }

    /// Redacts the string at a place of JSON bodies: a JSON pointer (RFC 6901) in which `*` stands for every name
    /// or index, such as `/users/*/email`. Where it leads to an object or an array, every string in it.
    #[must_use]
    pub fn redact_pointer(self, pointer: &str) -> Config {
        self.with_rules(|rules| rules.pointer(pointer))
    }

    /// Keeps a header by name only, as credentials are.
    #[must_use]
    pub fn redact_header(self, name: &str) -> Config {
        self.with_checked(spelling::header("redact_header", name), |rules| rules.redact_header(name))
    }

    /// Drops a header that would be kept.
    #[must_use]
    pub fn drop_header(self, name: &str) -> Config {
        self.with_checked(spelling::header("drop_header", name), |rules| rules.drop_header(name))
    }

    /// Keeps every header that nothing says to redact or drop, instead of those on the list of harmless ones.
    #[must_use]
    pub fn keep_other_headers(mut self) -> Config {
        self.rules = self.rules.keep_other_headers();
        self
    }

    /// Keeps a cookie of this name with its value; by default the values of all cookies are redacted.
    #[must_use]
    pub fn keep_cookie(self, name: &str) -> Config {
        self.with_checked(spelling::cookie("keep_cookie", name), |rules| rules.keep_cookie(name))
    }

    /// Redacts a cookie by name, where the rules for all cookies, `CAS0002` and `CAS0003`, are out of force.
    #[must_use]
    pub fn redact_cookie(self, name: &str) -> Config {
        self.with_checked(spelling::cookie("redact_cookie", name), |rules| rules.cookie(name))
    }

    /// Redacts parts of URLs by a regular expression over the whole URL: what its groups match, or all of it where
    /// it has none. A named group, `/tenants/(?<tenant>[^/]+)`, gives the placeholder its name.
    #[must_use]
    pub fn redact_url(self, pattern: &str) -> Config {
        self.with_rules(|rules| rules.url(pattern))
    }

    /// Redacts parameters of links to a domain and its subdomains wherever they stand, in bodies of any format too:
    /// `redact_links("cdn.example.com", ["sig", "expires"])`. All parameters, if none is named.
    #[must_use]
    pub fn redact_links<'n>(self, domain: &str, parameters: impl IntoIterator<Item = &'n str>) -> Config {
        let parameters: Vec<&str> = parameters.into_iter().collect();
        self.with_checked(spelling::links(domain, &parameters), |rules| rules.links(domain, &parameters))
    }

    /// Redacts IPv4 addresses as hosts of URLs, in bodies too, as `ipv4-1.invalid`; 127.0.0.1 stays.
    #[must_use]
    pub fn redact_ipv4_hosts(mut self) -> Config {
        self.rules = self.rules.ipv4_hosts();
        self
    }

    /// Redacts personal data before the code under test reads it: a field by name, or the strings at a place of JSON
    /// bodies, which begins with `/`. What the code sees is what the cassette has, in `record` mode too:
    /// `[email:1]`. Header and cookie values of that name are meant as well. Numbers and booleans stay.
    ///
    /// The value can't be sent back to the server any more: a request with such a placeholder in it is not sent, and
    /// fails the test with the name of the rule. An answer that is redacted so is read without a `content-encoding`
    /// and comes without `content-length`. In mode `off` nothing is redacted.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().redact_before_read("email").redact_before_read("/customers/*/address/street");
    /// ```
    #[must_use]
    pub fn redact_before_read(self, what: &str) -> Config {
        let checked = spelling::field_or_place("redact_before_read", what);
        self.with_rules(|rules| checked.and_then(|()| rules.before_read(what)))
    }

    /// Redacts the URL and the headers of requests by code of one's own, for what no name and no pattern tells. It
    /// changes what is stored and what is matched, on recording and on replay alike, and not what the server gets.
    ///
    /// Hooks come first, in the order in which they were added, and everything else redacts what they leave. The same
    /// request has to come out the same on every run. `name` is what `_metadata.redaction` calls it.
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

    /// Redacts the headers of answers by code of one's own. It changes what is stored; while recording the code
    /// under test gets the answer as it was. As for [`redact_request_with`](Self::redact_request_with) otherwise.
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

    /// Redacts bodies by code of one's own, of requests and of answers: those that `wants` says yes to, as
    /// `change` returns them. They come decoded, and whole: a body of more than [`MOST_HOOKED`] bytes can't be
    /// recorded then. Others are not held. As for [`redact_request_with`](Self::redact_request_with) otherwise.
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

    /// Takes a name off the default list of redacted fields.
    ///
    /// A name that no rule has is a mistake that the session reports when it begins, with the nearest one.
    #[must_use]
    pub fn keep_field(self, name: &str) -> Config {
        let checked = self.rules.known_field(name);
        self.with_checked(checked, |rules| rules.keep_field(name))
    }

    /// Takes one default rule out of force, by its id: `without_rule("CAS0031")`. `cargo cassette rules` lists
    /// them, a cassette's `_metadata.redaction` names those that fired.
    ///
    /// An id that doesn't exist is a mistake that the session reports when it begins, with the nearest one.
    #[must_use]
    pub fn without_rule(self, id: &str) -> Config {
        self.with_rules(|rules| rules.without_rule(id))
    }

    fn with_file(mut self, path: &Path, all: bool) -> Config {
        self.sources.files.push((path.to_owned(), all));
        // Where Cargo runs the tests of a package, which need not be where they are started by hand.
        let directory = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let (given, path) = (path, directory.join(path));
        match std::fs::read(&path) {
            Ok(text) => {
                if !all && Rules::marks_none(&text) {
                    self.note_absent(Absent::Unmarked(given.to_owned()));
                }
                self.with_rules(|rules| rules.secrets_of_file(&path, &text, all))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.note_absent(Absent::File(given.to_owned()));
                self
            }
            Err(e) => self.with_rules(|_| Err(Error::io("read", &path, e))),
        }
    }

    fn note_absent(&mut self, absent: Absent) {
        if !self.sources.absent.contains(&absent) {
            self.sources.absent.push(absent);
        }
    }

    /// With a change that is made whatever the spelling, which is a mistake if it can't be meant.
    fn with_checked(self, checked: Result<()>, change: impl FnOnce(Rules) -> Rules) -> Config {
        self.with_rules(|rules| checked.map(|()| change(rules)))
    }

    /// The first mistake stays until the session begins. The rules are taken, not cloned, so that an option costs the
    /// same however many there are; a mistake loses them, and no session begins without them.
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

    /// Every option changes the one set of rules, so that n secrets cost n. A copy would have another address.
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
