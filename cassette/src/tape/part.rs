//! Finds the part of an interaction, such as a header or the body, to which a place in its JSON belongs.
//!
//! Must not know: why the caller needs the part.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use http::HeaderMap;

use super::{Body, Content, Located, Outcome};

/// A part of a request or of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'l> {
    Url,
    /// A header or a trailer, by its name.
    Header(&'l str),
    Body {
        /// The line in the body, counted from 1. Set if the cassette has the body as lines of text.
        line: Option<u64>,
        /// The keys and indexes that lead to a value in the body. Set if the cassette has the body as JSON.
        json: Option<&'l [String]>,
    },
    /// Any other place, with the keys that lead to it, such as `response.status`.
    Other(String),
}

impl Located {
    pub(crate) fn is_of_answer(&self) -> bool {
        self.path.first().is_none_or(|key| key != "request")
    }

    pub(crate) fn part(&self) -> Part<'_> {
        let keys: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match &keys[..] {
            ["request", "uri", ..] => Part::Url,
            [_, "headers" | "trailers", name, ..] => Part::Header(name),
            [_, "body", "text", line] => {
                Part::Body { line: line.parse::<u64>().ok().map(|line| line + 1), json: None }
            }
            [_, "body", "json", ..] => Part::Body { line: None, json: Some(&self.path[3..]) },
            [_, "body", ..] => Part::Body { line: None, json: None },
            _ => Part::Other(keys.join(".")),
        }
    }

    /// The headers of the message that contains the place: the request or the response. `None` if the place is in an
    /// error, so that there is no response.
    pub(crate) fn headers(&self) -> Option<&HeaderMap> {
        match &self.interaction.outcome {
            Outcome::Response(response) if self.is_of_answer() => Some(&response.headers),
            _ if self.is_of_answer() => None,
            _ => Some(&self.interaction.request.headers),
        }
    }

    /// The values of a header, and of trailers with the same name. The values come from the message that contains the
    /// place.
    pub(crate) fn values<'l>(&'l self, name: &'l str) -> impl Iterator<Item = &'l str> {
        let trailers = match &self.interaction.outcome {
            Outcome::Response(response) if self.is_of_answer() => Some(&response.trailers),
            _ => None,
        };
        let maps = self.headers().into_iter().chain(trailers);
        maps.flat_map(move |map| map.get_all(name)).filter_map(|value| value.to_str().ok())
    }

    /// The body of the message that contains the place: the request or the response. If the place is in a body file,
    /// this reads at most `most` bytes of `file`.
    pub(crate) fn body(&self, file: &Path, most: u64) -> Option<Vec<u8>> {
        if self.in_file {
            let mut bytes = Vec::new();
            File::open(file).ok()?.take(most).read_to_end(&mut bytes).ok()?;
            return Some(bytes);
        }
        let body: &Body = match &self.interaction.outcome {
            Outcome::Response(response) if self.is_of_answer() => &response.body,
            _ if self.is_of_answer() => return None,
            _ => &self.interaction.request.body,
        };
        match &body.content {
            Content::Inline(bytes) => Some(bytes.to_vec()),
            Content::File(_) => None,
        }
    }
}

/// The string in a JSON body to which these keys and indexes lead.
pub(crate) fn json_string(body: &[u8], keys: &[String]) -> Option<String> {
    let step = |value: serde_json::Value, key: &String| match value {
        serde_json::Value::Object(mut members) => members.remove(key),
        serde_json::Value::Array(mut items) => {
            let i = key.parse().ok().filter(|i| *i < items.len())?;
            Some(items.swap_remove(i))
        }
        _ => None,
    };
    match keys.iter().try_fold(serde_json::from_slice(body).ok()?, step)? {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{Interaction, Request, TransportError, TransportErrorKind};

    fn located(path: &str) -> Located {
        let request = Request {
            method: http::Method::GET,
            uri: "https://h/".to_owned(),
            headers: HeaderMap::new(),
            body: Body::default(),
        };
        let path = path.split('.').map(str::to_owned).collect();
        let error = TransportError { kind: TransportErrorKind::Connect, message: String::new() };
        let interaction = Interaction::new(request, Outcome::Error(error));
        Located { index: 0, interaction, path, in_file: false }
    }

    #[track_caller]
    fn check(path: &str, of_answer: bool, expected: Part<'_>) {
        let located = located(path);
        assert_eq!((located.is_of_answer(), located.part()), (of_answer, expected), "{path}");
    }

    #[test]
    fn parts() {
        let keys = ["a".to_owned(), "0".to_owned()];
        check("request.uri", false, Part::Url);
        check("response.headers.etag.0", true, Part::Header("etag"));
        check("response.trailers.x", true, Part::Header("x"));
        check("request.body.text.11", false, Part::Body { line: Some(12), json: None });
        check("response.body.json.a.0", true, Part::Body { line: None, json: Some(&keys) });
        check("response.body", true, Part::Body { line: None, json: None });
        check("response.status", true, Part::Other("response.status".to_owned()));
    }

    #[test]
    fn strings_of_json() {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let body = br#"{"a": [1, "x"], "b": {"c": "y"}}"#;
        assert_eq!(json_string(body, &keys(&["a", "1"])).as_deref(), Some("x"));
        assert_eq!(json_string(body, &keys(&["b", "c"])).as_deref(), Some("y"));
        assert_eq!(json_string(body, &keys(&["a", "0"])), None);
        assert_eq!(json_string(body, &keys(&["a", "2"])), None);
        assert_eq!(json_string(b"\"x\"", &[]).as_deref(), Some("x"));
        assert_eq!(json_string(b"{", &[]), None);
    }
}
