//! Bodies are streamed: each chunk is passed on at once, and a slow reader slows the sender down.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Response;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::fixture::{Answers, Api, Speaks, channel, client, echo, http1_client, proxy, run};
use crate::body::Body;

/// The next chunk is sent only after the previous one has come back.
#[test]
fn both_directions_flow_at_once() {
    run(async {
        for speaks in [Speaks::Http1, Speaks::Https1, Speaks::Https2] {
            let api = Api::start(speaks, |r| async { Response::new(echo(r)) }).await;
            let proxy = api.proxy();
            for client in [client(&proxy), http1_client(&proxy)] {
                let (sender, sent) = channel();
                let request = client.post(api.url("/")).body(reqwest::Body::wrap(sent));
                let mut response = request.send().await.unwrap();
                for i in 0..20_u8 {
                    sender.send(Ok(Bytes::from(vec![i; 1000]))).await.unwrap();
                    let mut received = Vec::new();
                    while received.len() < 1000 {
                        received.extend(response.chunk().await.unwrap().unwrap());
                    }
                    assert_eq!(received, vec![i; 1000]);
                }
                drop(sender);
                assert_eq!(response.bytes().await.unwrap(), "");
            }
        }
    });
}

const MIB: usize = 1 << 20;
const CHUNK: usize = 64 << 10;
const TOTAL: usize = 100 * MIB;
/// The largest number of bytes between sender and reader. Without an unlimited buffer, only socket buffers and
/// flow-control windows hold bytes, which for two connections is a few megabytes.
const BETWEEN: usize = TOTAL * 3 / 4;

/// A body of [`TOTAL`] bytes, and the number of bytes that have been taken from it.
fn source() -> (Body, Arc<AtomicUsize>) {
    let (sender, body) = channel();
    let sent = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let sent = sent.clone();
        async move {
            while sent.load(Ordering::SeqCst) < TOTAL && sender.send(Ok(vec![7; CHUNK].into())).await.is_ok()
            {
                sent.fetch_add(CHUNK, Ordering::SeqCst);
            }
        }
    });
    (body, sent)
}

/// Reads a whole body more slowly than the sender sends, so that an unlimited buffer would grow. Returns the largest
/// number of bytes that were sent and not yet read.
async fn drain<B>(mut body: B, sent: &AtomicUsize) -> usize
where
    B: HttpBody<Data = Bytes, Error: Debug> + Unpin,
{
    let (mut received, mut most, mut digest) = (0, 0, Sha256::new());
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.unwrap().into_data() else { continue };
        most = most.max(sent.load(Ordering::SeqCst).saturating_sub(received));
        received += chunk.len();
        (0..4).for_each(|_| digest.update(&chunk));
    }
    assert_eq!(received, TOTAL);
    most
}

#[test]
fn a_download_is_never_held() {
    run(async {
        for speaks in [Speaks::Http1, Speaks::Https2] {
            let (body, sent) = source();
            let body = Arc::new(Mutex::new(Some(body)));
            let api = Api::start(speaks, move |_| {
                let body = body.lock().unwrap().take().unwrap();
                async { Response::new(body) }
            })
            .await;
            let proxy = api.proxy();
            let response: Response<reqwest::Body> =
                client(&proxy).get(api.url("/")).send().await.unwrap().into();
            let most = drain(response.into_body(), &sent).await;
            assert!(most < BETWEEN, "{speaks:?}: {most} bytes between server and client");
        }
    });
}

#[test]
fn an_upload_is_never_held() {
    run(async {
        for speaks in [Speaks::Http1, Speaks::Https2] {
            let (body, sent) = source();
            let api = Api::start(speaks, move |request| {
                let sent = sent.clone();
                async move { Response::new(Body::from(drain(request.into_body(), &sent).await.to_string())) }
            })
            .await;
            let proxy = api.proxy();
            let request = client(&proxy).post(api.url("/")).body(reqwest::Body::wrap(body));
            let most: usize = request.send().await.unwrap().text().await.unwrap().parse().unwrap();
            assert!(most < BETWEEN, "{speaks:?}: {most} bytes between client and server");
        }
    });
}

/// When the client leaves, the engine's body is dropped, even if it has no end.
#[test]
fn a_client_that_leaves_in_the_middle_lets_go_of_the_body() {
    run(async {
        for http1 in [true, false] {
            let (sender, body) = channel();
            let body = Arc::new(Mutex::new(Some(body)));
            let proxy = proxy(Answers(move |_| {
                let body = body.lock().unwrap().take().unwrap();
                async { Ok(Response::new(body)) }
            }));
            let client = if http1 { http1_client(&proxy) } else { client(&proxy) };
            let feeder = tokio::spawn(async move {
                // The body has no end.
                while sender.send(Ok(vec![0; CHUNK].into())).await.is_ok() {}
            });
            let mut response = client.get("https://api.example.test/").send().await.unwrap();
            assert!(response.chunk().await.unwrap().is_some());
            drop(response);
            feeder.await.unwrap();
        }
    });
}
