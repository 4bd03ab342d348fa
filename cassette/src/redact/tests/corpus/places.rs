//! The places where a secret may stand: a frame around `@`, and the part of the exchange that holds the frame.

use std::borrow::Cow;
use std::io::Write;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::decode;
use crate::redact::{Redactor, Side};

pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) frame: &'static str,
    /// Characters that have another meaning at this place. A text with one of them is not tried.
    pub(super) without: &'static str,
    pub(super) part: Part,
}

/// The part of an exchange that holds a place.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Url,
    Header(&'static str, Side),
    /// A body of this content type.
    Body(&'static str),
    /// A compressed body: `content-encoding` and content type.
    Compressed(&'static str, &'static str),
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b";
const VALUE: &str = r#"{"id":1.50,"note":"@"}"#;
const PART: &str = "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n@\r\n--b--\r\n";

pub(super) const PLACES: &[Place] = &[
    place("path", "https://api.test/v1/@/items?page=2", "?# \"<>@[", Part::Url),
    place("query", "https://api.test/v1?page=2&q=@&sort=asc", "&# \"<>", Part::Url),
    place("fragment", "https://api.test/v1#q=@&x=1", "&# \"<>", Part::Url),
    place("request header", "note @ end", "", Part::Header("x-note", Side::Request)),
    place("response header", "note @ end", "", Part::Header("x-note", Side::Response)),
    place("unknown header of a request", "note @ end", "", Part::Header("x-unlisted", Side::Request)),
    place("unknown header of a response", "note @ end", "", Part::Header("x-unlisted", Side::Response)),
    place("JSON in a header", VALUE, "", Part::Header("x-unlisted", Side::Response)),
    place("redirect", "/next?page=2&q=@", "&# \"<>", Part::Header("location", Side::Response)),
    place(
        "JSON string",
        r#"{"id": 1.50, "note": "see @ there", "more": [true, null]}"#,
        "",
        Part::Body(JSON),
    ),
    place("JSON value", VALUE, "", Part::Body(JSON)),
    place("JSON key", r#"{"@": {"n": 1}, "b": "c"}"#, "", Part::Body(JSON)),
    place("JSON in JSON", r#"{"body":"{\"a\":\" @ \",\"n\":1.0}"}"#, "", Part::Body(JSON)),
    place("form", "a=1&q=@&z=%20+", "&", Part::Body(FORM)),
    place("multipart", PART, "", Part::Body(MULTIPART)),
    place("XML text", "<?xml version=\"1.0\"?><a><b>@</b><c d='e'/></a>", "", Part::Body("application/xml")),
    place("XML attribute", "<a b=\"@\" c=\"d\">e</a>", "", Part::Body("text/xml")),
    place("page attribute", "<!doctype html><p title=\"@\" id=c>d</p>", "", Part::Body("text/html")),
    place(
        "script of a page",
        "<script>init({\"id\":1.50,\"note\":\"@\"})</script>",
        "",
        Part::Body("text/html"),
    ),
    place("plain text", "one @ two\r\n", "", Part::Body("text/plain")),
    place("CSV", "id,note\n1,@\n2,x\n", "", Part::Body("text/csv")),
    place("NDJSON", "{\"a\":1}\n{\"a\":\"@\"}\n{\"a\":2}\n", "", Part::Body("application/x-ndjson")),
    place("JSON sequence", "\u{1e}{\"a\":1}\n\u{1e}{\"a\":\"@\"}\n", "", Part::Body("application/json-seq")),
    place("JSON after noise", "1 one\n{\"a\":\"@\"}\ntwo\n", "", Part::Body("application/x-ndjson")),
    place("JSON after a guard", ")]}',\n{\"id\":1.50,\"note\":\"@\"}", "", Part::Body(JSON)),
    place("JSON in a call", "cb({\"id\":1.50,\"note\":\"@\"});", "", Part::Body(JSON)),
    place("JSON as a form", VALUE, "", Part::Body(FORM)),
    place("JSON as events", VALUE, "", Part::Body("text/event-stream")),
    place("form as text", "a=1&q=@&z=%20+", "&", Part::Body("text/plain")),
    place("XML as JSON", "<?xml version=\"1.0\"?><a><b>@</b><c d='e'/></a>", "", Part::Body(JSON)),
    place("events as text", "id: 1\ndata: {\"note\":\"@\"}\n\n", "", Part::Body("text/plain")),
    place("gzip", "one @ two", "", Part::Compressed("gzip", "text/plain")),
    place("JSON in gzip", VALUE, "", Part::Compressed("gzip", JSON)),
    place("form in gzip", "a=1&q=@&z=%20+", "&", Part::Compressed("gzip", FORM)),
    place("multipart in gzip", PART, "", Part::Compressed("gzip", MULTIPART)),
    place("deflate", "one @ two", "", Part::Compressed("deflate", "text/plain")),
    place("JSON in deflate", VALUE, "", Part::Compressed("deflate", JSON)),
    #[cfg(feature = "brotli")]
    place("brotli", "one @ two", "", Part::Compressed("br", "text/plain")),
    #[cfg(feature = "brotli")]
    place("JSON in brotli", VALUE, "", Part::Compressed("br", JSON)),
    #[cfg(feature = "zstd")]
    place("zstd", "one @ two", "", Part::Compressed("zstd", "text/plain")),
    #[cfg(feature = "zstd")]
    place("JSON in zstd", VALUE, "", Part::Compressed("zstd", JSON)),
];

const fn place(name: &'static str, frame: &'static str, without: &'static str, part: Part) -> Place {
    Place { name, frame, without, part }
}

impl Part {
    /// The stored text. `cuts` are the offsets at which the sent bytes are split into chunks.
    pub(super) fn store(self, redactor: &Redactor, text: &str, cuts: &[usize]) -> Option<String> {
        self.receive(redactor, &self.sent(text), cuts)
    }

    /// The bytes that the client or server sends for a text.
    pub(super) fn sent(self, text: &str) -> Cow<'_, [u8]> {
        match self {
            Part::Compressed(coding, _) => compress(coding, text.as_bytes()).into(),
            _ => text.as_bytes().into(),
        }
    }

    /// Whether this part can be split into chunks.
    pub(super) fn is_cut(self) -> bool {
        matches!(self, Part::Body(_) | Part::Compressed(..))
    }

    /// The stored text of bytes that were [sent](Self::sent).
    pub(super) fn receive(self, redactor: &Redactor, sent: &[u8], cuts: &[usize]) -> Option<String> {
        let stored = match self {
            Part::Url => redactor.uri(std::str::from_utf8(sent).ok()?).into_bytes(),
            Part::Header(name, side) => {
                let mut headers = HeaderMap::new();
                headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(sent).ok()?);
                redactor.headers(&headers, side)[name].as_bytes().to_vec()
            }
            Part::Body(content_type) => {
                let mut body = redactor.body(Some(content_type), Vec::new());
                chunks(sent, cuts).for_each(|chunk| body.write_all(chunk).unwrap());
                body.finish().unwrap()
            }
            Part::Compressed(coding, content_type) => {
                let body = redactor.body(Some(content_type), Vec::new());
                let mut decoder = decode::decoder(Some(coding), body).ok()?;
                chunks(sent, cuts).for_each(|chunk| decoder.write_all(chunk).unwrap());
                decoder.finish().unwrap().finish().unwrap()
            }
        };
        Some(String::from_utf8(stored).expect("text stays text"))
    }
}

fn chunks<'t>(text: &'t [u8], cuts: &[usize]) -> impl Iterator<Item = &'t [u8]> {
    let from = std::iter::once(0).chain(cuts.iter().copied()).collect::<Vec<_>>();
    let to = cuts.iter().copied().chain([text.len()]).collect::<Vec<_>>();
    from.into_iter().zip(to).map(|(from, to)| &text[from..to])
}

fn compress(coding: &str, text: &[u8]) -> Vec<u8> {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    let level = Compression::fast();
    #[cfg(feature = "zstd")]
    if coding == "zstd" {
        return ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest);
    }
    if coding == "br" {
        // Brotli: one uncompressed meta-block, and an empty last meta-block (RFC 7932 §9.2).
        let head = (text.len() as u32 - 1) << 4 | 1 << 20;
        return [&head.to_le_bytes()[..3], text, &[3]].concat();
    }
    if coding == "gzip" {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(text).unwrap();
        return encoder.finish().unwrap();
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), level);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}
