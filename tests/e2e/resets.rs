//! Tests streams of HTTP/2 that the server resets. A replay must reset with the same code, because clients act on the
//! code.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cassette::Session;
use cassette::tape::{Outcome, ResetCode, TransportErrorKind};
use h2::Reason;
use http_body_util::BodyExt as _;
use tokio::sync::Notify;

use crate::api::{Api, Speaks, answer, channel, data};
use crate::project::{Project, response};

/// Finds the code of a reset in the sources of a client's error.
fn code(error: &(dyn std::error::Error + 'static)) -> Option<Reason> {
    let mut sources = std::iter::successors(Some(error), |e| e.source());
    sources.find_map(|e| e.downcast_ref::<h2::Error>()).and_then(h2::Error::reason)
}

/// Records and replays a request whose stream the server resets. Returns the recorded kind of error.
#[track_caller]
fn reset(reason: Reason) -> TransportErrorKind {
    let api = Api::failing(Speaks::Https2, move |_| async move { Err(h2::Error::from(reason)) });
    let url = api.url("/");
    let (project, seen) = Project::both(api, async |session| {
        let error = session.client().unwrap().post(&url).body("[1]").send().await.expect_err("an answer");
        code(&error)
    });
    assert_eq!(seen, Some(reason));
    match &project.interactions()[0].outcome {
        Outcome::Error(e) => e.kind,
        Outcome::Response(r) => panic!("{r:?}"),
    }
}

#[test]
fn codes() {
    let code = TransportErrorKind::StreamReset;
    assert_eq!(reset(Reason::ENHANCE_YOUR_CALM), code(ResetCode::EnhanceYourCalm));
    assert_eq!(reset(Reason::HTTP_1_1_REQUIRED), code(ResetCode::Http11Required));
    assert_eq!(reset(Reason::CANCEL), code(ResetCode::Cancel));
    assert_eq!(reset(Reason::INTERNAL_ERROR), TransportErrorKind::Reset);
}

/// If the server refuses a stream, reqwest sends the request again.
#[test]
fn a_refused_stream_is_repeated() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let api = Api::failing(Speaks::Https2, move |request| {
        let n = asked.fetch_add(1, Ordering::SeqCst);
        async move {
            request.into_body().collect().await.unwrap();
            if n == 0 {
                Err(h2::Error::from(Reason::REFUSED_STREAM))
            } else {
                Ok(answer(200, &[], "at last"))
            }
        }
    });
    let url = api.url("/");
    let (project, seen) = Project::both(api, async |session| {
        session.client().unwrap().post(&url).body("[1]").send().await.unwrap().text().await.unwrap()
    });
    assert_eq!((seen.as_str(), count.load(Ordering::SeqCst)), ("at last", 2));
    assert_eq!(project.interactions().len(), 2);
}

/// An error of a body. One of its sources is an `h2` error with a code.
#[derive(Debug)]
struct Wrapped(h2::Error);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server gives up")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_body_that_is_reset_in_the_middle() {
    // A failing server drops the data that it has not sent yet, so it waits until the client has received the data.
    let arrived = Arc::new(Notify::new());
    let read = arrived.clone();
    let api = Api::streaming(Speaks::Https2, move |_| {
        let arrived = arrived.clone();
        async move {
            let (body, answer) = channel(200, &[]);
            tokio::spawn(async move {
                body.send(data("first")).await.unwrap();
                arrived.notified().await;
                let error = Wrapped(Reason::ENHANCE_YOUR_CALM.into());
                body.send(Err(std::io::Error::other(error))).await.unwrap();
            });
            answer
        }
    });
    let url = api.url("/");
    let body = async |session: Session| {
        let mut response = session.client().unwrap().get(&url).send().await.unwrap();
        let first = response.chunk().await.unwrap();
        read.notify_one();
        (first, code(&response.chunk().await.expect_err("a whole body")))
    };
    let (project, seen) = Project::both(api, body);
    assert_eq!(seen, (Some("first".into()), Some(Reason::ENHANCE_YOUR_CALM)));
    let cut = response(&project.interactions()[0]).cut.clone().expect("a cut");
    assert_eq!(cut.kind, TransportErrorKind::StreamReset(ResetCode::EnhanceYourCalm));
}
