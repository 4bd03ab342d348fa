//! The metadata of a cassette. Times are stored as text, which only the clock parses.

use std::fmt;
use std::io;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::layout::Compact;

/// The `_metadata` of a cassette.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    /// When the recording began, in RFC 3339.
    pub recorded_at: Option<String>,
    /// The instant of the test's frozen clock, in RFC 3339.
    pub freeze_time: Option<String>,
    /// The name of the test's time zone, such as `UTC`.
    pub time_zone: Option<String>,
    /// The program that recorded the cassette.
    pub recorder: RecordedBy,
    /// The number of interactions. It is set when the recording ends.
    pub interactions: usize,
    /// The duration of the recording in seconds.
    pub duration_seconds: Option<f64>,
    /// The names of the redaction rules that redacted something, never the redacted values.
    pub redaction: Vec<String>,
    /// The headers that the recording left out. `None` if the cassette was recorded by an older version, which did not
    /// store this list.
    pub left_out: Option<LeftOutHeaders>,
    /// The variables of secrets that had no value while recording.
    pub unset: Vec<String>,
    /// Whether expressions such as `{{request.query.nonce}}` in the responses are filled in on replay. Users write this
    /// by hand.
    pub template: bool,
    /// The syntax of each redacted value in a response. The key is the placeholder of the value, without brackets. The
    /// syntax is a pattern such as `[0-9a-f]{32}`, or the header and the claims of a JWT. A replay gives the code under
    /// test a text with the same syntax.
    pub tokens: Map<String, Value>,
    /// Keys that this library does not know, such as keys of other programs. They stay when the file is rewritten.
    pub extra: Map<String, Value>,
}

/// The names of headers that a recording left out, in lower case and sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct LeftOutHeaders {
    /// Headers of requests.
    #[serde(default)]
    pub request: Vec<String>,
    /// Headers and trailers of responses.
    #[serde(default)]
    pub response: Vec<String>,
}

impl LeftOutHeaders {
    /// Adds names of headers, and keeps the lists sorted and without duplicates.
    pub(crate) fn add(&mut self, request: Vec<String>, response: Vec<String>) {
        for (all, more) in [(&mut self.request, request), (&mut self.response, response)] {
            all.extend(more);
            all.sort();
            all.dedup();
        }
    }

    fn write(&self, out: &mut Compact) -> io::Result<()> {
        out.open(b'{');
        for (key, names) in [("request", &self.request), ("response", &self.response)] {
            out.key(key)?;
            write_names(names, out)?;
        }
        out.close(b'}');
        Ok(())
    }
}

fn write_names(names: &[String], out: &mut Compact) -> io::Result<()> {
    out.open(b'[');
    for name in names {
        out.item();
        out.value(name)?;
    }
    out.close(b']');
    Ok(())
}

/// The program that made a cassette.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedBy {
    /// The program's name.
    #[serde(default)]
    pub name: String,
    /// The program's version.
    #[serde(default)]
    pub version: String,
}

/// Names this library and its version.
impl Default for RecordedBy {
    fn default() -> Self {
        RecordedBy { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() }
    }
}

impl Metadata {
    /// Whether the two are equal apart from the times of the recording: its beginning and duration, the frozen instant,
    /// and the times in the claims of tokens.
    pub(super) fn same_apart_from_time(&self, other: &Metadata) -> bool {
        let still = |m: &Metadata| Metadata {
            recorded_at: None,
            freeze_time: None,
            duration_seconds: None,
            tokens: without_times(&m.tokens),
            ..m.clone()
        };
        still(self) == still(other)
    }

    pub(super) fn write(&self, out: &mut Compact) -> io::Result<()> {
        out.open(b'{');
        let texts = [
            ("recorded_at", &self.recorded_at),
            ("freeze_time", &self.freeze_time),
            ("time_zone", &self.time_zone),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                out.key(key)?;
                out.value(text)?;
            }
        }
        out.key("recorder")?;
        out.open(b'{');
        out.key("name")?;
        out.value(&self.recorder.name)?;
        out.key("version")?;
        out.value(&self.recorder.version)?;
        out.close(b'}');
        out.key("interactions")?;
        out.value(&self.interactions)?;
        // JSON has no NaN and no infinity.
        if let Some(seconds) = self.duration_seconds.filter(|s| s.is_finite()) {
            out.key("duration_seconds")?;
            out.value(&seconds)?;
        }
        out.key("redaction")?;
        write_names(&self.redaction, out)?;
        if let Some(left_out) = &self.left_out {
            out.key("left_out")?;
            left_out.write(out)?;
        }
        if !self.unset.is_empty() {
            out.key("unset")?;
            write_names(&self.unset, out)?;
        }
        if !self.tokens.is_empty() {
            out.key("tokens")?;
            out.open(b'{');
            out.extra(&self.tokens)?;
            out.close(b'}');
        }
        if self.template {
            out.key("template")?;
            out.value(&true)?;
        }
        out.extra(&self.extra)?;
        out.close(b'}');
        Ok(())
    }
}

/// The claims of a JWT that are times, such as the time of issue and the end of validity (RFC 7519 §4.1).
const TIMES: [&str; 5] = ["auth_time", "exp", "iat", "nbf", "updated_at"];

/// The syntaxes of tokens without the times in their claims.
fn without_times(tokens: &Map<String, Value>) -> Map<String, Value> {
    let mut tokens = tokens.clone();
    for claims in tokens.values_mut().filter_map(|token| token.pointer_mut("/jwt/claims")?.as_object_mut()) {
        TIMES.iter().for_each(|time| _ = claims.remove(*time));
    }
    tokens
}

// Written by hand, because `#[serde(flatten)]` would lose the position of an error.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with what is known of the recording")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut m = Metadata::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "recorded_at" => m.recorded_at = map.next_value()?,
                        "freeze_time" => m.freeze_time = map.next_value()?,
                        "time_zone" => m.time_zone = map.next_value()?,
                        "recorder" => m.recorder = map.next_value()?,
                        "interactions" => m.interactions = map.next_value()?,
                        "duration_seconds" => m.duration_seconds = map.next_value()?,
                        "redaction" => m.redaction = map.next_value()?,
                        "left_out" => m.left_out = map.next_value()?,
                        "unset" => m.unset = map.next_value()?,
                        "tokens" => m.tokens = map.next_value()?,
                        "template" => m.template = map.next_value()?,
                        _ => {
                            m.extra.insert(key, map.next_value()?);
                        }
                    }
                }
                Ok(m)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}
