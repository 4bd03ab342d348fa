//! Tests request headers in matching. Some headers select what a request asks for, so they are compared. Other headers
//! only decide which of several equal recordings answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cassette::{Config, Mode, Session};
use http::HeaderMap;
use tokio::task::JoinSet;

use crate::api::{Answer, Api, HOST, Speaks, answer, see};
use crate::project::Project;

const PARTS: usize = 16;
const AT_ONCE: usize = 8;
/// The length of a part. It is longer than the inline limit, so that each part is in a body file.
const PART: usize = 70_000;

/// The file that the server serves. No two parts of it are equal.
fn file() -> Bytes {
    (0..PARTS * PART).map(|i| (i / 7 + i / PART) as u8).collect::<Vec<_>>().into()
}

/// A server that sends the whole file, or the requested range of it (RFC 9110 §14).
fn ranges() -> Api {
    let file = file();
    Api::start(Speaks::Https1, move |request| {
        let range = request.headers().get("range").and_then(|value| value.to_str().ok());
        let bounds = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        let Some((from, to)) = bounds.and_then(|(a, b)| Some((a.parse().ok()?, b.parse::<usize>().ok()?)))
        else {
            return answer(200, &[("accept-ranges", "bytes")], file.clone());
        };
        let content_range = format!("bytes {from}-{to}/{}", file.len());
        let headers = [("accept-ranges", "bytes"), ("content-range", &content_range)];
        answer(206, &headers, file.slice(from..=to))
    })
}

/// Fetches all parts, several at the same time, and begins with part `first`. Returns the responses in the order of the
/// parts.
async fn fetch(session: &Session, first: usize) -> Vec<(u16, String, Bytes)> {
    let http = session.client().unwrap();
    let url = format!("https://{HOST}/file");
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (http, url, next) = (http.clone(), url.clone(), next.clone());
        tasks.spawn(async move {
            let mut parts = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::SeqCst);
                if n >= PARTS {
                    return parts;
                }
                let part = (first + n) % PARTS;
                let range = format!("bytes={}-{}", part * PART, (part + 1) * PART - 1);
                let seen = see(http.get(&url).header("range", range).send().await.unwrap()).await;
                let content_range = seen.headers["content-range"].to_str().unwrap().to_owned();
                parts.push((part, (seen.status, content_range, seen.body)));
            }
        });
    }
    let mut parts: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    parts.sort_by_key(|(part, _)| *part);
    parts.into_iter().map(|(_, seen)| seen).collect()
}

fn bytes(parts: &[(u16, String, Bytes)]) -> Bytes {
    parts.iter().flat_map(|(.., body)| body.to_vec()).collect()
}

#[test]
fn parallel_ranges_of_a_file() {
    let (api, project) = (ranges(), Project::new());
    let config = api.config();
    let recorded = project.record(config.clone(), &async |session| fetch(&session, 0).await);
    assert!(bytes(&recorded) == file(), "the server sent something else");
    assert_eq!(project.interactions().len(), PARTS);
    drop(api);
    for first in [0, 1, 5, 8, 11, 15, 0, 0] {
        let replayed = project.replay(config.clone(), &async |session| fetch(&session, first).await);
        assert!(replayed == recorded, "wrong bytes on replay, beginning with part {first}");
    }
}

/// Only one range was recorded. A request for another range fails, and so does a request for the whole file.
#[test]
fn another_range() {
    let (api, project) = (ranges(), Project::new());
    let config = api.config();
    let ask = |range: Option<&'static str>| {
        async move |session: Session| {
            let request = session.client().unwrap().get(format!("https://{HOST}/file"));
            let request = range.into_iter().fold(request, |request, range| request.header("range", range));
            see(request.send().await.unwrap()).await.body
        }
    };
    project.record(config.clone(), &ask(Some("bytes=0-9")));
    drop(api);
    assert_eq!(project.replay(config.clone(), &ask(Some("bytes=0-9"))), file().slice(0..10));
    let message = |range| project.run(Mode::Replay, config.clone(), &ask(range)).unwrap_err().to_string();
    let message = [message(Some("bytes=10-19")), message(None)];
    assert!(message[0].contains("- bytes=0-9\n      + bytes=10-19"), "{}", message[0]);
    assert!(message[0].contains(".ignore_header(\"range\")"), "{}", message[0]);
    assert!(message[1].contains("- bytes=0-9\n      + (absent)"), "{}", message[1]);
    let ignored = config.clone().ignore_header("range");
    assert_eq!(project.replay(ignored, &ask(Some("bytes=10-19"))), file().slice(0..10));
}

/// In the two passes of mode `learn`, the parts are requested in different orders. Mode `learn` must not ignore the
/// ranges because of that.
#[test]
fn learning_with_parallel_ranges() {
    let (api, project) = (ranges(), Project::new());
    let config = api.config();
    let passes = AtomicUsize::new(0);
    let body = |session: Session| -> cassette::TestResult {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let first = 5 * passes.fetch_add(1, Ordering::SeqCst);
        assert!(bytes(&runtime.block_on(fetch(&session, first))) == file());
        Ok(())
    };
    project.builder(Mode::Learn, config.clone()).learn(body).unwrap().run(body).unwrap();
    assert_eq!(project.cassette().metadata().extra.get("volatile"), None);
    drop(api);
    let replayed = project.replay(config, &async |session| fetch(&session, 3).await);
    assert!(bytes(&replayed) == file());
}

/// An API that takes the name of the operation from a header, as DynamoDB and KMS do.
fn operations() -> Api {
    Api::start(Speaks::Https2, |request| operation(request.headers()))
}

fn operation(headers: &HeaderMap) -> Answer {
    let name = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
    let text = format!("{} in {}", name("x-amz-target"), name("accept-language"));
    answer(200, &[("content-type", "text/plain")], text)
}

/// Sends a request for each of these operations and languages, always with the same body. Returns the texts of the
/// responses.
async fn call(session: &Session, requests: &[(&'static str, &'static str)]) -> Vec<String> {
    let http = session.client().unwrap();
    let mut texts = Vec::new();
    for (target, language) in requests {
        let request =
            http.post(format!("https://{HOST}/")).header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", *target).header("accept-language", *language).body("{}");
        texts.push(String::from_utf8(see(request.send().await.unwrap()).await.body.to_vec()).unwrap());
    }
    texts
}

#[test]
fn operations_in_a_header() {
    let requests = [("TrentService.ListKeys", "de"), ("TrentService.ListAliases", "de")];
    let (api, project) = (operations(), Project::new());
    let config = api.config();
    let recorded = project.record(config.clone(), &async |session| call(&session, &requests).await);
    assert_eq!(recorded, ["TrentService.ListKeys in de", "TrentService.ListAliases in de"]);
    drop(api);
    let [keys, aliases] = requests;
    let replayed = project.replay(config.clone(), &async |session| call(&session, &[aliases, keys]).await);
    assert_eq!(replayed, ["TrentService.ListAliases in de", "TrentService.ListKeys in de"]);
    // If the cassette was recorded without the header, the request does not match. The failure names the header and
    // lists suggestions.
    project.write(&project.text().replace("\"x-amz-target\"", "\"x-other\""));
    let old = project.run(Mode::Replay, config.clone(), &async |session| call(&session, &[keys]).await);
    let message = old.unwrap_err().to_string();
    for part in [
        "header `x-amz-target`\n      - (absent)\n      + TrentService.ListKeys",
        "record a cassette again that was recorded before cassette kept this header",
        ".ignore_header(\"x-amz-target\")",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let ignored: Config = config.ignore_header("x-amz-target");
    project.replay(ignored, &async |session| call(&session, &requests).await);
}

/// `accept-language` is not compared. But if there are several recordings, the request gets the recording with the same
/// language.
#[test]
fn headers_that_decide() {
    let [de, en] = [("K.List", "de"), ("K.List", "en")];
    let (api, project) = (operations(), Project::new());
    let config = api.config();
    let body = async |session: Session| call(&session, &[de, en, de]).await;
    let (recorded, summary) = project.run(Mode::Record, config.clone(), &body).unwrap();
    assert_eq!(recorded, ["K.List in de", "K.List in en", "K.List in de"]);
    // The summary of the recording names the header.
    let notes = format!("{summary:?}");
    assert!(notes.contains(r#"DifferingHeaders { names: ["accept-language"], example: [0, 1] }"#), "{notes}");
    drop(api);
    let replay = |requests: &'static [(&'static str, &'static str)]| {
        project.replay(config.clone(), &async |session| call(&session, requests).await)
    };
    assert_eq!(
        replay(&[("K.List", "en"), ("K.List", "de"), ("K.List", "de")]),
        ["K.List in en", "K.List in de", "K.List in de"]
    );
    // A request in another language does not fail.
    assert_eq!(
        replay(&[("K.List", "fr"), ("K.List", "en"), ("K.List", "en")]),
        ["K.List in de", "K.List in en", "K.List in de"]
    );
    // With `require_header`, the header is compared, and another language fails.
    let required = config.clone().require_header("accept-language");
    let other = async |session: Session| call(&session, &[("K.List", "fr")]).await;
    let message = project.run(Mode::Replay, required, &other).unwrap_err().to_string();
    assert!(message.contains("header `accept-language`"), "{message}");
    // If the configuration requires the recorded order, headers do not decide.
    let ordered = config.clone().ordered();
    let replayed = project.replay(ordered, &async |session| call(&session, &[en, de, de]).await);
    assert_eq!(replayed, recorded);
}
