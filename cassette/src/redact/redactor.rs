//! The redactor of a session: prepares the rules once, and makes writers for bodies, leak checks and restorers.
//!
//! Must not know: heads of requests and responses, and hooks. The code for heads and hooks uses the redactor.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, PoisonError};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

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
use crate::redact::rules::secret::Secret;
use crate::redact::rules::set::Rules;
use crate::redact::rules::unusable::UnusableSecret;
use crate::redact::stand_ins::{StandIns, Syntax, is_jwt};
use crate::redact::text::TextRedactor;
use crate::redact::text::by_value::ValueReplacer;
use crate::redact::values::encoding::Encoding;
use crate::redact::values::encodings;
use crate::redact::values::finder::{Entry, Finder};

/// Applies [`Rules`]. A session makes one redactor. Its clones share the counts: how often each rule has fired, that
/// is, has found a value.
///
/// ```
/// use std::io::Write;
///
/// use cassette::__support::{Redactor, Rules};
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
    /// There are too many secrets: more than 2^32 encodings to search for.
    pub fn new(rules: Rules) -> Result<Redactor> {
        let identity = Identity::new(&rules.secrets);
        Redactor::with(rules, identity)
    }

    /// Like [`new`](Self::new), for a session whose test reads redacted responses, but whose requests go to real
    /// servers. The redactor keeps the values that its placeholders replaced in memory, so that [`sent`](Self::sent)
    /// can put them into requests. The values never reach the disk.
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

    /// A redactor with the same prepared rules, which has found no values yet. Tests use it, because the preparation of
    /// the rules takes longer than most tests.
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

    /// The redactor for responses. It writes placeholders of secrets that name the encoding of the value, as in
    /// `{{secret.KEY|percent}}`, unless the format of the text implies the encoding. So a [replay](Self::restorer) can
    /// write the value in the same encoding. Placeholders in requests name no encoding: some values need no escapes and
    /// others do, and a request must match with any value of the secret.
    pub(crate) fn for_responses(&self) -> Redactor {
        Redactor {
            prepared: self.prepared.clone(),
            account: Arc::new(self.account.for_response(Encoding::Plain)),
        }
    }

    /// A writer that redacts a body of this content type and writes the result to `next`, in one pass. The body must
    /// come without a content encoding. Only a window of the body is in memory. All bytes that are not redacted stay as
    /// they are.
    ///
    /// The values of fields whose names are on the list become `[name:1]`, `[name:2]` and so on. Equal values get the
    /// same placeholder everywhere. Numbers stay, because a placeholder would change their type. A body that begins
    /// like JSON is read as JSON, whatever its content type. After a syntax error, the writer still finds secrets by
    /// their value. It reads fields of JSON again from the next line that begins like JSON.
    pub fn body<W: Write>(&self, content_type: Option<&str>, next: W) -> BodyRedactor<W> {
        let account = Arc::new(match self.account.response_encoding {
            Some(_) => self.account.for_response(Encoding::of(content_type)),
            None => self.account.of_one_body(),
        });
        let values = self.values(account.clone(), next);
        BodyRedactor::new(content_type, self.prepared.rules.clone(), account, values)
    }

    /// A writer for replay: puts the session's own value in place of each placeholder `{{secret.NAME}}` in a body of
    /// this content type. It applies the encodings that the placeholder names, as in `{{secret.NAME|percent}}`, and
    /// then the escapes of JSON or forms.
    pub fn restorer<W: Write>(&self, content_type: Option<&str>, next: W) -> Restorer<W> {
        let stand_ins = self.account.identity.stand_ins().cloned().unwrap_or_default();
        Restorer::new(self.prepared.rules.clone(), stand_ins, Encoding::of(content_type), next)
    }

    /// Whether the session has named secrets or stand-ins, which a replay must put into responses.
    pub fn restores(&self) -> bool {
        !self.prepared.rules.secrets.is_empty() || self.account.identity.stand_ins().is_some()
    }

    /// The syntaxes of the values whose placeholders are in responses, for `_metadata.tokens`. The claims of a JWT are
    /// redacted as texts, and by the project's own rules for fields.
    pub(crate) fn tokens(&self) -> Map<String, Value> {
        let syntaxes = self.account.identity.syntaxes();
        let is_own = |name: &str| self.prepared.rules.fields.get(name).is_some_and(|rule| rule.is_own());
        let redacted = |name: &str, syntax: Syntax| {
            syntax.redact(&is_own, name).map(&|text: &str| self.text(text)).to_value()
        };
        syntaxes
            .into_iter()
            .map(|(name, syntax)| {
                let value = redacted(&name, syntax);
                (name, value)
            })
            .collect()
    }

    /// The names of the placeholders whose stand-ins are JWTs, such as `id_token`.
    pub(crate) fn jwts(&self) -> BTreeSet<String> {
        let stand_ins = self.account.identity.stand_ins();
        let all = stand_ins.iter().flat_map(|stand_ins| stand_ins.iter());
        let jwts = all.filter(|(_, text)| is_jwt(text));
        let name = |placeholder: &str| {
            placeholder::parse(placeholder.as_bytes())?.numbered.map(|(name, _)| name.to_owned())
        };
        jwts.filter_map(|(placeholder, _)| name(placeholder)).collect()
    }

    /// Prepares the stand-ins for the placeholders of a cassette, from its `_metadata.tokens`. From now on
    /// [restorers](Self::restorer) put them into responses, and redaction recognises them in requests.
    ///
    /// # Errors
    ///
    /// An entry is malformed.
    pub(crate) fn give_stand_ins(&self, tokens: &Map<String, Value>) -> Result<()> {
        let stand_ins = StandIns::of(tokens, &|text| self.restore_str(text))?;
        self.account.identity.give(stand_ins);
        Ok(())
    }

    /// Restores named secrets in the value of a header or in other text without escapes.
    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    pub fn restore_str(&self, text: &str) -> String {
        let mut restorer = self.restorer(None, Vec::new());
        into_string(
            restorer.write_all(text.as_bytes()).and_then(|()| restorer.finish()).expect("writing to memory"),
        )
    }

    /// Redacts a text: finds secrets by their value and tokens by their pattern, and replaces them with placeholders.
    pub fn text(&self, text: &str) -> String {
        into_string(self.bytes(text.as_bytes()))
    }

    /// Whether a body with this `content-encoding` is kept as it is, unsearched.
    pub(crate) fn is_opaque(&self, content_encoding: &str) -> bool {
        let mut codings = content_encoding.split(',').map(|coding| coding.trim().to_ascii_lowercase());
        codings.any(|coding| self.prepared.rules.opaque.contains(&coding))
    }

    /// The secret with this name, if the session has a value for it that cannot be redacted.
    pub(crate) fn unusable(&self, name: &str) -> Option<&UnusableSecret> {
        self.prepared.rules.unusable(name)
    }

    /// Whether there are values to search for: named secrets, or values that redaction has found.
    pub(crate) fn knows_values(&self) -> bool {
        !self.prepared.rules.secrets.is_empty() || self.account.identity.found_values.count() > 0
    }

    /// Copies a file that the test wrote, and redacts named secrets and found values in the copy. The copy is only
    /// hashed, for the snapshot of the output. The replacements are not counted, because no cassette has the copy.
    ///
    /// # Errors
    ///
    /// Fails if the reader or the writer fails.
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

    /// The labels of the rules that fired so far, sorted, for `_metadata.redaction`: `CAS0012 header authorization` for
    /// a default rule, `field customer_pin` for a rule of the project, `secret.NAME` for a secret.
    pub fn fired(&self) -> Vec<String> {
        self.counts().into_keys().collect()
    }

    /// The labels of the rules that fired in this session, or in the recording that mode `append` extends. Each rule
    /// has one label in the result, even if another version of cassette wrote a different label for it into the
    /// recording.
    pub(crate) fn fired_or_in(&self, recorded: &[String]) -> Vec<String> {
        let mut all = self.fired();
        all.extend(recorded.iter().map(|text| Label::parse(text).to_string()));
        all.sort();
        all.dedup();
        all
    }

    /// The labels of the rules that fired so far, each with its number of hits.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.account.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(label, count)| (label.to_string(), *count)).collect()
    }

    /// Compares this session's rules with the rules that a recording names. The first list of the result has the rules
    /// that the recording names and that are not in force now. The second list has the project's own rules that fired
    /// in this session and that the recording does not name. Secrets are in neither list, because a replay needs no
    /// secrets.
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

    /// The names of the headers that were not stored so far, sorted: of requests, and of responses.
    pub(crate) fn left_out(&self) -> (Vec<String>, Vec<String>) {
        self.account.left_out.sorted()
    }

    /// Notes that the project keeps this value.
    pub(crate) fn excuse(&self, bytes: &[u8]) {
        let mut value = self.account.identity.value();
        value.push(bytes);
        self.account.excuse(&value);
    }

    /// The placeholder for a value that a rule found in a text without escapes.
    pub(crate) fn found(&self, rule: &Rule, bytes: &[u8]) -> String {
        let mut value = self.account.identity.value();
        value.push(bytes);
        self.account.replace(rule, &value, &self.prepared.rules, &[])
    }

    /// The placeholder for a percent-encoded value that a rule found in a URL.
    pub(crate) fn found_in_url(&self, rule: &Rule, raw: &str) -> String {
        let mut value = self.account.identity.value();
        value.push_as(raw.as_bytes(), &percent_decode_str(raw).collect::<Vec<u8>>());
        self.account.replace(rule, &value, &self.prepared.rules, &[Encoding::Percent])
    }

    /// The text with one mark in place of every numbered placeholder, and without `#` in the placeholders of secrets.
    /// The numbers depend on the order of events, and only older cassettes have the `#`. So two texts that differ only
    /// in numbers and `#` become equal.
    pub(crate) fn anonymous<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let is_ours = |name: &str| self.prepared.rules.gives(name);
        match placeholder::without_marks(text) {
            Cow::Borrowed(text) => placeholder::without_numbers(text, &is_ours),
            Cow::Owned(text) => placeholder::without_numbers(&text, &is_ours).into_owned().into(),
        }
    }

    /// Reserves the numbers of all placeholders in a text of the recording that mode `append` extends, so that new
    /// values get other numbers. The text may come in parts. Then each part must begin with the last
    /// [`LONGEST`](placeholder::LONGEST) bytes of the part before it, because a placeholder may begin in one part and
    /// end in the next.
    pub(crate) fn take_numbers(&self, text: &[u8]) {
        self.account.identity.reserve_numbers(text);
    }

    /// The text of a request as a real server must get it: values from earlier responses replace their placeholders.
    /// The text is unchanged if no values are [kept](Self::keeping).
    pub(crate) fn sent<'t>(&self, text: &'t [u8], encoding: Encoding) -> Cow<'t, [u8]> {
        self.account.identity.sent(text, |value| encoding.encode(value))
    }

    /// The final leak check for the secrets of this redactor, and for the values that it found.
    ///
    /// # Errors
    ///
    /// As for [`new`](Redactor::new).
    pub fn leak_check(&self) -> Result<LeakCheck> {
        self.leak_check_with(Vec::new())
    }

    /// Like [`leak_check`](Redactor::leak_check), and for secrets that only other sessions name.
    pub(crate) fn leak_check_with(&self, others: Vec<Secret>) -> Result<LeakCheck> {
        LeakCheck::new(
            &self.prepared.rules,
            others,
            self.account.identity.found_values.needles(&self.account.identity.excused()),
            self.account.identity.excused(),
        )
    }

    /// The rules of this session.
    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.prepared.rules
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The redactor that changes responses before the code under test reads them. `None` if the project has no such
    /// rules.
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

/// The bytes as a string. Replacements begin and end at character boundaries, so bytes that were UTF-8 before redaction
/// are UTF-8 after it.
pub(crate) fn into_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_of_an_older_version_belongs_to_the_same_rule() {
        let redactor = Redactor::new(Rules::default().field("customer_pin")).unwrap();
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
        redactor.text(jwt);
        assert_eq!(redactor.fired(), ["CAS0501 pattern jwt"]);
        let recorded = ["CAS0501 shape jwt", "field old_pin", "secret.KEY"].map(str::to_owned);
        assert_eq!(redactor.other_rules(&recorded), (vec!["field old_pin".to_owned()], Vec::new()));
        assert_eq!(redactor.fired_or_in(&recorded), ["CAS0501 pattern jwt", "field old_pin", "secret.KEY"]);
    }
}
