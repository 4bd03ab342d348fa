//! Tests that cassette stores the bodies of a server, and that a replay returns the same bytes.

use std::io::Write as _;

use bytes::Bytes;
use cassette::Mode;
use cassette::tape::Content;
use flate2::Compression;

use crate::api::{Api, Speaks, answer, data, frames, get, see};
use crate::project::{Project, response};

const JSON: &str = "application/json";

fn api(content_type: &'static str, body: impl Into<Bytes>) -> Api {
    let body = body.into();
    Api::start(Speaks::Http1, move |_| answer(200, &[("content-type", content_type)], body.clone()))
}

/// Records and replays a body with this content type. Returns the text of the cassette.
#[track_caller]
fn check(content_type: &'static str, body: impl Into<Bytes>) -> (Project, String) {
    let body = body.into();
    let api = api(content_type, body.clone());
    let url = api.url("/body");
    let (project, seen) = Project::both(api, async |session| get(&session.client().unwrap(), &url).await);
    assert_eq!(seen.body, body);
    assert_eq!(seen.headers["content-length"], body.len().to_string());
    let text = project.text();
    (project, text)
}

#[test]
fn json_in_every_style() {
    for body in [
        r#"{"a":1,"b":[true,null,"x"]}"#,
        r#"{"a": 1, "b": [true, null, "x"]}"#,
        "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ]\n}\n",
        "{\n\t\"a\": 1\n}",
        " {\"a\" :1 } ",
        r#"{"a":1}"#,
        "[]",
        "{}",
        "\"text\"",
        "1",
        "null\n",
    ] {
        check(JSON, body);
    }
}

#[test]
fn json_keeps_every_token() {
    let body = r#"{"one":1.0,"long":123456789012345678901234567890,"e":1E+2,"twice":1,"twice":2,"s":"\ud800\/\u00e9"}"#;
    let (_, text) = check(JSON, body);
    for token in [
        "1.0",
        "123456789012345678901234567890",
        "1E+2",
        "\"twice\": 1",
        "\"twice\": 2",
        r#""\ud800\/\u00e9""#,
    ] {
        assert!(text.contains(token), "{token} is not in\n{text}");
    }
}

#[test]
fn text_is_readable_by_the_line() {
    let (_, text) = check("text/event-stream", "data: first\n\ndata: zweite Zeile, größer\r\n\r\n");
    assert!(text.contains("\"data: first"), "{text}");
    assert!(text.contains("zweite Zeile, größer"), "{text}");
}

/// If a person has edited a body in the cassette, the `content-length` on replay is the length of the edited body.
#[test]
fn a_body_that_was_edited_by_hand() {
    for speaks in [Speaks::Http1, Speaks::Https2] {
        let headers = [("content-type", "text/plain"), ("content-length", "11")];
        let api = Api::start(speaks, move |request| {
            answer(200, &headers, if request.method() == "HEAD" { "" } else { "as recorded" })
        });
        let (project, config, url) = (Project::new(), api.config(), api.url("/"));
        let body = async |session: cassette::Session| {
            let http = session.client().unwrap();
            let head = see(http.head(&url).send().await.unwrap()).await;
            assert_eq!(head.headers["content-length"], "11");
            let seen = get(&http, &url).await;
            assert_eq!(seen.headers["content-length"], seen.body.len().to_string());
            String::from_utf8(seen.body.to_vec()).unwrap()
        };
        assert_eq!(project.record(config.clone(), &body), "as recorded");
        drop(api);
        let document = project.path("tests/cassettes/weather/berlin.json");
        let recorded = std::fs::read_to_string(&document).unwrap();
        for edited in ["short", "longer than it was recorded"] {
            let text = recorded.replace("\"as recorded\"", &format!("\"{edited}\""));
            std::fs::write(&document, text).unwrap();
            assert_eq!(project.replay(config.clone(), &body), edited);
        }
    }
}

#[test]
fn every_byte_value() {
    let all: Vec<u8> = (0..=255).collect();
    check("application/octet-stream", all.clone());
    check("text/plain; charset=iso-8859-1", all.clone());
    check(JSON, all);
    check(JSON, &b"\xef\xbb\xbf{\"a\":1}"[..]);
}

#[test]
fn an_empty_body() {
    check(JSON, "");
}

#[test]
fn around_the_inline_limit() {
    for (len, in_a_file) in [(65_535, false), (65_536, false), (65_537, true)] {
        let body: Vec<u8> = (0..len).map(|i| b'a' + (i % 23) as u8).collect();
        let (project, _) = check("text/plain", body);
        let recorded = project.interactions();
        let kept = &response(&recorded[0]).body.content;
        assert_eq!(matches!(kept, Content::File(_)), in_a_file, "{len} bytes");
    }
}

#[test]
fn long_bodies_get_a_file_and_equal_ones_one() {
    let body: Bytes = (0..5 * 1024 * 1024_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let sent = body.clone();
    let other: Bytes = body.iter().rev().copied().collect();
    let reversed = other.clone();
    let api = Api::start(Speaks::Https2, move |request| {
        let body = if request.uri().path() == "/other" { &other } else { &body };
        answer(200, &[("content-type", "application/zip")], body.clone())
    });
    let urls = ["/a", "/b", "/other"].map(|path| api.url(path));
    let (project, seen) = Project::both(api, async |session| {
        let http = session.client().unwrap();
        let mut seen = Vec::new();
        for url in &urls {
            seen.push(get(&http, url).await.body);
        }
        seen
    });
    assert!(seen == [sent.clone(), sent, reversed]);
    let files = project.files();
    let bodies: Vec<&String> = files.keys().filter(|f| f.contains(".bodies/")).collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert!(bodies.iter().all(|f| f.ends_with(".zip")), "{bodies:?}");
    assert!(project.text().len() < 10_000);
}

const TEXT: &str = r#"{"city":"Berlin","degrees":21.0,"words":"hello, hello, hello, hello, hello"}"#;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut coded, &Default::default()).unwrap();
    coded
}

#[test]
fn compressed_answers_are_readable_and_read_the_same() {
    for (encoding, coded) in
        [("gzip", gzip(TEXT.as_bytes())), ("br", brotli(TEXT.as_bytes())), ("deflate", zlib(TEXT.as_bytes()))]
    {
        let api = Api::start(Speaks::Http1, move |_| {
            answer(200, &[("content-type", JSON), ("content-encoding", encoding)], coded.clone())
        });
        let url = api.url("/");
        let (project, seen) =
            Project::both(api, async |session| get(&session.client().unwrap(), &url).await.body);
        assert_eq!(seen, TEXT, "{encoding}");
        let text = project.text();
        assert!(text.contains("\"degrees\": 21.0"), "{text}");
        assert_eq!(response(&project.interactions()[0]).body.encoding.as_deref(), Some(encoding));
    }
}

/// Several `content-encoding` lines mean the same as one line with a list (RFC 9110 §5.3).
#[test]
fn codings_in_several_header_lines() {
    let coded = gzip(&zlib(TEXT.as_bytes()));
    let api = Api::start(Speaks::Http1, move |_| {
        let headers = [("content-encoding", "deflate"), ("content-encoding", "gzip"), ("content-type", JSON)];
        answer(200, &headers, coded.clone())
    });
    let config = api.config();
    let url = api.url("/");
    let project = Project::new();
    project.record(config, &async |session: cassette::Session| {
        let http = session.client_builder().unwrap().no_gzip().no_deflate().build().unwrap();
        get(&http, &url).await;
    });
    assert!(project.text().contains("\"degrees\": 21.0"), "{}", project.text());
}

/// The cassette keeps a body in S3's chunk format unchanged.
#[test]
fn a_request_in_chunks_of_s3() {
    const SENT: &str = "7\r\nrow 1,\n\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    let api = Api::start(Speaks::Http1, |request| {
        let as_sent = request.body() == SENT && request.headers()["content-encoding"] == "aws-chunked";
        answer(if as_sent { 200 } else { 400 }, &[], "")
    });
    let url = api.url("/bucket/key");
    let (project, status) = Project::both(api, async |session| {
        let request = session.client().unwrap().put(&url).body(SENT);
        see(request.header("content-encoding", "aws-chunked").send().await.unwrap()).await.status
    });
    assert_eq!(status, 200);
    assert!(project.text().contains("row 1,"), "{}", project.text());
}

#[test]
fn a_request_in_an_unknown_coding_is_not_recorded() {
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], ""));
    let url = api.url("/");
    let failed = Project::new().run(Mode::Record, api.config(), &async |session| {
        let request = session.client().unwrap().post(&url).header("content-encoding", "zip9").body("x");
        _ = request.send().await;
    });
    let message = failed.unwrap_err().to_string();
    assert!(
        message.contains("content-encoding `zip9` of the request")
            && message.contains("send the body uncompressed"),
        "{message}"
    );
}

#[test]
fn a_compressed_request() {
    let coded = gzip(TEXT.as_bytes());
    let expected = coded.clone();
    let api = Api::start(Speaks::Https1, move |request| {
        let as_sent = *request.body() == expected && request.headers()["content-encoding"] == "gzip";
        answer(if as_sent { 201 } else { 400 }, &[], "")
    });
    let url = api.url("/upload");
    let (project, seen) = Project::both(api, async |session| {
        let request = session.client().unwrap().post(&url).body(coded.clone());
        see(request.header("content-type", JSON).header("content-encoding", "gzip").send().await.unwrap())
            .await
    });
    assert_eq!(seen.status, 201);
    assert!(project.text().contains("\"city\": \"Berlin\""), "{}", project.text());
}

/// Tries to record a response with a body that cassette cannot decode. The client gets the response unchanged, but the
/// recording is not installed.
#[track_caller]
fn refused(encoding: &'static str, body: impl Into<Bytes>, message: &str) {
    let body = body.into();
    let sent = body.clone();
    let api = Api::start(Speaks::Http1, move |_| {
        frames(200, &[("content-encoding", encoding), ("content-type", JSON)], [data(sent.clone())])
    });
    let url = api.url("/odd?page=2");
    let project = Project::new();
    let run = project.run(Mode::Record, api.config(), &async |session: cassette::Session| {
        let http = session.client_builder().unwrap().no_gzip().no_brotli().no_deflate().build().unwrap();
        let seen = get(&http, &url).await;
        assert_eq!(seen.body, body, "the client sees what the server sent");
    });
    let text = run.expect_err("recorded").to_string();
    assert!(text.contains("GET http://api.example.test/odd?page=2"), "{text}");
    assert!(text.contains(message), "{text}");
    assert_eq!(text.matches("/odd?page=2").count(), 1, "reported twice: {text}");
    assert_eq!(project.files().len(), 0, "{:?}", project.files().keys());
}

/// Servers name character sets and transfer encodings as well. Clients ignore such values, and the header stays.
#[test]
fn values_of_content_encoding_that_are_no_coding() {
    for value in ["none", "utf-8", "binary", "UTF-8, identity", ""] {
        let api = Api::start(Speaks::Http1, move |_| {
            answer(200, &[("content-type", JSON), ("content-encoding", value)], TEXT)
        });
        let url = api.url("/");
        let (project, seen) = Project::both(api, async |session| get(&session.client().unwrap(), &url).await);
        assert_eq!(seen.body, TEXT);
        assert_eq!(seen.headers["content-encoding"], value);
        assert!(project.text().contains("\"degrees\": 21.0"), "{}", project.text());
    }
}

/// With `Config::opaque_encoding`, cassette keeps a body in an unknown coding as it is.
#[test]
fn an_unknown_coding_by_option() {
    let api = Api::start(Speaks::Http1, |request| {
        answer(
            200,
            &[("content-encoding", "dcb"), ("content-type", JSON)],
            [request.body(), &b"\xff\0"[..]].concat(),
        )
    });
    let (project, config, url) = (Project::new(), api.config().opaque_encoding("DCB"), api.url("/"));
    let body = async |session: cassette::Session| {
        let request =
            session.client().unwrap().post(&url).header("content-encoding", "dcb").body("\u{1}\u{2}");
        see(request.send().await.unwrap()).await
    };
    let recorded = project.record(config.clone(), &body);
    drop(api);
    assert_eq!(recorded.body, &b"\x01\x02\xff\0"[..]);
    assert_eq!(recorded.headers["content-encoding"], "dcb");
    assert_eq!(project.replay(config, &body), recorded);
}

/// cassette drops bytes after the end of compressed data, as curl and browsers do.
#[test]
fn bytes_after_the_end_of_a_gzip_body() {
    let coded = [&gzip(TEXT.as_bytes()), &b"\n<!-- cached -->"[..]].concat();
    let api = Api::start(Speaks::Http1, move |_| {
        answer(200, &[("content-type", JSON), ("content-encoding", "gzip")], coded.clone())
    });
    let (project, config, url) = (Project::new(), api.config(), api.url("/"));
    let body = async |session: cassette::Session| {
        let http = session.client_builder().unwrap().no_gzip().build().unwrap();
        get(&http, &url).await.body
    };
    assert!(project.record(config.clone(), &body).ends_with(b"<!-- cached -->"));
    drop(api);
    assert_eq!(project.replay(config, &body), TEXT);
}

#[test]
fn bodies_that_cannot_be_decoded_are_not_recorded() {
    let mut wrong = gzip(TEXT.as_bytes());
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    refused("gzip", wrong, "the gzip body does not match its checksum");
    let whole = gzip(TEXT.as_bytes());
    refused("gzip", whole[..whole.len() - 9].to_vec(), "is cut off");
    refused("gzip", TEXT, "the body is not in gzip format");
    refused("zstd", "(\u{fffd}/, more than a header", "the body is not in zstd format");
    refused("dcb", "(\u{fffd}/", "content-encoding `dcb` of the response can't be decoded");
}
