//! The request that is answered, as the client sent it. It holds secrets, so it stays in memory and is never stored.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::Value;
use super::expression::Expression;
use crate::clock;
use crate::decode::{self, Decoder};

/// The most bytes of a decoded request body that expressions can use.
pub(super) const MOST_READ: usize = 1 << 20;

/// The request that expressions are filled in from.
pub(crate) struct Live {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Vec<u8>, Unread>,
}

#[derive(Clone, Copy)]
enum Unread {
    TooLong,
    Undecodable,
}

/// Collects the body of a request while another reader consumes it.
pub(crate) struct Listener {
    live: Live,
    decoder: Option<Decoder<Kept>>,
}

impl Listener {
    pub(crate) fn new(head: &http::request::Parts) -> Listener {
        let lines = head.headers.get_all(header::CONTENT_ENCODING).iter();
        let codings: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let decoder = decode::decoder(Some(&codings.join(",")), Kept::default()).ok();
        let (method, uri, headers) = (head.method.clone(), head.uri.clone(), head.headers.clone());
        Listener { live: Live { method, uri, headers, body: Err(Unread::Undecodable) }, decoder }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        // An error in a body, or its length, matters only to expressions that use the body.
        if let Some(decoder) = &mut self.decoder
            && let Err(e) = decoder.write_all(chunk)
        {
            self.decoder = None;
            if e.kind() == io::ErrorKind::FileTooLarge {
                self.live.body = Err(Unread::TooLong);
            }
        }
    }

    pub(crate) fn finish(mut self) -> Live {
        if let Some(decoder) = self.decoder {
            self.live.body = match decoder.finish() {
                Ok(kept) => Ok(kept.0),
                Err(e) if e.kind() == io::ErrorKind::FileTooLarge => Err(Unread::TooLong),
                Err(_) => Err(Unread::Undecodable),
            };
        }
        self.live
    }
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_READ {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Live {
    pub(super) fn value(&self, expression: &Expression, now: SystemTime) -> Result<Value, String> {
        let text = match expression {
            Expression::Method => self.method.to_string(),
            Expression::Path => self.uri.path().to_owned(),
            Expression::Segment(n) => self.segment(*n)?,
            Expression::Query(key) => first(self.uri.query().unwrap_or(""), key)
                .ok_or_else(|| format!("the request has no query key `{key}`"))?,
            Expression::Form(field) => {
                let form = String::from_utf8_lossy(self.body()?);
                first(&form, field).ok_or_else(|| format!("the request has no form field `{field}`"))?
            }
            Expression::Header(name) => {
                let value =
                    self.headers.get(name).ok_or_else(|| format!("the request has no header `{name}`"))?;
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }
            Expression::Json(names) => return at(self.body()?, names),
            Expression::Now => clock::format_rfc3339(now),
            Expression::NowUnix => {
                now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).to_string()
            }
        };
        Ok(Value::Text(text))
    }

    fn segment(&self, n: usize) -> Result<String, String> {
        let mut parts = self.uri.path().split('/').skip(1);
        let part = parts.nth(n - 1).ok_or_else(|| format!("the request's path has no part {n}"))?;
        Ok(percent_decode_str(part).decode_utf8_lossy().into_owned())
    }

    fn body(&self) -> Result<&[u8], String> {
        self.body.as_deref().map_err(|unread| match unread {
            Unread::TooLong => {
                format!("the request's body is longer than {} MiB, the most that is kept", MOST_READ >> 20)
            }
            Unread::Undecodable => "the request's body can't be decoded".to_owned(),
        })
    }
}

/// The first value of a key in a query or a form (WHATWG URL §5.1).
fn first(pairs: &str, key: &str) -> Option<String> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let mut pairs = pairs.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(name, _)| decoded(name) == key).map(|(_, value)| decoded(value))
}

/// The value in a JSON body to which these names lead. This function parses one level after the other, so that the
/// value keeps its exact text, such as `1.0` or a number of thirty digits.
fn at(body: &[u8], names: &[String]) -> Result<Value, String> {
    let mut value: &RawValue =
        serde_json::from_slice(body).map_err(|e| format!("the request's body is not JSON: {e}"))?;
    for name in names {
        let below = match value.get().as_bytes().first() {
            Some(b'{') => serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get())
                .ok()
                .and_then(|mut members| members.remove(name)),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(value.get())
                .ok()
                .zip(name.parse::<usize>().ok())
                .and_then(|(items, n)| items.get(n).copied()),
            _ => None,
        };
        value = below.ok_or_else(|| "the request's body has nothing there".to_owned())?;
    }
    match value.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(value.get())
            .map(Value::Text)
            .map_err(|e| format!("the string there can't be read: {e}")),
        _ => Ok(Value::Json(value.get().to_owned())),
    }
}
