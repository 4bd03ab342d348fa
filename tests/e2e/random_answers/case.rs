//! The random responses of the server, and how the test compares a text that a client saw with the text on replay.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::Compression;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Frame;
use hyper::ext::ReasonPhrase;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::api::{Answer, data, frames};
use crate::bodies::gzip;

/// Headers as real servers send them, which the redaction tests of the library read as well.
const REAL: &str = include_str!("../../../cassette/src/redact/tests/corpus/headers.txt");

/// The syntaxes of the tokens. Values of each kind look random, so redaction also finds them in other places.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Jwt,
    Uuid,
    Hex,
    Base64,
    UrlSafe,
    Number,
    Prefixed,
    Alphanumeric,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    kind: Kind,
    seed: u64,
}

/// A part of a text that the server sends.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Token(Kind, String),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Json,
    Form,
    Xml,
    Html,
    Events,
    Text,
    Binary,
    Empty,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Coding {
    None,
    Gzip,
    Brotli,
    Deflate,
}

/// The part of a request in which the client sends a token of an earlier response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Bearer,
    Query,
    Path,
    Json,
    Base64,
}

/// One request and its response.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The client that sends the request.
    pub(super) client: usize,
    status: u16,
    reason: Option<&'static str>,
    /// Lines of the list of real headers.
    headers: Vec<usize>,
    format: Format,
    tokens: Vec<(usize, Token)>,
    /// A header that contains a token.
    header_token: Option<(usize, Token)>,
    filling: Vec<u8>,
    /// The places of the ends of chunks, each as a share of the body of 65536.
    cuts: Vec<u16>,
    coding: Coding,
    trailers: bool,
    pub(super) sends_back: Option<Place>,
}

const STATUSES: [u16; 16] = [200, 200, 200, 201, 202, 204, 206, 226, 299, 304, 404, 418, 429, 451, 503, 599];
const REASONS: [&str; 4] = ["", "OK", "Fine so far", "No Such User: 42"];
const FIELDS: [&str; 6] =
    ["access_token", "refresh_token", "client_secret", "api_key", "session_token", "password"];
const TOKEN_HEADERS: [(&str, &str, &str); 4] = [
    ("set-cookie", "sid=", "; Path=/; HttpOnly"),
    ("x-acme-state", "", ""),
    ("x-auth-token", "", ""),
    ("content-location", "/v1/files/7?token=", "&page=2"),
];

/// Any series of requests. The session searches for a limited number of tokens, so the series is short.
pub(super) fn any_cases(length: usize, clients: usize) -> impl Strategy<Value = Vec<Case>> {
    vec(any_case(clients), length)
}

fn any_case(clients: usize) -> impl Strategy<Value = Case> {
    use Format::{Binary, Empty, Events, Form, Html, Json, Text, Xml};
    let kinds = [
        Kind::Jwt,
        Kind::Uuid,
        Kind::Hex,
        Kind::Base64,
        Kind::UrlSafe,
        Kind::Number,
        Kind::Prefixed,
        Kind::Alphanumeric,
    ];
    let token = move || {
        (proptest::sample::select(kinds.to_vec()), any::<u64>()).prop_map(|(kind, seed)| Token { kind, seed })
    };
    let formats = [Json, Json, Form, Xml, Html, Events, Text, Binary, Empty];
    let codings = [Coding::None, Coding::None, Coding::Gzip, Coding::Brotli, Coding::Deflate];
    let places = [Place::Bearer, Place::Query, Place::Path, Place::Json, Place::Base64];
    let head = (
        0..clients,
        proptest::sample::select(&STATUSES[..]),
        option::of(proptest::sample::select(&REASONS[..])),
        vec(0..REAL.lines().count(), 0..8),
        option::weighted(0.3, (0..TOKEN_HEADERS.len(), token())),
    );
    let body = (
        proptest::sample::select(formats.to_vec()),
        vec((0..FIELDS.len(), token()), 0..3),
        vec(any::<u8>(), 0..200),
        vec(any::<u16>(), 0..5),
        proptest::sample::select(codings.to_vec()),
        any::<bool>(),
        option::of(proptest::sample::select(places.to_vec())),
    );
    (head, body).prop_map(|(head, body)| {
        let (client, status, reason, headers, header_token) = head;
        let (format, tokens, filling, cuts, coding, trailers, sends_back) = body;
        let trailers = trailers && !matches!(status, 204 | 304);
        Case {
            client,
            status,
            reason,
            headers,
            format,
            tokens,
            header_token,
            filling,
            cuts,
            coding,
            trailers,
            sends_back,
        }
    })
}

impl Token {
    fn text(self) -> String {
        let digest = |n: u8| Sha256::digest([&self.seed.to_le_bytes()[..], &[n]].concat());
        let bytes: Vec<u8> = [digest(0), digest(1)].concat();
        let from = |alphabet: &[u8], length: usize| -> String {
            bytes
                .iter()
                .take(length)
                .map(|b| char::from(alphabet[usize::from(*b) % alphabet.len()]))
                .collect()
        };
        const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        match self.kind {
            Kind::Jwt => {
                let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
                let header = serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "k-1"});
                let id = from(ALPHANUMERIC, 24);
                let claims = serde_json::json!({"iss": "https://id.test/", "exp": 1_900_000_000, "jti": id});
                format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode(&bytes))
            }
            Kind::Uuid => {
                let hex = from(b"0123456789abcdef", 31);
                format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
            }
            Kind::Hex => from(b"0123456789abcdef", 40),
            Kind::Base64 => STANDARD.encode(&bytes[..25]),
            Kind::UrlSafe => URL_SAFE_NO_PAD.encode(&bytes[..33]),
            Kind::Number => format!("1{}", from(b"0123456789", 22)),
            Kind::Prefixed => format!("ghp_{}", from(ALPHANUMERIC, 36)),
            Kind::Alphanumeric => from(ALPHANUMERIC, 32),
        }
    }

    fn piece(self) -> Piece {
        Piece::Token(self.kind, self.text())
    }
}

impl Kind {
    /// Whether a text has the syntax of this kind.
    fn is(self, text: &str) -> bool {
        let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let alphanumeric = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        match self {
            Kind::Jwt => {
                let parts: Vec<&str> = text.split('.').collect();
                let json = |part: &str| -> Option<serde_json::Value> {
                    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
                };
                let [header, claims, signature] = parts[..] else { return false };
                json(header).is_some_and(|header| header["alg"] == "RS256" && header["kid"] == "k-1")
                    && json(claims).is_some_and(|claims| {
                        claims["exp"] == 1_900_000_000 && claims["jti"].as_str().map(str::len) == Some(24)
                    })
                    && URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| bytes.len() == 64)
            }
            Kind::Uuid => {
                let lengths = text.split('-').map(str::len);
                lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(hex) && text.as_bytes()[14] == b'4'
            }
            Kind::Hex => text.len() == 40 && hex(text),
            Kind::Base64 => STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 25),
            Kind::UrlSafe => URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 33),
            Kind::Number => text.len() == 23 && text.bytes().all(|b| b.is_ascii_digit()),
            Kind::Prefixed => text.len() == 40 && text.strip_prefix("ghp_").is_some_and(alphanumeric),
            Kind::Alphanumeric => text.len() == 32 && alphanumeric(text),
        }
    }
}

/// Compares a text with the pieces of which the server made it. The text on replay may have other tokens of the same
/// syntax. Returns the tokens of the text.
pub(super) fn tokens_in(text: &[u8], pieces: &[Piece]) -> Result<Vec<String>, String> {
    let (mut rest, mut tokens) = (text, Vec::new());
    let shown = || String::from_utf8_lossy(text).into_owned();
    for piece in pieces {
        match piece {
            Piece::Text(expected) => {
                rest = rest
                    .strip_prefix(&expected[..])
                    .ok_or_else(|| format!("{:?}, instead of {pieces:?}", shown()))?;
            }
            Piece::Token(kind, sent) => {
                let found = rest.get(..sent.len()).and_then(|found| std::str::from_utf8(found).ok());
                let found = found
                    .filter(|found| kind.is(found))
                    .ok_or_else(|| format!("{:?} has no {kind:?} such as {sent}", shown()))?;
                tokens.push(found.to_owned());
                rest = &rest[sent.len()..];
            }
        }
    }
    if rest.is_empty() { Ok(tokens) } else { Err(format!("{:?}, more than {pieces:?}", shown())) }
}

impl Case {
    fn is_without_body(&self) -> bool {
        matches!(self.status, 204 | 304)
    }

    /// The pieces of the body before it is compressed.
    pub(super) fn body(&self) -> Vec<Piece> {
        if self.is_without_body() {
            return Vec::new();
        }
        let mut pieces = Vec::new();
        let text = |text: &str| Piece::Text(text.as_bytes().to_vec());
        let words: String = self.filling.iter().map(|b| char::from(b'a' + b % 26)).collect();
        // A second field of the same name would be another field, but some formats allow each name once.
        let mut tokens: Vec<(&str, Token)> = Vec::new();
        for (field, token) in &self.tokens {
            if tokens.iter().all(|(known, _)| *known != FIELDS[*field]) {
                tokens.push((FIELDS[*field], *token));
            }
        }
        let escaped = |token: Token| match (self.format, token.piece()) {
            // In a form `+` means a space.
            (Format::Form, Piece::Token(Kind::Base64, _)) => Token { kind: Kind::Hex, ..token }.piece(),
            (_, piece) => piece,
        };
        let (open, before, between, close) = match self.format {
            Format::Json => ("{\"n\": 1.10", ", \"", "\": \"", "\""),
            Format::Form => ("n=1", "&", "=", ""),
            Format::Xml => ("<?xml version=\"1.0\"?><r n=\"1\">", "<a><", ">", ""),
            Format::Html => ("<html><body><form>", "<input type=\"hidden\" name=\"", "\" value=\"", "\">"),
            Format::Events => ("event: first\ndata: {\"n\": 1}\n\n", "data: {\"", "\": \"", "\"}\n\n"),
            Format::Text => return vec![text(&format!("some text\r\nwith lines {words}"))],
            Format::Binary => return vec![Piece::Text([b"\x00\xff", &self.filling[..]].concat())],
            Format::Empty => return Vec::new(),
        };
        pieces.push(text(open));
        for (field, token) in tokens {
            pieces.push(text(&format!("{before}{field}{between}")));
            pieces.push(escaped(token));
            pieces.push(match self.format {
                Format::Xml => text(&format!("</{field}></a>")),
                _ => text(close),
            });
        }
        pieces.push(match self.format {
            Format::Json => text(&format!(", \"words\": \"{words}\"}}")),
            Format::Form => text(&format!("&words={words}")),
            Format::Xml => text(&format!("<words>{words}</words></r>")),
            Format::Html => text(&format!("</form><p>{words}</p></body></html>")),
            _ => text(&format!("data: {words}\n\n")),
        });
        pieces
    }

    /// The header fields, in order.
    pub(super) fn headers(&self) -> Vec<(HeaderName, Vec<Piece>)> {
        let mut all = Vec::new();
        for line in &self.headers {
            let line = REAL.lines().nth(*line).expect("a line");
            let (name, value) = line.split_once(": ").expect("a name and a value");
            all.push((name.parse().expect("a name"), vec![Piece::Text(value.as_bytes().to_vec())]));
        }
        if let Some((nth, token)) = self.header_token {
            let (name, before, after) = TOKEN_HEADERS[nth];
            // Cookies and URLs do not contain all characters of base64.
            let token = match token.kind {
                Kind::Base64 => Token { kind: Kind::Hex, ..token },
                _ => token,
            };
            let text = |text: &str| Piece::Text(text.as_bytes().to_vec());
            all.push((HeaderName::from_static(name), vec![text(before), token.piece(), text(after)]));
        }
        all
    }

    /// The trailers, if the response has any.
    fn trailers(&self) -> HeaderMap {
        let one = (HeaderName::from_static("x-rows"), HeaderValue::from_static("12"));
        self.trailers.then_some(one).into_iter().collect()
    }

    pub(super) fn answer(&self) -> Answer {
        let mut body = Vec::new();
        for piece in self.body() {
            match piece {
                Piece::Text(text) => body.extend(text),
                Piece::Token(_, text) => body.extend(text.bytes()),
            }
        }
        let coding = if body.is_empty() { Coding::None } else { self.coding };
        let body = match coding {
            Coding::None => body,
            Coding::Gzip => gzip(&body),
            Coding::Brotli => {
                let mut coded = Vec::new();
                brotli::BrotliCompress(&mut &body[..], &mut coded, &Default::default()).expect("compressed");
                coded
            }
            Coding::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&body).and_then(|()| encoder.finish()).expect("compressed")
            }
        };
        let mut ends: Vec<usize> =
            self.cuts.iter().map(|cut| usize::from(*cut) * body.len() / 65536).collect();
        ends.extend([0, body.len()]);
        ends.sort_unstable();
        ends.dedup();
        let mut all: Vec<_> =
            ends.windows(2).map(|end| data(Bytes::copy_from_slice(&body[end[0]..end[1]]))).collect();
        if self.trailers {
            all.push(Ok(Frame::trailers(self.trailers())));
        }
        let mut answer = frames(200, &[], all);
        *answer.status_mut() = StatusCode::from_u16(self.status).expect("a status");
        let headers = answer.headers_mut();
        for (name, pieces) in self.headers() {
            let mut value = String::new();
            for piece in &pieces {
                let _ = match piece {
                    Piece::Text(text) => write!(value, "{}", String::from_utf8_lossy(text)),
                    Piece::Token(_, text) => write!(value, "{text}"),
                };
            }
            headers.append(name, HeaderValue::from_str(&value).expect("a value"));
        }
        let (content_type, coding) = (self.content_type(), coding.name());
        headers
            .extend(content_type.map(|value| (http::header::CONTENT_TYPE, HeaderValue::from_static(value))));
        headers.extend(coding.map(|value| (http::header::CONTENT_ENCODING, HeaderValue::from_static(value))));
        if self.trailers {
            headers.insert(http::header::TRAILER, HeaderValue::from_static("x-rows"));
        }
        if let Some(reason) = self.reason {
            answer.extensions_mut().insert(ReasonPhrase::from_static(reason.as_bytes()));
        }
        answer
    }

    fn content_type(&self) -> Option<&'static str> {
        Some(match self.format {
            Format::Json => "application/json; charset=utf-8",
            Format::Form => "application/x-www-form-urlencoded",
            Format::Xml => "application/xml",
            Format::Html => "text/html; charset=utf-8",
            Format::Events => "text/event-stream",
            Format::Text => "text/plain",
            Format::Binary => "application/octet-stream",
            Format::Empty => return None,
        })
    }
}

impl Coding {
    fn name(self) -> Option<&'static str> {
        match self {
            Coding::None => None,
            Coding::Gzip => Some("gzip"),
            Coding::Brotli => Some("br"),
            Coding::Deflate => Some("deflate"),
        }
    }
}
