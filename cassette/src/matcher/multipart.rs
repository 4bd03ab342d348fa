//! Multipart bodies by their parts (RFC 2046 §5.1, RFC 7578), so that a random boundary doesn't count.

use memchr::memmem;

use super::body::{Body, Context};
use super::mismatch::{Difference, PartDifference, body_differences};
use crate::syntax::parameters::Value;

#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The name in a form; elsewhere empty, and parts are told apart by their place.
    pub(super) name: String,
    /// Sorted, in one spelling, each name once.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body<'a>,
}

/// The parts, in their order; those of a form sorted by name. `None` where it is not well-formed.
pub(super) fn parse<'a>(bytes: &'a [u8], kind: &Value, context: Context<'_, '_>) -> Option<Vec<Part<'a>>> {
    let boundary = kind.get("boundary").filter(|b| !b.is_empty())?;
    let is_form = kind.main == "multipart/form-data";
    let mut parts = Vec::new();
    for content in split(bytes, boundary.as_bytes())? {
        parts.push(Part::parse(content, is_form, context)?);
    }
    if is_form {
        parts.retain(|part: &Part<'_>| context.options.form(part.name.as_bytes()));
        parts.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Some(parts)
}

/// Reports every part that differs.
pub(super) fn compare(actual: &[Part<'_>], recorded: &[Part<'_>], found: &mut dyn FnMut(Difference)) {
    let (mut a, mut r) = (actual.iter().peekable(), recorded.iter().peekable());
    let mut place = 0;
    let mut last = None;
    loop {
        let name = match (a.peek(), r.peek()) {
            (Some(a), Some(r)) => a.name.as_str().min(r.name.as_str()),
            (Some(part), None) | (None, Some(part)) => part.name.as_str(),
            (None, None) => return,
        };
        place = if last == Some(name) { place + 1 } else { 1 };
        last = Some(name);
        let part = match (name, place) {
            ("", place) => format!("#{place}"),
            (name, 1) => name.to_owned(),
            (name, place) => format!("{name} #{place}"),
        };
        let mut report = |difference| found(Difference::Multipart { part: part.clone(), difference });
        match (a.next_if(|p| p.name == name), r.next_if(|p| p.name == name)) {
            (Some(actual), Some(recorded)) => actual.compare(recorded, &mut report),
            (Some(_), None) => report(PartDifference::OnlyActual),
            _ => report(PartDifference::OnlyRecorded),
        }
    }
}

impl<'a> Part<'a> {
    fn parse(content: &'a [u8], is_form: bool, context: Context<'_, '_>) -> Option<Part<'a>> {
        let (head, body) = match content.strip_prefix(b"\r\n") {
            Some(body) => (&b""[..], body),
            None if content.is_empty() => (&b""[..], content),
            None => {
                let end = memmem::find(content, b"\r\n\r\n")?;
                (&content[..end], &content[end + 4..])
            }
        };
        let mut headers = headers(std::str::from_utf8(head).ok()?)?;
        let value = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| Value::parse(v));
        let name = value("content-disposition").and_then(|v| v.get("name").map(str::to_owned));
        // The raw value still has the boundary of a nested multipart.
        let content_type = headers.iter().find(|(n, _)| n == "content-type").map_or("", |(_, v)| v);
        let body = Body::of_bytes(body, content_type, Context { depth: context.depth + 1, ..context });
        // The length of a part follows from the part, as sent with the spelling that doesn't count.
        headers.retain(|(n, _)| n != "content-length");
        for (name, value) in &mut headers {
            if matches!(name.as_str(), "content-disposition" | "content-type") {
                *value = Value::parse(value).canonical();
            }
        }
        // Stable: repeated headers keep their order, and become one (RFC 9110 §5.3).
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        headers.dedup_by(|(name, value), (first, all)| {
            let same = name == first;
            if same {
                all.push_str(", ");
                all.push_str(value);
            }
            same
        });
        Some(Part { name: name.filter(|_| is_form).unwrap_or_default(), headers, body })
    }

    fn compare(&self, recorded: &Part<'_>, found: &mut dyn FnMut(PartDifference)) {
        if self.headers != recorded.headers {
            let names = self.headers.iter().chain(&recorded.headers).map(|(name, _)| name);
            let names: std::collections::BTreeSet<&String> = names.collect();
            for name in names {
                let (actual, recorded) = (self.header(name), recorded.header(name));
                if actual != recorded {
                    found(PartDifference::Header { name: name.clone(), actual, recorded });
                }
            }
        }
        body_differences(&self.body, &recorded.body, &mut |difference| {
            found(PartDifference::Body(Box::new(difference)));
        });
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
    }
}

/// Between the delimiter lines (RFC 2046 §5.1.1); preamble and epilogue are nothing.
fn split<'a>(bytes: &'a [u8], boundary: &[u8]) -> Option<Vec<&'a [u8]>> {
    let delimiter = [b"--", boundary].concat();
    let inner = [b"\r\n", delimiter.as_slice()].concat();
    let finder = memmem::Finder::new(&inner);
    let mut rest = match bytes.strip_prefix(delimiter.as_slice()) {
        Some(rest) => rest,
        None => &bytes[finder.find(bytes)? + inner.len()..],
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        // Spaces may pad a delimiter line.
        let line = memmem::find(rest, b"\r\n")?;
        if !rest[..line].iter().all(|b| matches!(b, b' ' | b'\t')) {
            return None;
        }
        // An empty part's own line break is the delimiter's, too: hence one step back.
        let content = &rest[line..];
        let end = finder.find(content)?;
        parts.push(content.get(2..end).unwrap_or(b""));
        rest = &content[end + inner.len()..];
    }
}

/// Names in lower case, folded lines joined.
fn headers(text: &str) -> Option<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut()?;
            value.push(' ');
            value.push_str(line.trim());
        } else {
            let (name, value) = line.split_once(':')?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    Some(headers)
}
