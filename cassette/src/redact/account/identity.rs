//! Gives each value one placeholder, such as `[access_token:1]`. The numbers follow the order in which values first
//! appear. Equal values get equal placeholders, and different values get different placeholders. [`Identity`] keeps
//! keyed hashes of the values, not the values themselves. There are two exceptions: the few found values that redaction
//! searches for, and the values that mode `verify` sends again.
//!
//! Must not know: where a value was found.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::placeholder;
use crate::redact::rules::secret::Secret;
use crate::redact::stand_ins::{StandIns, Syntax};
use crate::redact::values::found_values;
use crate::redact::values::found_values::FoundValues;

/// The placeholders of a session.
pub(crate) struct Identity {
    /// Without this key, a hash reveals nothing about its value.
    key: RandomState,
    secrets: Vec<String>,
    found: Mutex<Numbering>,
    /// The values that redaction searches for everywhere.
    pub(crate) found_values: FoundValues,
    /// The value that each placeholder replaced, if the session must send the values to a real server again. The values
    /// never reach the disk.
    kept: Option<Mutex<HashMap<String, Vec<u8>>>>,
    /// The syntaxes of the values that got placeholders.
    syntaxes: Mutex<HashMap<String, Noted>>,
    /// Values of fields that the project keeps, for the final leak check.
    excused: Mutex<Vec<Vec<u8>>>,
    /// The stand-ins that a replay gives to the code under test.
    stand_ins: OnceLock<Arc<StandIns>>,
}

/// The syntax of a value, and whether its placeholder is in a response. Only then does a replay need a stand-in.
struct Noted {
    syntax: Syntax,
    in_response: bool,
}

#[derive(Default)]
struct Numbering {
    places: HashMap<u64, Place>,
    /// The names of placeholders, each with the last number that is taken.
    names: Vec<(Box<str>, u32)>,
}

#[derive(Clone, Copy)]
enum Place {
    /// The index of a named secret.
    Secret(u32),
    /// The index of a placeholder's name, and the number.
    Found(u32, u32),
}

/// The greatest number of values that are remembered. After that, a new value gets a new number each time it occurs.
const REMEMBERED: usize = 1 << 16;

/// A value that is read in pieces: its hash, and its first bytes.
pub(crate) struct ValueDigest {
    hasher: DefaultHasher,
    head: Vec<u8>,
    /// The greatest length of `head`.
    most: usize,
    /// Whether the value is escaped in the text.
    pub(crate) escaped: bool,
}

/// A shorter value is no token of any pattern.
const SHORTEST_EXCUSED: usize = 16;

/// The greatest number of kept values that are remembered.
pub(crate) const MOST_EXCUSED: usize = 1024;

/// The length of the longest value that is kept for a real server, or whose syntax is noted.
const LONGEST_KEPT: usize = 16 * 1024;

impl Identity {
    pub(crate) fn new(secrets: &[Secret]) -> Identity {
        let identity = Identity {
            key: RandomState::new(),
            secrets: secrets.iter().map(Secret::placeholder).collect(),
            found: Mutex::default(),
            found_values: FoundValues::default(),
            kept: None,
            syntaxes: Mutex::default(),
            excused: Mutex::default(),
            stand_ins: OnceLock::new(),
        };
        for (n, secret) in (0..).zip(secrets) {
            let mut value = identity.value();
            value.push(secret.value.as_bytes());
            identity.found().places.insert(value.hasher.finish(), Place::Secret(n));
        }
        identity
    }

    /// Like [`new`](Self::new), and keeps values for [`sent`](Self::sent).
    pub(crate) fn keeping(secrets: &[Secret]) -> Identity {
        Identity { kept: Some(Mutex::default()), ..Identity::new(secrets) }
    }

    pub(crate) fn value(&self) -> ValueDigest {
        ValueDigest { hasher: self.key.build_hasher(), head: Vec::new(), most: LONGEST_KEPT, escaped: false }
    }

    /// The text as a real server must get it: each placeholder of a kept value becomes the value, encoded with
    /// `encode`. The text is unchanged if no values are kept.
    pub(crate) fn sent<'t>(&self, text: &'t [u8], encode: impl Fn(&str) -> String) -> Cow<'t, [u8]> {
        let Some(kept) = &self.kept else { return Cow::Borrowed(text) };
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let encoded = |value: &Vec<u8>| match std::str::from_utf8(value) {
            Ok(text) => encode(text).into_bytes(),
            Err(_) => value.clone(),
        };
        let text = self.without_stand_ins(text, &kept, &encode);
        match placeholder::replace_numbered(&text, |placeholder, _| kept.get(placeholder).map(encoded)) {
            Cow::Owned(sent) => Cow::Owned(sent),
            Cow::Borrowed(_) => text,
        }
    }

    /// The text with placeholders in place of the stand-ins for kept values.
    fn without_stand_ins<'t>(
        &self,
        text: &'t [u8],
        kept: &HashMap<String, Vec<u8>>,
        encode: impl Fn(&str) -> String,
    ) -> Cow<'t, [u8]> {
        let mut text = Cow::Borrowed(text);
        for (placeholder, stand_in) in self.stand_ins().iter().flat_map(|stand_ins| stand_ins.iter()) {
            if !kept.contains_key(placeholder) {
                continue;
            }
            for written in [stand_in.to_owned(), encode(stand_in)] {
                if memchr::memmem::find(&text, written.as_bytes()).is_some() {
                    text = Cow::Owned(replaced(&text, written.as_bytes(), placeholder.as_bytes()));
                }
            }
        }
        text
    }

    /// The placeholder for a value: the placeholder of the secret with this value, or a numbered placeholder with this
    /// name. A value that is a placeholder itself stays. `given` says that the code under test reads the placeholder.
    /// Then the value never gets the placeholder of a secret, because a replay would put the secret in place of this
    /// placeholder.
    pub(crate) fn placeholder(&self, name: &str, value: &ValueDigest, given: bool) -> Replacement {
        let mut found = self.found();
        if let Some(parsed) = placeholder::parse(&value.head) {
            found.reserve(parsed.numbered);
            return Replacement { text: parsed.text.to_owned(), is_new: false, secret: None };
        }
        if let Some(replacement) = self.of_stand_in(&value.head, &mut found) {
            return replacement;
        }
        let mut hash = value.hasher.finish();
        if given && found.places.get(&hash).is_some_and(|place| place.secret().is_some()) {
            let mut other = value.hasher.clone();
            other.write(b"given");
            hash = other.finish();
        }
        let whole = value.head.len() < value.most;
        let known = found.places.get(&hash).copied();
        let place = known.unwrap_or_else(|| {
            let at = found.name(name);
            let (_, last) = &mut found.names[at as usize];
            *last += 1;
            let place = Place::Found(at, *last);
            if found.places.len() < REMEMBERED {
                found.places.insert(hash, place);
            }
            place
        });
        let secret = place.secret();
        let text = self.text(&found, place);
        drop(found);
        if known.is_none() && whole && !given {
            self.found_values.add(&value.head, &text);
            self.note_syntax(&value.head, &text);
        }
        if let (Some(kept), true, None) = (&self.kept, whole, secret) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < REMEMBERED {
                kept.insert(text.clone(), value.head.clone());
            }
        }
        Replacement { text, is_new: true, secret }
    }

    /// The placeholder for a text: the text itself if it is a placeholder, or the placeholder of an equal value that
    /// was found before. `None` for any other text.
    pub(crate) fn passed_on(&self, text: &[u8]) -> Option<Replacement> {
        if let Some(parsed) = placeholder::parse(text) {
            self.found().reserve(parsed.numbered);
            return Some(Replacement { text: parsed.text.to_owned(), is_new: false, secret: None });
        }
        if !found_values::is_recognisable(text) {
            return None;
        }
        if let Some(replacement) = self.of_stand_in(text, &mut self.found()) {
            return Some(replacement);
        }
        let mut hasher = self.key.build_hasher();
        hasher.write(text);
        let hash = hasher.finish();
        let found = self.found();
        let place = *found.places.get(&hash)?;
        Some(Replacement { text: self.text(&found, place), is_new: true, secret: place.secret() })
    }

    /// Notes a value of a field that the project keeps. Returns the value if it may be a token.
    pub(crate) fn excuse<'v>(&self, value: &'v ValueDigest) -> Option<&'v [u8]> {
        if value.head.len() < SHORTEST_EXCUSED || value.head.len() == value.most {
            return None;
        }
        let mut excused = self.excused.lock().unwrap_or_else(PoisonError::into_inner);
        if excused.len() < MOST_EXCUSED && !excused.contains(&value.head) {
            excused.push(value.head.clone());
        }
        Some(&value.head)
    }

    /// The values of fields that the project keeps.
    pub(crate) fn excused(&self) -> Vec<Vec<u8>> {
        self.excused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The placeholder for a stand-in, which counts as the placeholder itself.
    fn of_stand_in(&self, text: &[u8], found: &mut Numbering) -> Option<Replacement> {
        let placeholder = self.stand_ins.get()?.placeholder(text)?;
        found.reserve(placeholder::parse(placeholder.as_bytes()).and_then(|parsed| parsed.numbered));
        Some(Replacement { text: placeholder.to_owned(), is_new: false, secret: None })
    }

    fn note_syntax(&self, value: &[u8], placeholder: &str) {
        let Ok(value) = std::str::from_utf8(value) else { return };
        let name = name_in_table(placeholder);
        let mut syntaxes = self.syntaxes.lock().unwrap_or_else(PoisonError::into_inner);
        if syntaxes.len() < REMEMBERED
            && let Some(syntax) = Syntax::of(value, name)
        {
            syntaxes.insert(name.to_owned(), Noted { syntax, in_response: false });
        }
    }

    /// Notes that a placeholder is in a response.
    pub(crate) fn in_response(&self, placeholder: &str) {
        let mut syntaxes = self.syntaxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) = syntaxes.get_mut(name_in_table(placeholder)) {
            noted.in_response = true;
        }
    }

    /// The syntaxes of the values whose placeholders are in responses.
    pub(crate) fn syntaxes(&self) -> BTreeMap<String, Syntax> {
        let syntaxes = self.syntaxes.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = syntaxes.iter().filter(|(_, noted)| noted.in_response);
        needed.map(|(name, noted)| (name.clone(), noted.syntax.clone())).collect()
    }

    /// Sets the stand-ins of a replay, and searches for them from now on. Only the first call has an effect.
    pub(crate) fn give(&self, stand_ins: StandIns) {
        for (placeholder, text) in stand_ins.iter() {
            self.found_values.add_stand_in(text, placeholder);
        }
        // A session replays one cassette.
        let _ = self.stand_ins.set(Arc::new(stand_ins));
    }

    /// The stand-ins of a replay, if there are any.
    pub(crate) fn stand_ins(&self) -> Option<&Arc<StandIns>> {
        self.stand_ins.get().filter(|stand_ins| !stand_ins.is_empty())
    }

    /// Reserves the numbers of all placeholders in a text, so that no other value gets them.
    pub(crate) fn reserve_numbers(&self, text: &[u8]) {
        placeholder::replace_numbered(text, |placeholder, _| {
            if let Some(parsed) = placeholder::parse(placeholder.as_bytes()) {
                self.found().reserve(parsed.numbered);
            }
            None
        });
    }

    fn text(&self, found: &Numbering, place: Place) -> String {
        match place {
            Place::Secret(n) => self.secrets[n as usize].clone(),
            Place::Found(at, number) => placeholder::numbered(&found.names[at as usize].0, number),
        }
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Numbering> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a placeholder in `_metadata.tokens`: the placeholder without its brackets.
fn name_in_table(placeholder: &str) -> &str {
    placeholder.trim_start_matches('[').trim_end_matches(']')
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut done) = (Vec::with_capacity(text.len()), 0);
    for at in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(&text[done..at]);
        out.extend_from_slice(to);
        done = at + from.len();
    }
    out.extend_from_slice(&text[done..]);
    out
}

impl Place {
    fn secret(self) -> Option<usize> {
        match self {
            Place::Secret(n) => Some(n as usize),
            Place::Found(..) => None,
        }
    }
}

impl Numbering {
    fn name(&mut self, name: &str) -> u32 {
        let at = self.names.iter().position(|(known, _)| **known == *name).unwrap_or_else(|| {
            self.names.push((name.into(), 0));
            self.names.len() - 1
        });
        at as u32
    }

    /// Reserves the number of a placeholder that this session did not create.
    fn reserve(&mut self, number: Option<(&str, u32)>) {
        // Texts from outside can contain any number of names. The limit keeps these names from filling the memory.
        if let Some((name, number)) = number
            && self.names.len() < 1000
        {
            let at = self.name(name) as usize;
            self.names[at].1 = self.names[at].1.max(number);
        }
    }
}

/// The placeholder for a value.
pub(crate) struct Replacement {
    pub(crate) text: String,
    /// False if the value was already a placeholder.
    pub(crate) is_new: bool,
    /// The index of the named secret with this value.
    pub(crate) secret: Option<usize>,
}

impl ValueDigest {
    /// Appends a piece: `raw` is the piece as it stands in the text, `decoded` is the piece without escapes.
    pub(crate) fn push_as(&mut self, raw: &[u8], decoded: &[u8]) {
        self.escaped |= raw != decoded;
        self.push(decoded);
    }

    /// Whether the value looks like a token, or is a placeholder.
    pub(crate) fn is_token(&self) -> bool {
        found_values::is_token(&self.head) || placeholder::parse(&self.head).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// Appends a decoded piece.
    pub(crate) fn push(&mut self, decoded: &[u8]) {
        self.hasher.write(decoded);
        let room = self.most - self.head.len();
        self.head.extend_from_slice(&decoded[..decoded.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(identity: &Identity, name: &str, value: &str) -> String {
        let mut whole = identity.value();
        whole.push(value.as_bytes());
        let mut parts = identity.value();
        value.bytes().for_each(|b| parts.push(&[b]));
        let text = identity.placeholder(name, &whole, false).text;
        assert_eq!(identity.placeholder(name, &parts, false).text, text, "pieces give the same placeholder");
        text
    }

    #[test]
    fn one_value_one_placeholder() {
        let secret = Secret { name: "KEY".to_owned(), value: "s3cr3t-value".to_owned() };
        let identity = Identity::new(&[secret]);
        assert_eq!(found(&identity, "token", "abc"), "[token:1]");
        assert_eq!(found(&identity, "token", "def"), "[token:2]");
        assert_eq!(found(&identity, "password", "abc"), "[token:1]", "whatever the name of the field");
        assert_eq!(found(&identity, "password", "ghi"), "[password:1]");
        assert_eq!(found(&identity, "password", "s3cr3t-value"), "{{secret.KEY}}");
        assert_eq!(found(&identity, "token", "[token:7]"), "[token:7]", "a placeholder stays");
        assert_eq!(found(&identity, "token", "{{secret.OTHER}}"), "{{secret.OTHER}}");
        assert_eq!(found(&identity, "token", "jkl"), "[token:8]", "its number is reserved");
        let passed_on = |text: &[u8]| identity.passed_on(text).map(|p| p.text);
        assert_eq!(passed_on(b"s3cr3t-value").as_deref(), Some("{{secret.KEY}}"));
        assert_eq!(passed_on(b"abc"), None, "too short to be recognised");
    }

    #[test]
    fn reserved_numbers() {
        let identity = Identity::new(&[]);
        identity.reserve_numbers(br#"{"a":"[token:3]","b":["[[code:2]",1],"c":"%5Bsig%3A4%5D"}"#);
        assert_eq!(found(&identity, "token", "abc"), "[token:4]");
        assert_eq!(found(&identity, "code", "def"), "[code:3]");
        assert_eq!(found(&identity, "sig", "ghi"), "[sig:5]");
    }

    #[test]
    fn kept_values_are_sent() {
        let identity = Identity::keeping(&[]);
        let long = "x".repeat(1000);
        assert_eq!(found(&identity, "token", &long), "[token:1]");
        assert_eq!(
            &*identity.sent(b"Bearer [token:1]; [token:2]", str::to_owned),
            format!("Bearer {long}; [token:2]").as_bytes()
        );
        assert_eq!(found(&Identity::new(&[]), "token", &long), "[token:1]");
        assert_eq!(&*Identity::new(&[]).sent(b"[token:1]", str::to_owned), b"[token:1]");
    }

    #[test]
    fn memory_is_bounded() {
        let identity = Identity::new(&[]);
        for n in 0..REMEMBERED + 100 {
            let mut value = identity.value();
            value.push(n.to_string().as_bytes());
            assert_eq!(identity.placeholder("n", &value, false).text, format!("[n:{}]", n + 1));
        }
        assert_eq!(identity.found().places.len(), REMEMBERED);
    }
}
