//! Nothing is held: what one side sends, the other gets at once; who does not read is not sent more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::fixture::{Answers, Api, Speaks, channel, client, echo, http1_client, proxy, run};
use crate::body;

const MIB: usize = 1 << 20;

/// The next chunk is sent only after the one before has come back.
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

#[test]
fn a_hundred_megabytes_are_never_held() {
    const TOTAL: usize = 100 * MIB;
    run(async {
        for (speaks, limit) in [(Speaks::Http1, 24 * MIB), (Speaks::Https2, 24 * MIB)] {
            let sent = Arc::new(AtomicU64::new(0));
            let api = Api::start(speaks, {
                let sent = sent.clone();
                move |_| {
                    let (sender, body) = channel();
                    let sent = sent.clone();
                    tokio::spawn(async move {
                        for _ in 0..TOTAL / (64 << 10) {
                            if sender.send(Ok(Bytes::from(vec![7; 64 << 10]))).await.is_err() {
                                return;
                            }
                            sent.fetch_add(64 << 10, Ordering::SeqCst);
                        }
                    });
                    async { Response::new(body) }
                }
            })
            .await;
            let proxy = api.proxy();
            let mut response = client(&proxy).get(api.url("/")).send().await.unwrap();
            let (mut received, mut most, mut digest) = (0, 0, Sha256::new());
            while let Some(chunk) = response.chunk().await.unwrap() {
                most = most.max(sent.load(Ordering::SeqCst) - received);
                received += chunk.len() as u64;
                // The slowest part of this pipe, so that whatever holds back without limit would grow.
                (0..4).for_each(|_| digest.update(&chunk));
            }
            assert_eq!(received, TOTAL as u64);
            assert!(most < limit as u64, "{speaks:?}: {most} bytes between server and client");
        }
    });
}

/// The engine's body is polled no further than a client reads.
#[test]
fn a_client_that_does_not_read_is_not_sent_more() {
    run(async {
        for http1 in [true, false] {
            let (sender, body) = channel();
            let slot = Arc::new(std::sync::Mutex::new(Some(body)));
            let proxy = proxy(Answers(move |_| {
                let body = slot.lock().unwrap().take().unwrap_or_else(body::empty);
                async { Ok(Response::new(body)) }
            }));
            let client = if http1 { http1_client(&proxy) } else { client(&proxy) };
            let mut response = client.get("https://api.example.test/").send().await.unwrap();
            let feeder = tokio::spawn(async move {
                let mut n = 0_usize;
                while sender.send(Ok(Bytes::from(vec![0; MIB]))).await.is_ok() {
                    n += 1;
                    // Far more than all buffers between here and there; nobody reads, so it cannot come to it.
                    assert!(n < 256, "256 MiB were taken from the engine and read by nobody");
                }
                n
            });
            assert!(response.chunk().await.unwrap().is_some());
            // The client goes; the engine's body goes with it, and the feeder ends.
            drop(response);
            drop(client);
            assert!(feeder.await.unwrap() < 256);
        }
    });
}

#[test]
fn an_upload_is_not_held_either() {
    run(async {
        let api = Api::start(Speaks::Https2, |request| async move {
            let mut total = 0;
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                total += frame.unwrap().into_data().unwrap().len();
            }
            Response::new(body::full(total.to_string()))
        })
        .await;
        let proxy = api.proxy();
        let (sender, sent) = channel();
        tokio::spawn(async move {
            for _ in 0..20 {
                sender.send(Ok(Bytes::from(vec![1; MIB]))).await.unwrap();
            }
        });
        let request = client(&proxy).post(api.url("/")).body(reqwest::Body::wrap(sent));
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), (20 * MIB).to_string());
    });
}
