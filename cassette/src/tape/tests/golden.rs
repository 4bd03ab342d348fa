//! The layout of a document must not change. This test compares a whole document with its expected text.

use super::*;

#[test]
fn the_document() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), options(64)).unwrap();

    let mut post =
        request("POST", "https://api.example.com/v1/items?page=2&q=%C3%BC", b"{\"n\":1.0,\"e\":[]}");
    post.headers = headers(&[
        ("x-many", b"b"),
        ("accept", b"*/*"),
        ("x-many", b"a"),
        ("x-utf8", "grün \"x\"".as_bytes()),
        ("x-latin", b"gr\xfcn"),
    ]);
    let mut answer = response(201, Body::inline("[1, {\"a\": null}]\n"));
    answer.headers = headers(&[("content-type", b"application/json")]);
    answer.body.encoding = Some("gzip".into());
    answer.trailers = headers(&[("x-checksum", b"1f")]);
    answer.version = http::Version::HTTP_2;
    answer.reason = Some(http::HeaderValue::from_static("As you wish"));
    journal.append(1, &Interaction::new(post, Outcome::Response(answer))).unwrap();

    let mut lines = response(200, Body::inline("data: 1\n\ndata: 2"));
    lines.body.chunks = Chunks::Events;
    lines.cut = Some(TransportError { kind: TransportErrorKind::Reset, message: "peer closed".into() });
    journal
        .append(2, &Interaction::new(request("GET", "https://a/2", b"one line\n"), Outcome::Response(lines)))
        .unwrap();

    let long = body(&journal, "text/csv; charset=utf-8", &[b'x'; 65]);
    let long = Body { chunks: Chunks::At(vec![20, 40]), ..long };
    let get = request("GET", "https://a/3", &[0xff, 0x00]);
    journal.append(3, &Interaction::new(get, Outcome::Response(response(200, long)))).unwrap();

    let refused = TransportError { kind: TransportErrorKind::Connect, message: "connection refused".into() };
    journal
        .append(0, &Interaction::new(request("GET", "https://a/0", b""), Outcome::Error(refused)))
        .unwrap();

    let mut metadata = journal.metadata().clone();
    metadata.duration_seconds = Some(1.25);
    metadata.redaction = vec!["default".into(), "secret:TOKEN".into()];
    metadata.extra.insert("ticket".into(), serde_json::json!({"z": [1, "a"], "b": {}}));
    let installed = journal.prepare(metadata.clone()).unwrap().install().unwrap();

    let text = dir.text();
    assert_eq!(text, EXPECTED);
    assert_eq!(installed.interactions, 4);
    assert_eq!(installed.bytes, EXPECTED.len() as u64 + 65);
    assert_eq!(installed.not_removed, Vec::<std::path::PathBuf>::new());
    metadata.interactions = 4;
    assert_eq!(Cassette::open_files(&dir.files()).unwrap().metadata(), &metadata);
}

const EXPECTED: &str = r#"{
  "version": 2,
  "_metadata": {
    "recorded_at": "2024-05-01T12:00:00Z",
    "freeze_time": "2024-05-01T12:00:00Z",
    "time_zone": "UTC",
    "recorder": {
      "name": "cassette-vcr",
      "version": "0.1.0"
    },
    "interactions": 4,
    "duration_seconds": 1.25,
    "redaction": [
      "default",
      "secret:TOKEN"
    ],
    "ticket": {
      "b": {},
      "z": [
        1,
        "a"
      ]
    }
  },
  "interactions": [
    {
      "request": {
        "method": "GET",
        "uri": "https://a/0",
        "headers": {}
      },
      "error": {
        "kind": "connect",
        "message": "connection refused"
      }
    },
    {
      "request": {
        "method": "POST",
        "uri": "https://api.example.com/v1/items?page=2&q=%C3%BC",
        "headers": {
          "accept": "*/*",
          "x-latin": {"base64": "Z3L8bg=="},
          "x-many": ["b", "a"],
          "x-utf8": "grün \"x\""
        },
        "body": {
          "json": {
            "n": 1.0,
            "e": []
          }
        }
      },
      "response": {
        "status": 201,
        "reason": "As you wish",
        "version": "HTTP/2",
        "headers": {
          "content-type": "application/json"
        },
        "body": {
          "json": [
            1,
            {
              "a": null
            }
          ],
          "style": "spaced+newline",
          "encoding": "gzip"
        },
        "trailers": {
          "x-checksum": "1f"
        }
      }
    },
    {
      "request": {
        "method": "GET",
        "uri": "https://a/2",
        "headers": {},
        "body": {
          "text": "one line\n"
        }
      },
      "response": {
        "status": 200,
        "version": "HTTP/1.1",
        "headers": {},
        "body": {
          "text": [
            "data: 1\n",
            "\n",
            "data: 2"
          ],
          "chunks": "events"
        },
        "cut": {
          "kind": "reset",
          "message": "peer closed"
        }
      }
    },
    {
      "request": {
        "method": "GET",
        "uri": "https://a/3",
        "headers": {},
        "body": {
          "base64": "/wA="
        }
      },
      "response": {
        "status": 200,
        "version": "HTTP/1.1",
        "headers": {},
        "body": {
          "file": "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9.csv",
          "size": 65,
          "sha256": "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9",
          "chunks": [20, 40]
        }
      }
    }
  ]
}
"#;

#[test]
fn an_empty_one() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), JournalOptions::default()).unwrap();
    install(&journal);
    let text = dir.text();
    assert!(text.ends_with("  \"interactions\": []\n}\n"), "{text}");
    assert!(Cassette::open_files(&dir.files()).unwrap().is_empty());
    assert_eq!(dir.listing(), ["weather/berlin.json"]);
}
