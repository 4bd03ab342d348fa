//! One placeholder for one value: `[access_token:1]`, numbered by first appearance, so that a value that is passed
//! on is still the same and two are still two. Values are not kept, only keyed hashes of them; but for those few that are
//! looked for elsewhere.
//!
//! Must not know: where a value was found.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::placeholder;
use crate::redact::rules::secret::Secret;
use crate::redact::values::found_values;
use crate::redact::values::found_values::FoundValues;

/// The placeholders of a session.
pub(crate) struct Identity {
    /// Without the key a hash tells nothing of the value.
    key: RandomState,
    secrets: Vec<String>,
    found: Mutex<Numbering>,
    /// Those that are looked for elsewhere.
    pub(crate) found_values: FoundValues,
    /// The values themselves by their placeholders, in memory only, where they have to be sent again.
    kept: Option<Mutex<HashMap<String, Vec<u8>>>>,
}

#[derive(Default)]
struct Numbering {
    places: HashMap<u64, Place>,
    /// Names of placeholders, with the last number given.
    names: Vec<(Box<str>, u32)>,
}

#[derive(Clone, Copy)]
enum Place {
    /// A named secret.
    Secret(u32),
    /// A name of a placeholder, and the number.
    Found(u32, u32),
}

/// Different values that are remembered: what comes after them is numbered, but not known again.
const REMEMBERED: usize = 1 << 16;

/// A value on its way.
pub(crate) struct ValueDigest {
    hasher: DefaultHasher,
    head: Vec<u8>,
    /// Bytes of the head.
    most: usize,
    /// It is written otherwise than it is.
    pub(crate) escaped: bool,
}

/// No value that is kept is longer.
const LONGEST_KEPT: usize = 16 * 1024;

impl Identity {
    pub(crate) fn new(secrets: &[Secret]) -> Identity {
        let identity = Identity {
            key: RandomState::new(),
            secrets: secrets.iter().map(Secret::placeholder).collect(),
            found: Mutex::default(),
            found_values: FoundValues::default(),
            kept: None,
        };
        for (n, secret) in (0..).zip(secrets) {
            let mut value = identity.value();
            value.push(secret.value.as_bytes());
            identity.found().places.insert(value.hasher.finish(), Place::Secret(n));
        }
        identity
    }

    /// The same, and values are kept: for [`sent`](Self::sent).
    pub(crate) fn keeping(secrets: &[Secret]) -> Identity {
        Identity { kept: Some(Mutex::default()), ..Identity::new(secrets) }
    }

    pub(crate) fn value(&self) -> ValueDigest {
        let most = if self.kept.is_some() { LONGEST_KEPT } else { found_values::LONGEST + 1 };
        ValueDigest { hasher: self.key.build_hasher(), head: Vec::new(), most, escaped: false }
    }

    /// A text as it is sent to a real server: with the values where their placeholders stand. Only where values are
    /// kept.
    pub(crate) fn sent<'t>(&self, text: &'t [u8], spell: impl Fn(&str) -> String) -> Cow<'t, [u8]> {
        let Some(kept) = &self.kept else { return Cow::Borrowed(text) };
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let encoded = |value: &Vec<u8>| match std::str::from_utf8(value) {
            Ok(text) => spell(text).into_bytes(),
            Err(_) => value.clone(),
        };
        placeholder::replace_numbered(text, |placeholder, _| kept.get(placeholder).map(encoded))
    }

    /// What stands in the place of a value: that of the secret it is, or one of this name. What is a placeholder
    /// already stays. What is `given` to the code under test is no secret of its: on replay it would be filled in.
    pub(crate) fn placeholder(&self, name: &str, value: &ValueDigest, given: bool) -> Replacement {
        let mut found = self.found();
        if let Some(parsed) = placeholder::parse(&value.head) {
            found.taken(parsed.numbered);
            return Replacement { text: parsed.text.to_owned(), is_new: false, secret: None };
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
        }
        if let (Some(kept), true, None) = (&self.kept, whole, secret) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < REMEMBERED {
                kept.insert(text.clone(), value.head.clone());
            }
        }
        Replacement { text, is_new: true, secret }
    }

    /// The placeholder that a text is, or that of the value that it is, where that was found before.
    pub(crate) fn passed_on(&self, text: &[u8]) -> Option<Replacement> {
        if let Some(parsed) = placeholder::parse(text) {
            self.found().taken(parsed.numbered);
            return Some(Replacement { text: parsed.text.to_owned(), is_new: false, secret: None });
        }
        if !found_values::is_telling(text) {
            return None;
        }
        let mut hasher = self.key.build_hasher();
        hasher.write(text);
        let hash = hasher.finish();
        let found = self.found();
        let place = *found.places.get(&hash)?;
        Some(Replacement { text: self.text(&found, place), is_new: true, secret: place.secret() })
    }

    /// The numbers of the placeholders in a text go to no other value.
    pub(crate) fn taken_in(&self, text: &[u8]) {
        placeholder::replace_numbered(text, |placeholder, _| {
            if let Some(parsed) = placeholder::parse(placeholder.as_bytes()) {
                self.found().taken(parsed.numbered);
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

    /// A placeholder that came from outside keeps its number from being given to another value.
    fn taken(&mut self, number: Option<(&str, u32)>) {
        // Names from outside are not to fill the memory.
        if let Some((name, number)) = number
            && self.names.len() < 1000
        {
            let at = self.name(name) as usize;
            self.names[at].1 = self.names[at].1.max(number);
        }
    }
}

/// What stands in the place of a value.
pub(crate) struct Replacement {
    pub(crate) text: String,
    /// The value was one, and no placeholder.
    pub(crate) is_new: bool,
    /// Which of the named secrets it was.
    pub(crate) secret: Option<usize>,
}

impl ValueDigest {
    /// More of it, as it is written and decoded.
    pub(crate) fn push_as(&mut self, raw: &[u8], plain: &[u8]) {
        self.escaped |= raw != plain;
        self.push(plain);
    }

    /// Whether it looks like a token, or stands for one already.
    pub(crate) fn is_token(&self) -> bool {
        found_values::is_token(&self.head) || placeholder::parse(&self.head).is_some()
    }

    /// More of it, decoded.
    pub(crate) fn push(&mut self, plain: &[u8]) {
        self.hasher.write(plain);
        let room = self.most - self.head.len();
        self.head.extend_from_slice(&plain[..plain.len().min(room)]);
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
        assert_eq!(identity.placeholder(name, &parts, false).text, text, "in pieces it is the same");
        text
    }

    #[test]
    fn one_value_one_placeholder() {
        let secret = Secret { name: "KEY".to_owned(), value: "s3cr3t-value".to_owned() };
        let identity = Identity::new(&[secret]);
        assert_eq!(found(&identity, "token", "abc"), "[token:1]");
        assert_eq!(found(&identity, "token", "def"), "[token:2]");
        assert_eq!(found(&identity, "password", "abc"), "[token:1]", "wherever it is met again");
        assert_eq!(found(&identity, "password", "ghi"), "[password:1]");
        assert_eq!(found(&identity, "password", "s3cr3t-value"), "{{secret.KEY}}");
        assert_eq!(found(&identity, "token", "[token:7]"), "[token:7]", "a placeholder stays");
        assert_eq!(found(&identity, "token", "{{secret.OTHER}}"), "{{secret.OTHER}}");
        assert_eq!(found(&identity, "token", "jkl"), "[token:8]", "and its number is taken");
        let passed_on = |text: &[u8]| identity.passed_on(text).map(|p| p.text);
        assert_eq!(passed_on(b"s3cr3t-value").as_deref(), Some("{{secret.KEY}}"));
        assert_eq!(passed_on(b"abc"), None, "too short to be known again");
    }

    #[test]
    fn numbers_that_are_taken() {
        let identity = Identity::new(&[]);
        identity.taken_in(br#"{"a":"[token:3]","b":["[[code:2]",1],"c":"%5Bsig%3A4%5D"}"#);
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
