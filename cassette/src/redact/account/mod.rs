//! The account of a session's redaction: how often each rule fired, and which value got which placeholder.
//!
//! Must not know: formats, links, where a value was found.

pub(crate) mod given;
pub(crate) mod identity;
pub(crate) mod left_out;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::redact::rules::label::Label;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use crate::redact::values::encoding::{Encoding, with_encodings};
use given::Given;
use identity::{Identity, MOST_EXCUSED, Replacement, ValueDigest};
use left_out::LeftOut;

/// How often each rule fired, and which value got which placeholder.
pub(crate) struct Account {
    pub(crate) counts: Arc<Mutex<BTreeMap<Label, u64>>>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) given: Arc<Given>,
    /// The headers that are not stored.
    pub(crate) left_out: Arc<LeftOut>,
    /// Whether the code under test reads the placeholders, because redaction runs before the code reads the response.
    pub(crate) gives: bool,
    /// The encoding that all texts of a response have because of its format, such as JSON escapes. `None` for a
    /// request. A placeholder in a response names the encodings of its value, but leaves out the last of them if the
    /// format implies it.
    pub(crate) response_encoding: Option<Encoding>,
    /// Whether something was replaced in this body.
    pub(crate) hit: AtomicBool,
    /// The values of fields in this body that the project keeps. Neither the patterns nor the search for found values
    /// applies to them. In another body the rules decide again: a replay reads no responses, so a value that a response
    /// has must not decide about requests.
    pub(crate) excused: Mutex<Vec<Vec<u8>>>,
}

impl Account {
    pub(crate) fn new(identity: Identity) -> Account {
        Account {
            counts: Arc::default(),
            identity: Arc::new(identity),
            given: Arc::default(),
            left_out: Arc::default(),
            gives: false,
            response_encoding: None,
            hit: AtomicBool::new(false),
            excused: Mutex::default(),
        }
    }

    /// An account that shares the counts and the placeholders with this one, and has a separate `hit`.
    pub(crate) fn of_one_body(&self) -> Account {
        let (counts, identity, given) = (self.counts.clone(), self.identity.clone(), self.given.clone());
        let (left_out, gives, response_encoding) =
            (self.left_out.clone(), self.gives, self.response_encoding);
        let (hit, excused) = (AtomicBool::new(false), Mutex::default());
        Account { counts, identity, given, left_out, gives, response_encoding, hit, excused }
    }

    /// The account for redaction before the code under test reads a response. It also notes the placeholders that the
    /// code reads.
    pub(crate) fn giving(&self) -> Account {
        Account { gives: true, ..self.of_one_body() }
    }

    /// The account for a response in this encoding, or for a part of such a response.
    pub(crate) fn for_response(&self, encoding: Encoding) -> Account {
        Account { response_encoding: Some(encoding), ..self.of_one_body() }
    }

    /// The encodings that a placeholder must name if its value is encoded by these steps.
    pub(crate) fn encodings_to_name<'s>(&self, steps: &'s [Encoding]) -> &'s [Encoding] {
        self.response_encoding.map_or(&[], |encoding| encoding.within(steps))
    }

    pub(crate) fn count(&self, label: &Label) {
        self.hit();
        self.note(label);
    }

    pub(crate) fn hit(&self) {
        self.hit.store(true, Ordering::Relaxed);
    }

    /// Counts a rule, but does not set `hit`. This is for values that stay in the body, and for hooks.
    pub(crate) fn note(&self, label: &Label) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(label) {
            Some(count) => *count += 1,
            None => {
                counts.insert(label.clone(), 1);
            }
        }
    }

    /// The placeholder for a value that a rule found. Counts the rule unless the value is a placeholder itself.
    pub(crate) fn replace(
        &self,
        rule: &Rule,
        value: &ValueDigest,
        rules: &Rules,
        steps: &[Encoding],
    ) -> String {
        let Replacement { text, is_new, secret } = self.identity.placeholder(&rule.name, value, self.gives);
        if is_new {
            self.count(&rule.label);
        }
        if self.gives {
            self.given.add(&text, &rule.label);
        }
        self.in_response(&text);
        self.count_secret(secret, rules);
        let escaped = value.escaped || steps.len() > 1;
        if secret.is_some() && escaped { with_encodings(&text, self.encodings_to_name(steps)) } else { text }
    }

    /// The placeholder for a text that no rule names, if the text equals a value that was found before. The rule that
    /// found the value is not counted again.
    pub(crate) fn pass_on(&self, raw: &str, plain: &[u8], rules: &Rules) -> Option<String> {
        let Replacement { text, is_new, secret } = self.identity.passed_on(plain)?;
        if self.gives && self.given.rule(&text).is_none() {
            return None;
        }
        if is_new {
            self.hit();
        }
        self.in_response(&text);
        self.count_secret(secret, rules);
        let escaped = secret.is_some() && raw.as_bytes() != plain;
        Some(if escaped { with_encodings(&text, self.encodings_to_name(&[Encoding::Percent])) } else { text })
    }

    /// Notes a value of a field that the project keeps.
    pub(crate) fn excuse(&self, value: &ValueDigest) {
        if let Some(value) = self.identity.excuse(value) {
            let mut excused = self.excused.lock().unwrap_or_else(PoisonError::into_inner);
            if excused.len() < MOST_EXCUSED && !excused.iter().any(|known| known == value) {
                excused.push(value.to_vec());
            }
        }
    }

    /// Whether a token is in a value that the project keeps.
    pub(crate) fn is_excused(&self, token: &[u8]) -> bool {
        let excused = self.excused.lock().unwrap_or_else(PoisonError::into_inner);
        excused.iter().any(|value| memchr::memmem::find(value, token).is_some())
    }

    /// Notes that a placeholder is in this text, if the text is a response that the cassette keeps.
    pub(crate) fn in_response(&self, placeholder: &str) {
        if self.response_encoding.is_some() && !self.gives {
            self.identity.in_response(placeholder);
        }
    }

    pub(crate) fn count_secret(&self, secret: Option<usize>, rules: &Rules) {
        if let Some(secret) = secret {
            self.count(&Label::secret(&rules.secrets[secret].name));
        }
    }
}
