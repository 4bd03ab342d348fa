//! Writes interactions as text, for the lines of the journal. The document contains the same text, broken into more
//! lines.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue};

use super::layout::Compact;
use super::{Body, Chunks, Content, Interaction, Outcome, TransportError};
use crate::json::style::{self, Style};

/// JSON that is nested deeper than this is stored as a string, because each level of nesting indents every line by two
/// more spaces.
pub(super) const JSON_DEPTH: usize = 64;

/// Writes the fields of `interaction` into the open object.
pub(super) fn interaction(out: &mut Compact, interaction: &Interaction) -> io::Result<()> {
    let Interaction { request, outcome, turns, policy, extra } = interaction;
    out.key("request")?;
    out.open(b'{');
    out.key("method")?;
    out.value(request.method.as_str())?;
    out.key("uri")?;
    out.value(&request.uri)?;
    out.key("headers")?;
    headers(out, &request.headers)?;
    body(out, &request.body)?;
    out.close(b'}');
    match outcome {
        Outcome::Response(response) => {
            out.key("response")?;
            out.open(b'{');
            out.key("status")?;
            out.value(&response.status)?;
            if let Some(reason) = &response.reason {
                out.key("reason")?;
                header_value(out, reason, "{ ")?;
            }
            out.key("version")?;
            out.value(version_name(response.version))?;
            out.key("headers")?;
            headers(out, &response.headers)?;
            body(out, &response.body)?;
            if !response.trailers.is_empty() {
                out.key("trailers")?;
                headers(out, &response.trailers)?;
            }
            if let Some(cut) = &response.cut {
                out.key("cut")?;
                error(out, cut)?;
            }
            out.close(b'}');
        }
        Outcome::Error(e) => {
            out.key("error")?;
            error(out, e)?;
        }
    }
    if !turns.is_empty() {
        out.key("turns")?;
        let numbers = turns.iter().flat_map(|turn| [turn.request, turn.response]);
        one_line(out, numbers);
    }
    let flags = [("optional", policy.optional), ("repeat", policy.repeat), ("template", policy.template)];
    for (key, _) in flags.iter().filter(|(_, set)| *set) {
        out.key(key)?;
        out.value(&true)?;
    }
    out.extra(extra)
}

/// The protocol versions with their names in a cassette.
pub(super) const VERSIONS: [(http::Version, &str); 5] = [
    (http::Version::HTTP_09, "HTTP/0.9"),
    (http::Version::HTTP_10, "HTTP/1.0"),
    (http::Version::HTTP_11, "HTTP/1.1"),
    (http::Version::HTTP_2, "HTTP/2"),
    (http::Version::HTTP_3, "HTTP/3"),
];

fn version_name(version: http::Version) -> &'static str {
    VERSIONS.iter().find(|(v, _)| *v == version).map_or("HTTP/1.1", |(_, name)| name)
}

fn headers(out: &mut Compact, headers: &HeaderMap) -> io::Result<()> {
    let mut names: Vec<_> = headers.keys().collect();
    names.sort_unstable_by_key(|name| name.as_str());
    out.open(b'{');
    for name in names {
        out.key(name.as_str())?;
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => header_value(out, value, "{ ")?,
            _ => {
                // The space after the bracket makes the layout keep the array on one line.
                for (i, value) in headers.get_all(name).iter().enumerate() {
                    out.raw(if i == 0 { b"[ " } else { b", " });
                    header_value(out, value, "{")?;
                }
                out.raw(b"]");
            }
        }
    }
    out.close(b'}');
    Ok(())
}

/// Writes a string if the value is UTF-8, otherwise `{"base64": "…"}`. RFC 9110 §5.5 allows any byte from 0x80 on, so a
/// value may not be UTF-8.
fn header_value(out: &mut Compact, value: &HeaderValue, open: &str) -> io::Result<()> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => out.value(text),
        Err(_) => {
            out.raw(open.as_bytes());
            out.raw(b"\"base64\": ");
            out.value(&BASE64.encode(value.as_bytes()))?;
            out.raw(b"}");
            Ok(())
        }
    }
}

fn body(out: &mut Compact, body: &Body) -> io::Result<()> {
    let is_empty = matches!(&body.content, Content::Inline(b) if b.is_empty());
    if is_empty && body.encoding.is_none() && body.chunks == Chunks::One {
        return Ok(());
    }
    out.key("body")?;
    out.open(b'{');
    match &body.content {
        Content::Inline(bytes) => inline(out, bytes)?,
        Content::File(file) => {
            if file.name.is_empty() {
                return Err(io::Error::other("the body was only hashed, there is no file to refer to"));
            }
            out.key("file")?;
            out.value(&file.name)?;
            out.key("size")?;
            out.value(&file.size)?;
            out.key("sha256")?;
            out.value(&file.sha256)?;
        }
    }
    if let Some(encoding) = &body.encoding {
        out.key("encoding")?;
        out.value(encoding)?;
    }
    chunks(out, &body.chunks)?;
    out.close(b'}');
    Ok(())
}

/// Writes the ends of chunks: a name such as `events`, or the offsets on one line.
fn chunks(out: &mut Compact, chunks: &Chunks) -> io::Result<()> {
    if *chunks == Chunks::One {
        return Ok(());
    }
    out.key("chunks")?;
    if let Some((name, _)) = Chunks::NAMES.iter().find(|(_, pattern)| pattern == chunks) {
        return out.value(*name);
    }
    let Chunks::At(ends) = chunks else { return Ok(()) };
    one_line(out, ends.iter().copied());
    Ok(())
}

/// Writes an array on one line.
fn one_line(out: &mut Compact, numbers: impl Iterator<Item = u64>) {
    let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
    // The space after the bracket makes the layout keep the array on one line.
    out.raw(format!("[ {}]", numbers.join(", ")).as_bytes());
}

fn inline(out: &mut Compact, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    if let Some((style, tokens)) = style::compact(bytes, JSON_DEPTH) {
        out.key("json")?;
        out.raw(&tokens);
        if style != DEFAULT_STYLE {
            out.key("style")?;
            out.value(&style.to_string())?;
        }
        return Ok(());
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        out.key("base64")?;
        return out.value(&BASE64.encode(bytes));
    };
    out.key("text")?;
    let mut lines = text.split_inclusive('\n');
    if lines.next().is_none_or(|first| first.len() == text.len()) {
        return out.value(text);
    }
    out.open(b'[');
    for line in text.split_inclusive('\n') {
        out.item();
        out.value(line)?;
    }
    out.close(b']');
    Ok(())
}

/// The style of a `json` body if the cassette has no `style` for it.
pub(super) const DEFAULT_STYLE: Style = Style { layout: style::Layout::Compact, newline: false };

fn error(out: &mut Compact, error: &TransportError) -> io::Result<()> {
    out.open(b'{');
    out.key("kind")?;
    out.value(error.kind.name())?;
    out.key("message")?;
    out.value(&error.message)?;
    out.close(b'}');
    Ok(())
}
