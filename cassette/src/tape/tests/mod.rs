//! Tests of the whole module `tape` on real files.

mod golden;
mod hostile;
mod policies;
mod recording;
mod round_trip;

use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::install::{Installed, recover};
use super::*;
use crate::error::Result;

/// A temporary directory for the cassette of one test. The drop removes it.
struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Dir {
        Dir(tempfile::tempdir().unwrap())
    }

    fn files(&self) -> Files {
        Files::new(self.0.path(), &"weather/berlin".parse().unwrap())
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.files().document()).unwrap()
    }

    /// Every file below the directory, sorted.
    fn listing(&self) -> Vec<String> {
        fn walk(dir: &std::path::Path, root: &std::path::Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.0.path(), self.0.path(), &mut found);
        found.sort();
        found
    }
}

fn options(inline_limit: usize) -> JournalOptions {
    let metadata = Metadata {
        recorded_at: Some("2024-05-01T12:00:00Z".into()),
        freeze_time: Some("2024-05-01T12:00:00Z".into()),
        time_zone: Some("UTC".into()),
        recorder: RecordedBy { name: "cassette-vcr".into(), version: "0.1.0".into() },
        ..Metadata::default()
    };
    JournalOptions { inline_limit, metadata }
}

/// Records `interactions` in this order and installs them.
fn record(files: &Files, interactions: &[Interaction]) -> Installed {
    let journal = Journal::create(files, options(64)).unwrap();
    for (i, interaction) in interactions.iter().enumerate() {
        journal.append(i as u64, interaction).unwrap();
    }
    install(&journal)
}

fn install(journal: &Journal) -> Installed {
    journal.prepare(journal.metadata().clone()).unwrap().install().unwrap()
}

fn request(method: &str, uri: &str, body: &[u8]) -> Request {
    let body = Body::inline(Bytes::copy_from_slice(body));
    Request { method: method.parse().unwrap(), uri: uri.into(), headers: HeaderMap::new(), body }
}

fn response(status: u16, body: Body) -> Response {
    Response {
        status,
        reason: None,
        version: http::Version::HTTP_11,
        headers: HeaderMap::new(),
        body,
        trailers: HeaderMap::new(),
        cut: None,
    }
}

/// An exchange with the number `n` in its URL.
fn exchange(n: usize, body: Body) -> Interaction {
    let request = request("GET", &format!("https://api.example.com/{n}"), b"");
    Interaction::new(request, Outcome::Response(response(200, body)))
}

fn headers(list: &[(&str, &[u8])]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    map
}

/// Passes the bytes through a sink of `journal`, and returns the body.
fn body(journal: &Journal, content_type: &str, bytes: &[u8]) -> Body {
    let mut sink = journal.body(Some(content_type));
    sink.write_all(bytes).unwrap();
    Body { content: sink.finish().unwrap(), ..Body::default() }
}

fn read(cassette: &Cassette, body: &Body) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in cassette.body_reader(body)? {
        let chunk = chunk?;
        assert!(chunk.len() <= 64 * 1024 || matches!(body.content, Content::Inline(_)));
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn response_of(interaction: &Interaction) -> &Response {
    match &interaction.outcome {
        Outcome::Response(response) => response,
        Outcome::Error(e) => panic!("{e}"),
    }
}
