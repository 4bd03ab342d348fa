//! Visits the values in a request or an answer, and replaces some of them. Values are segments of paths, values in
//! queries and forms, JSON scalars, headers, and words of other texts.
//!
//! Must not know: which values are ids.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::capture;
use crate::json::lex::{Kind, Lexer};
use crate::json::unescape;
use crate::media_type;
use crate::tape::{Body, Content, Request};

/// What is before a value in its text: a name, or a segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot<'a> {
    /// The value is a segment of a path. The field is the segment before it.
    Path(&'a str),
    /// The value has this name: a query key, a form field, the name of a JSON member, or the name of a header.
    Named(&'a str),
    /// The value is a word of a longer text.
    Word,
}

/// A value, and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom<'a> {
    pub(super) slot: Slot<'a>,
    /// The part of the message that contains the value, such as the name of a header or a JSON pointer.
    pub(super) part: &'a str,
    /// The number of the value within its part.
    pub(super) number: usize,
    /// The value, decoded.
    pub(super) text: &'a str,
}

/// The greatest length of a value that is visited, in bytes.
const LONGEST: usize = 4096;
/// The characters that must be percent-encoded in a URL: all except the unreserved characters (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Calls a function for each value. If the function returns a text, replaces the value by this text.
pub(super) struct Walk<'f> {
    visit: &'f mut dyn FnMut(Atom<'_>) -> Option<String>,
    part: String,
    number: usize,
}

impl<'f> Walk<'f> {
    pub(super) fn new(visit: &'f mut dyn FnMut(Atom<'_>) -> Option<String>) -> Walk<'f> {
        Walk { visit, part: String::new(), number: 0 }
    }

    /// Replaces values in the URI and the body of a request. The headers stay unchanged, because matching ignores most
    /// of them.
    pub(super) fn request<'r>(&mut self, request: &'r Request) -> Cow<'r, Request> {
        self.begin("uri");
        let uri = self.url(&request.uri);
        let body = self.body(&request.headers, &request.body);
        if uri.is_none() && body.is_none() {
            return Cow::Borrowed(request);
        }
        let mut out = request.clone();
        out.uri = uri.unwrap_or(out.uri);
        if let Some(body) = body {
            out.body.content = Content::Inline(body);
        }
        Cow::Owned(out)
    }

    /// Replaces values in headers. Returns `None` if nothing changes.
    pub(super) fn headers(&mut self, headers: &HeaderMap) -> Option<HeaderMap> {
        let mut out: Option<HeaderMap> = None;
        for name in headers.keys() {
            self.begin(name.as_str());
            let new: Vec<Option<HeaderValue>> = headers
                .get_all(name)
                .iter()
                .map(|value| {
                    let text = std::str::from_utf8(value.as_bytes()).ok()?;
                    HeaderValue::from_str(&self.text(Slot::Named(name.as_str()), text)?).ok()
                })
                .collect();
            if new.iter().any(Option::is_some) {
                let values = out.get_or_insert_with(|| headers.clone());
                if let http::header::Entry::Occupied(mut entry) = values.entry(name) {
                    entry.iter_mut().zip(new).for_each(|(value, new)| {
                        if let Some(new) = new {
                            *value = new;
                        }
                    });
                }
            }
        }
        out
    }

    /// Replaces values in a body. Returns `None` if nothing changes, or if the body is in a file.
    pub(super) fn body(&mut self, headers: &HeaderMap, body: &Body) -> Option<Bytes> {
        let Content::Inline(bytes) = &body.content else { return None };
        self.bytes(headers, bytes)
    }

    pub(super) fn bytes(&mut self, headers: &HeaderMap, bytes: &Bytes) -> Option<Bytes> {
        if bytes.is_empty() {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let kind = capture::content_type(headers).unwrap_or_default();
        self.begin("");
        if media_type::is_form(&media_type::essence(kind)) {
            return self.pairs(text).map(Bytes::from);
        }
        let new = match self.json(text) {
            Ok(new) => new,
            Err(()) => {
                self.begin("");
                self.words(text)
            }
        };
        new.map(Bytes::from)
    }

    fn begin(&mut self, part: &str) {
        self.part.clear();
        self.part.push_str(part);
        self.number = 0;
    }

    fn value(&mut self, slot: Slot<'_>, text: &str) -> Option<String> {
        let number = self.number;
        self.number += 1;
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        (self.visit)(Atom { slot, part: &self.part, number, text })
    }

    /// Visits a text as one value. If this value is not replaced, also visits the words of the text.
    fn text(&mut self, slot: Slot<'_>, text: &str) -> Option<String> {
        self.value(slot, text).or_else(|| self.words(text))
    }

    /// Visits the words and the URLs in a text.
    fn words(&mut self, text: &str) -> Option<String> {
        let is_outside = |c: char| c.is_whitespace() || "<>\"'(){},;|\\`".contains(c);
        if !text.contains(|c: char| !is_word(c)) {
            return None;
        }
        let mut edits = Edits::new(text);
        for piece in text.split(is_outside).filter(|piece| !piece.is_empty()) {
            let new = if piece.contains('/') { self.url(piece) } else { self.tokens(piece) };
            edits.replace(piece, new);
        }
        edits.finish()
    }

    fn tokens(&mut self, text: &str) -> Option<String> {
        let mut edits = Edits::new(text);
        for token in text.split(|c: char| !is_word(c)).filter(|token| !token.is_empty()) {
            let new = self.value(Slot::Word, token);
            edits.replace(token, new);
        }
        edits.finish()
    }

    /// Visits the values in a URL, which may be absolute or relative.
    fn url(&mut self, url: &str) -> Option<String> {
        let from = match url.split_once("://") {
            Some((scheme, rest)) => scheme.len() + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len()),
            None => 0,
        };
        let rest = &url[from..];
        let fragment = rest.find('#').unwrap_or(rest.len());
        let query = rest[..fragment].find('?').unwrap_or(fragment);
        let mut edits = Edits::new(url);
        let mut before = Cow::Borrowed("");
        for segment in rest[..query].split('/') {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let new = match self.value(Slot::Path(&before), &decoded) {
                Some(new) => Some(encoded(&new)),
                None if decoded.contains(|c: char| !is_word(c)) => self.tokens(segment),
                None => None,
            };
            edits.replace(segment, new);
            before = decoded;
        }
        if query < fragment {
            let pairs = &rest[query + 1..fragment];
            let new = self.pairs(pairs);
            edits.replace(pairs, new);
        }
        edits.finish()
    }

    /// Visits the values of the pairs in a query or a form.
    fn pairs(&mut self, pairs: &str) -> Option<String> {
        let mut edits = Edits::new(pairs);
        for pair in pairs.split('&') {
            let Some((key, value)) = pair.split_once('=') else { continue };
            let plain = |text: &str| {
                let text = text.replace('+', " ");
                percent_decode_str(&text).decode_utf8_lossy().into_owned()
            };
            let new = self.text(Slot::Named(&plain(key)), &plain(value)).map(|new| encoded(&new));
            edits.replace(value, new);
        }
        edits.finish()
    }

    /// Visits the scalars in a JSON document. All other bytes stay unchanged.
    fn json(&mut self, text: &str) -> Result<Option<String>, ()> {
        let mut lexer = Lexer::new();
        let (mut at, mut edits) = (0, Edits::new(text));
        // For each open container, the length of its pointer, and the index of its next element if it is an array.
        let mut open: Vec<(usize, Option<usize>)> = Vec::new();
        let (mut pointer, mut names) = (String::new(), Vec::<String>::new());
        let mut name = String::new();
        while let Some(piece) = lexer.next(text.as_bytes(), at).map_err(|_| ())? {
            at = piece.span.end;
            let token = &text[piece.span];
            let is_value = matches!(
                piece.kind,
                Kind::ObjectStart
                    | Kind::ArrayStart
                    | Kind::String
                    | Kind::Number
                    | Kind::True
                    | Kind::False
                    | Kind::Null
            );
            if is_value && let Some((length, Some(index))) = open.last_mut() {
                pointer.truncate(*length);
                pointer += &format!("/{index}");
                *index += 1;
            }
            match piece.kind {
                Kind::ObjectStart | Kind::ArrayStart => {
                    open.push((pointer.len(), (piece.kind == Kind::ArrayStart).then_some(0)));
                    names.push(name.clone());
                }
                Kind::ObjectEnd | Kind::ArrayEnd => {
                    if let (Some((length, _)), Some(outer)) = (open.pop(), names.pop()) {
                        pointer.truncate(length);
                        name = outer;
                    }
                }
                Kind::Key => {
                    name = unescape(token.trim_matches('"')).into_owned();
                    pointer.truncate(open.last().map_or(0, |(length, _)| *length));
                    pointer.push('/');
                    pointer.push_str(&name);
                }
                Kind::String => {
                    self.begin(&pointer);
                    let value = unescape(token.get(1..token.len().saturating_sub(1)).unwrap_or_default());
                    let new = self.text(Slot::Named(&name), &value);
                    edits.replace(token, new.map(|new| serde_json::Value::String(new).to_string()));
                }
                Kind::Number => {
                    self.begin(&pointer);
                    let new = self.value(Slot::Named(&name), token);
                    let is_number = |new: &String| serde_json::from_str::<serde_json::Number>(new).is_ok();
                    let quoted = |new: String| match is_number(&new) {
                        true => new,
                        false => serde_json::Value::String(new).to_string(),
                    };
                    edits.replace(token, new.map(quoted));
                }
                _ => {}
            }
        }
        lexer.finish().map_err(|_| ())?;
        Ok(edits.finish())
    }
}

/// Whether a character can be part of an id inside a longer text.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Replaces slices of a text. The slices must come in the order of the text.
struct Edits<'t> {
    text: &'t str,
    /// The end of the part of the text that is already in `out`.
    done: usize,
    out: Option<String>,
}

impl<'t> Edits<'t> {
    fn new(text: &'t str) -> Edits<'t> {
        Edits { text, done: 0, out: None }
    }

    /// Replaces a slice of the text by `new`, if `new` is a text.
    fn replace(&mut self, slice: &'t str, new: Option<String>) {
        let Some(new) = new else { return };
        let from = slice.as_ptr() as usize - self.text.as_ptr() as usize;
        let out = self.out.get_or_insert_default();
        out.push_str(&self.text[self.done..from]);
        out.push_str(&new);
        self.done = from + slice.len();
    }

    fn finish(self) -> Option<String> {
        let mut out = self.out?;
        out.push_str(&self.text[self.done..]);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces `id7` by `new` in a request.
    #[track_caller]
    fn check(uri: &str, content_type: &str, body: &str, expected: (&str, &str)) {
        let headers = [("content-type", content_type)];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let request = Request {
            method: http::Method::POST,
            uri: uri.to_owned(),
            headers: headers.into_iter().collect(),
            body: Body::inline(body.to_owned()),
        };
        let mut visit = |atom: Atom<'_>| (atom.text == "id/7" || atom.text == "7").then(|| "9 9".to_owned());
        let new = Walk::new(&mut visit).request(&request).into_owned();
        let Content::Inline(bytes) = &new.body.content else { panic!() };
        assert_eq!((&*new.uri, std::str::from_utf8(bytes).unwrap()), expected);
    }

    #[test]
    fn requests() {
        let json = "application/json";
        check("https://h/a/id%2F7/b?c=id/7&d=77#7", json, "", ("https://h/a/9%209/b?c=9%209&d=77#7", ""));
        check("https://h/Jobs('7')?n=a:7", json, "", ("https://h/Jobs('9 9')?n=a%3A9%209", ""));
        check(
            "https://7/7",
            json,
            " {\"a\" : [1, 7,\"x\"],\"b\":\"id\\/7\"} ",
            ("https://7/9%209", " {\"a\" : [1, \"9 9\",\"x\"],\"b\":\"9 9\"} "),
        );
        check(
            "https://h",
            "application/x-www-form-urlencoded",
            "a=7&b=77&c=id%2f7",
            ("https://h", "a=9%209&b=77&c=9%209"),
        );
        check(
            "https://h",
            "text/xml",
            "<a b='7'>77<c>7</c></a>",
            ("https://h", "<a b='9 9'>77<c>9 9</c></a>"),
        );
        check("https://h/77", json, "{\"a\":", ("https://h/77", "{\"a\":"));
    }

    #[test]
    fn parts_and_slots() {
        let mut seen = Vec::new();
        let mut visit = |atom: Atom<'_>| {
            seen.push(format!("{} {} {:?} {}", atom.part, atom.number, atom.slot, atom.text));
            None
        };
        let headers = [("location", "/jobs/17?s=x")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = headers.into_iter().collect();
        let mut walk = Walk::new(&mut visit);
        walk.headers(&headers);
        walk.bytes(&HeaderMap::new(), &Bytes::from_static(b"{\"a\":{\"b\":[{\"c\":1},2]},\"d\":\"x y\"}"));
        let expected = [
            "location 0 Named(\"location\") /jobs/17?s=x",
            "location 1 Path(\"\") ",
            "location 2 Path(\"\") jobs",
            "location 3 Path(\"jobs\") 17",
            "location 4 Named(\"s\") x",
            "/a/b/0/c 0 Named(\"c\") 1",
            "/a/b/1 0 Named(\"b\") 2",
            "/d 0 Named(\"d\") x y",
            "/d 1 Word x",
            "/d 2 Word y",
        ];
        assert_eq!(seen, expected.into_iter().filter(|row| !row.ends_with(' ')).collect::<Vec<_>>());
    }
}
