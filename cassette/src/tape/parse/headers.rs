//! Parses headers: an object whose keys are the names, with one value or an array of values for each name.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Base64, is_not, string};

pub(super) fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    struct Fields;

    impl<'de> Visitor<'de> for Fields {
        type Value = HeaderMap;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of headers")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMap, A::Error> {
            let mut headers = HeaderMap::new();
            while let Some(name) = map.next_key_seed(Name)? {
                map.next_value_seed(Values { headers: &mut headers, name: &name })?;
            }
            Ok(headers)
        }
    }

    struct Name;

    impl<'de> DeserializeSeed<'de> for Name {
        type Value = HeaderName;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<HeaderName, D::Error> {
            string(deserializer, |s| {
                HeaderName::from_bytes(s.as_bytes()).map_err(|_| is_not(s, "the name of a header"))
            })
        }
    }

    deserializer.deserialize_map(Fields)
}

/// Parses a reason phrase, which a cassette writes like the value of a header.
pub(super) fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderValue>, D::Error> {
    const NAME: HeaderName = HeaderName::from_static("reason");
    let mut found = HeaderMap::new();
    deserializer.deserialize_any(Values { headers: &mut found, name: &NAME })?;
    Ok(found.remove(NAME))
}

/// Parses the value or the values of the header `name`, and adds them to `headers`.
struct Values<'a> {
    headers: &'a mut HeaderMap,
    name: &'a HeaderName,
}

impl Values<'_> {
    fn add<E: serde::de::Error>(&mut self, value: &[u8]) -> Result<(), E> {
        let wrong = |_| E::custom(format_args!("the value of `{}` cannot be in a header", self.name));
        let value = HeaderValue::from_bytes(value).map_err(wrong)?;
        let full = |_| E::custom("more headers than there can be");
        self.headers.try_append(self.name, value).map_err(full)?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, `{\"base64\": …}`, or an array of them")
    }

    fn visit_str<E: serde::de::Error>(mut self, text: &str) -> Result<(), E> {
        self.add(text.as_bytes())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        if map.next_key::<String>()?.as_deref() != Some("base64") {
            return Err(A::Error::custom("expected the key `base64`"));
        }
        self.add(&map.next_value::<Base64>()?.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Values { headers: &mut *self.headers, name: self.name })?.is_some() {}
        Ok(())
    }
}
