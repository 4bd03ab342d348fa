//! The redactor of a session: prepares the rules once, and hands out writers for bodies, checks and restorers.
//!
//! Must not know: heads of requests and responses, hooks; those build on it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, PoisonError};

use percent_encoding::percent_decode_str;

use crate::error::Result;
use crate::placeholder;
use crate::redact::account::Account;
use crate::redact::account::identity::Identity;
use crate::redact::body::BodyRedactor;
use crate::redact::leaks::check::LeakCheck;
use crate::redact::patterns::Patterns;
use crate::redact::restore::Restorer;
use crate::redact::rules::label::Label;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use crate::redact::rules::unusable::UnusableSecret;
use crate::redact::text::TextRedactor;
use crate::redact::text::by_value::ValueReplacer;
use crate::redact::values::encoding::Encoding;
use crate::redact::values::encodings;
use crate::redact::values::finder::{Entry, Finder};

/// Applies [`Rules`]. Made once for a session; clones share the count of what fired.
///
/// ```
/// use std::io::Write;
///
/// use cassette::redact::{Redactor, Rules};
///
/// let redactor = Redactor::new(Rules::default().secret("KEY", "pk-2f9a77c1")?)?;
/// assert_eq!(redactor.uri("https://h/x?token=t&k=pk-2f9a77c1"), "https://h/x?token=[token:1]&k={{secret.KEY}}");
///
/// let mut body = redactor.body(Some("application/json"), Vec::new());
/// body.write_all(br#"{"password": "p", "note": "pk-2f"#)?;
/// body.write_all(br#"9a77c1", "n": 1.0}"#)?;
/// let stored = body.finish()?;
/// assert_eq!(stored, br#"{"password": "[password:1]", "note": "{{secret.KEY}}", "n": 1.0}"#);
/// assert_eq!(redactor.fired(), ["CAS0094 field password", "CAS0134 field token", "secret.KEY"]);
/// # Ok::<(), cassette::TestError>(())
/// ```
#[derive(Clone)]
pub struct Redactor {
    prepared: Arc<Prepared>,
    account: Arc<Account>,
}

struct Prepared {
    rules: Arc<Rules>,
    values: Arc<Finder>,
    patterns: Arc<Patterns>,
    before_read: Option<Redactor>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redactor").field(&self.prepared.rules).finish()
    }
}

impl Redactor {
    /// Prepares the search for every secret in every encoding.
    ///
    /// # Errors
    ///
    /// Too many secrets: more than four thousand million patterns.
    pub fn new(rules: Rules) -> Result<Redactor> {
        let identity = Identity::new(&rules.secrets);
        Redactor::with(rules, identity)
    }

    /// The same, for a session that asks real servers with what it was answered before, redacted: see
    /// [`sent`](Self::sent). Nothing of it reaches a disk.
    pub(crate) fn keeping(rules: Rules) -> Result<Redactor> {
        let identity = Identity::keeping(&rules.secrets);
        Redactor::with(rules, identity)
    }

    fn with(rules: Rules, identity: Identity) -> Result<Redactor> {
        let account = Account::new(identity);
        let before_read = rules.before_read.as_deref().cloned();
        let before_read = before_read.map(|rules| Redactor::of(rules, account.giving(), None)).transpose()?;
        Redactor::of(rules, account, before_read)
    }

    /// The same in a session that has found nothing yet: to prepare the search takes longer than most texts of tests.
    #[cfg(test)]
    pub(in crate::redact) fn anew(&self) -> Redactor {
        assert!(self.prepared.before_read.is_none(), "it would share what it finds");
        let identity = Identity::new(&self.prepared.rules.secrets);
        Redactor { prepared: self.prepared.clone(), account: Arc::new(Account::new(identity)) }
    }

    fn of(rules: Rules, account: Account, before_read: Option<Redactor>) -> Result<Redactor> {
        let mut entries = Vec::new();
        for secret in &rules.secrets {
            let replacement: Arc<str> = secret.placeholder().into();
            let label = Label::secret(&secret.name);
            for needle in encodings::needles(&secret.value) {
                let (replacement, label) = (replacement.clone(), Some(label.clone()));
                entries.push((needle, Entry { replacement, label, nth: 0 }));
            }
        }
        let prepared = Prepared {
            values: Arc::new(Finder::new(entries)?),
            patterns: Arc::new(Patterns::new(&rules)),
            rules: Arc::new(rules),
            before_read,
        };
        Ok(Redactor { prepared: Arc::new(prepared), account: Arc::new(account) })
    }

    /// The same for answers: the placeholder of a secret says how its value was written, as `{{secret.KEY|percent}}`,
    /// where the format of the text around it doesn't. A [replay](Self::restorer) puts it in so. In requests they never
    /// do, which so are matched whatever value the secret has.
    pub(crate) fn answers(&self) -> Redactor {
        Redactor {
            prepared: self.prepared.clone(),
            account: Arc::new(self.account.answering(Encoding::Plain)),
        }
    }

    /// A writer that redacts a (decoded) body of this content type into `next`, in one pass and a window of
    /// memory. Every byte that is not redacted arrives as it was.
    ///
    /// String values of JSON members and values of form fields on the list become `[name:1]`, `[name:2]` and so
    /// on: the same value the same, wherever it is met. Numbers keep their type and so stay. Anything that begins like JSON is
    /// read as JSON, whatever the content type; from where it breaks on, up to a next line that begins like it, secrets are
    /// still replaced by value.
    pub fn body<W: Write>(&self, content_type: Option<&str>, next: W) -> BodyRedactor<W> {
        let account = Arc::new(match self.account.answer {
            Some(_) => self.account.answering(Encoding::of(content_type)),
            None => self.account.of_one_body(),
        });
        let values = self.values(account.clone(), next);
        BodyRedactor::new(content_type, self.prepared.rules.clone(), account, values)
    }

    /// A writer for replay: puts the session's own value where a placeholder `{{secret.NAME}}` stands in a body
    /// of this content type, escaped as JSON and forms need it, and before that as the placeholder says:
    /// `{{secret.NAME|percent}}`.
    pub fn restorer<W: Write>(&self, content_type: Option<&str>, next: W) -> Restorer<W> {
        Restorer::new(self.prepared.rules.clone(), Encoding::of(content_type), next)
    }

    /// Is there any value to put back in the place of a placeholder?
    pub fn restores(&self) -> bool {
        !self.prepared.rules.secrets.is_empty()
    }

    /// The same for a header's value or other plain text: the value goes in as it is.
    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    pub fn restore_str(&self, text: &str) -> String {
        let mut restorer = self.restorer(None, Vec::new());
        into_string(
            restorer.write_all(text.as_bytes()).and_then(|()| restorer.finish()).expect("writing to memory"),
        )
    }

    /// Replaces secrets by value and by form in plain text.
    pub fn text(&self, text: &str) -> String {
        into_string(self.bytes(text.as_bytes()))
    }

    /// Why the value of a secret is left aside, if the session was given one that can't be replaced.
    pub(crate) fn unusable(&self, name: &str) -> Option<&UnusableSecret> {
        self.prepared.rules.unusable(name)
    }

    /// Is there any value to look for, named or found?
    pub(crate) fn knows_values(&self) -> bool {
        !self.prepared.rules.secrets.is_empty() || self.account.identity.found_values.count() > 0
    }

    /// Copies a file that the test wrote, with the placeholders of named secrets and of tokens that were found. That is
    /// not counted: nothing of it is stored.
    ///
    /// # Errors
    ///
    /// The reader's and the writer's.
    pub(crate) fn copy(&self, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
        let account = Arc::new(Account { counts: Arc::default(), ..self.account.of_one_body() });
        let mut replacer = ValueReplacer::new(self.prepared.values.clone(), account, to);
        io::copy(from, &mut replacer)?;
        replacer.finish().map(drop)
    }

    /// The session's own value of a named secret, for the code under test.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.prepared.rules.secrets.iter().find(|s| s.is(name)).map(|s| s.value.as_str())
    }

    /// What fired so far, for `_metadata.redaction`: `CAS0012 header authorization` of the default rules
    /// ([`default_rules`]), `field customer_pin` of the project's own, `secret.NAME`; sorted.
    pub fn fired(&self) -> Vec<String> {
        self.counts().into_keys().collect()
    }

    /// The same with how often.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.account.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(label, count)| (label.to_string(), *count)).collect()
    }

    /// How this session's rules differ from those that a cassette was recorded under: rules that it names and that are
    /// not in force, and the project's own that fired here and that it doesn't name. Secrets are left out: a replay
    /// needs none.
    pub(crate) fn other_rules(&self, recorded: &[String]) -> (Vec<String>, Vec<String>) {
        let recorded: BTreeSet<Label> = recorded.iter().map(|text| Label::parse(text).rule()).collect();
        let rules = self.rules();
        let is_gone = |label: &&Label| !matches!(label, Label::Secret(_)) && !rules.has(label);
        let gone = recorded.iter().filter(is_gone).map(Label::to_string).collect();
        let counts = self.account.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let fired: BTreeSet<Label> = counts.keys().cloned().map(Label::rule).collect();
        let is_new = |label: &&Label| rules.labels_of_own().contains(*label);
        let new = fired.difference(&recorded).filter(is_new).map(Label::to_string).collect();
        (gone, new)
    }

    /// A value that was found where it is secret, written as it is.
    pub(crate) fn found(&self, rule: &Rule, plain: &[u8]) -> String {
        let mut value = self.account.identity.value();
        value.push(plain);
        self.account.replace(rule, &value, &self.prepared.rules, &[])
    }

    /// The same in a URL.
    pub(crate) fn found_in_url(&self, rule: &Rule, raw: &str) -> String {
        let mut value = self.account.identity.value();
        value.push_as(raw.as_bytes(), &percent_decode_str(raw).collect::<Vec<u8>>());
        self.account.replace(rule, &value, &self.prepared.rules, &[Encoding::Percent])
    }

    /// The text with the same mark for all numbered placeholders, and no `#` in those of secrets. What is the same in
    /// this form may have been redacted in another order, or before placeholders went without `#`.
    pub(crate) fn anonymous<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let is_ours = |name: &str| self.prepared.rules.gives(name);
        match placeholder::without_marks(text) {
            Cow::Borrowed(text) => placeholder::without_numbers(text, &is_ours),
            Cow::Owned(text) => placeholder::without_numbers(&text, &is_ours).into_owned().into(),
        }
    }

    /// The numbers of the placeholders in what a recording is added to go to no other value. For a text, or a part of one
    /// together with the [last bytes](placeholder::LONGEST) of the one before.
    pub(crate) fn take_numbers(&self, text: &[u8]) {
        self.account.identity.reserve_numbers(text);
    }

    /// A text of a request as a real server has to get it: with the values that were found in its answers where their
    /// placeholders stand. As it is, where no values are [kept](Self::keeping).
    pub(crate) fn sent<'t>(&self, text: &'t [u8], encoding: Encoding) -> Cow<'t, [u8]> {
        self.account.identity.sent(text, |value| encoding.encode(value))
    }

    /// The final check of what this redactor let through, for named secrets and for values that it found.
    ///
    /// # Errors
    ///
    /// As for [`new`](Redactor::new).
    pub fn leak_check(&self) -> Result<LeakCheck> {
        LeakCheck::new(&self.prepared.rules, self.account.identity.found_values.needles())
    }

    /// What this session redacts.
    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.prepared.rules
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The redactor of responses before the code under test reads them; `None` if no rule asks for that.
    pub(crate) fn before_read(&self) -> Option<&Redactor> {
        self.prepared.before_read.as_ref()
    }

    pub(crate) fn values<W: Write>(&self, account: Arc<Account>, next: W) -> TextRedactor<W> {
        let Prepared { rules, values, patterns, .. } = &*self.prepared;
        TextRedactor::new(values.clone(), patterns.clone(), rules.clone(), account, next)
    }

    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut values = self.values(self.account.clone(), Vec::new());
        values.write_all(bytes).and_then(|()| values.finish()).expect("writing to memory")
    }
}

/// Hits begin and end at characters, except inside broken text.
pub(crate) fn into_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
