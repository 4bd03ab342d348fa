//! Failures. Each failure of the upstream has its own kind. Each failure of the engine breaks the connection, and never
//! becomes a response.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower_service::Service;

use super::super::{Upstream, UpstreamOptions};
use super::fixture::{
    Answers, Api, HOST, Speaks, channel, client, frames, http1_client, proxy, raw, reset, run,
};
use crate::body::Body;
use crate::transport_error::{ResetCode, TransportError, TransportErrorKind as Kind};

#[track_caller]
fn check(error: &TransportError, kind: Kind, words: &[&str]) {
    assert_eq!(error.kind, kind, "{error}");
    for word in words {
        assert!(error.message.contains(word), "{error}");
    }
}

async fn get(mut upstream: Upstream, url: &str) -> Result<Bytes, TransportError> {
    let request = Request::builder().uri(url).body(Body::empty()).unwrap();
    let response = upstream.call(request).await?;
    match response.into_body().collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(e) => Err(*e.downcast().expect("a body of the upstream fails with a `TransportError`")),
    }
}

#[test]
fn the_upstream_names_the_kind_of_failure() {
    run(async {
        let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let options = UpstreamOptions { resolve: vec![(HOST.into(), refused)], ..Default::default() };
        let e = get(Upstream::new(&options).unwrap(), "http://api.example.test/").await.unwrap_err();
        check(&e, Kind::Connect, &["api.example.test: ", "onnection refused"]);

        let e =
            get(Upstream::new(&Default::default()).unwrap(), "http://nowhere.invalid/").await.unwrap_err();
        check(&e, Kind::Dns, &["nowhere.invalid: "]);

        let api = Api::start(Speaks::Https2, |_| async { Response::new(Body::empty()) }).await;
        let mut options = api.options();
        options.extra_roots = Api::start(Speaks::Https1, |_| async { Response::new(Body::empty()) })
            .await
            .options()
            .extra_roots;
        let e = get(Upstream::new(&options).unwrap(), &api.url("/")).await.unwrap_err();
        check(&e, Kind::Tls, &["api.example.test: ", "certificate"]);

        let plain = Api::start(Speaks::Http1, |_| async { Response::new(Body::empty()) }).await;
        let mut options = api.options();
        options.resolve = plain.options().resolve;
        let e = get(Upstream::new(&options).unwrap(), &api.url("/")).await.unwrap_err();
        check(&e, Kind::Tls, &["api.example.test: "]);
    });
}

#[test]
fn the_upstream_names_the_kind_of_a_broken_answer() {
    run(async {
        for (answer, kind) in [
            (&b""[..], Kind::Reset),
            (b"HTTP/1.1 200 O", Kind::Reset),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", Kind::Reset),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", Kind::Reset),
            (b"220 smtp.example.test ESMTP\r\n", Kind::Protocol),
        ] {
            let api = Api::raw(answer).await;
            let e = get(api.upstream(), &api.url("/")).await.unwrap_err();
            check(&e, kind, &[]);
            assert!(!e.message.is_empty());
        }
        let api =
            Api::start(Speaks::Https2, |_| async { Response::new(frames([Err("broken".into())])) }).await;
        check(
            &get(api.upstream(), &api.url("/")).await.unwrap_err(),
            Kind::Reset,
            &["stream error received"],
        );
    });
}

#[test]
fn a_failing_engine_is_no_answer() {
    run(async {
        let proxy = proxy(Answers(|_| async { Err(reset()) }));
        for client in [client(&proxy), http1_client(&proxy)] {
            for url in ["https://api.example.test/", "http://api.example.test/"] {
                let error = client.get(url).send().await.unwrap_err();
                assert!(error.is_request() && error.status().is_none(), "{error:?}");
            }
        }
        assert_eq!(raw(&proxy, "GET http://a.test/ HTTP/1.1\r\nhost: a.test\r\n\r\n").await, "");
    });
}

/// The client gets everything before the cut, even if the engine returns all frames and the failure at once.
#[test]
fn a_cut_body_is_cut_at_its_byte() {
    run(async {
        for length in [None, Some(200_000)] {
            for whole in [0, 1, 1000, 60_000] {
                let proxy = proxy(Answers(move |_| async move {
                    let chunk = || Ok(Frame::data(Bytes::from(vec![b'x'; whole])));
                    let mut response =
                        Response::new(frames([chunk(), chunk(), chunk(), Err(reset().into())]));
                    if let Some(length) = length {
                        response.headers_mut().insert("content-length", length.into());
                    }
                    Ok(response)
                }));
                for client in [client(&proxy), http1_client(&proxy)] {
                    for url in ["https://api.example.test/", "http://api.example.test/"] {
                        let mut response = client.get(url).send().await.unwrap();
                        let mut received = 0;
                        let end = loop {
                            match response.chunk().await {
                                Ok(Some(chunk)) => received += chunk.len(),
                                other => break other,
                            }
                        };
                        assert!(end.is_err(), "{url} {length:?}: the body ended as if whole");
                        assert_eq!(received, 3 * whole, "{url} {length:?}");
                    }
                }
            }
        }
    });
}

/// If a body is shorter than its `content-length` header says, the client sees a failure as well.
#[test]
fn a_body_shorter_than_its_header_is_no_whole_one() {
    run(async {
        let proxy = proxy(Answers(|_| async {
            Ok(Response::builder().header("content-length", "10").body(Body::from("short")).unwrap())
        }));
        for client in [client(&proxy), http1_client(&proxy)] {
            let response = client.get("https://api.example.test/").send().await.unwrap();
            assert_eq!(response.headers()["content-length"], "10");
            response.bytes().await.unwrap_err();
        }
    });
}

/// If one exchange of an HTTP/2 connection fails, the other exchanges continue.
#[test]
fn a_cut_stream_leaves_its_neighbours_alone() {
    run(async {
        let (sender, slow) = channel();
        let slow = Arc::new(Mutex::new(Some(slow)));
        let proxy = proxy(Answers(move |request: Request<_>| {
            let slow = slow.clone();
            async move {
                match request.uri().path() {
                    "/slow" => Ok(Response::new(slow.lock().unwrap().take().unwrap())),
                    _ => Err(reset()),
                }
            }
        }));
        let client = client(&proxy);
        let response = client.get("https://api.example.test/slow").send().await.unwrap();
        client.get("https://api.example.test/").send().await.unwrap_err();
        sender.send(Ok("still here".into())).await.unwrap();
        drop(sender);
        assert_eq!(response.text().await.unwrap(), "still here");
    });
}

/// Reports when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[test]
fn a_client_that_goes_lets_go_of_the_engine() {
    run(async {
        for http1 in [true, false] {
            let (dropped, was_dropped) = oneshot::channel();
            let (called, was_called) = oneshot::channel();
            let once = Arc::new(Mutex::new(Some((Dropped(Some(dropped)), called))));
            let proxy = proxy(Answers(move |_| {
                let (guard, called) = once.lock().unwrap().take().unwrap();
                async move {
                    let _guard = guard;
                    called.send(()).unwrap();
                    std::future::pending().await
                }
            }));
            let client = if http1 { http1_client(&proxy) } else { client(&proxy) };
            let request = tokio::spawn(client.get("https://api.example.test/").send());
            was_called.await.unwrap();
            request.abort();
            was_dropped.await.unwrap();
        }
    });
}

#[test]
fn a_call_given_up_ends_at_the_server_too() {
    run(async {
        for speaks in [Speaks::Http1, Speaks::Https2] {
            let (dropped, was_dropped) = oneshot::channel();
            let (called, was_called) = oneshot::channel();
            let once = Arc::new(Mutex::new(Some((Dropped(Some(dropped)), called))));
            let api = Api::start(speaks, move |_| {
                let (guard, called) = once.lock().unwrap().take().unwrap();
                async move {
                    let _guard = guard;
                    called.send(()).unwrap();
                    std::future::pending().await
                }
            })
            .await;
            let upstream = api.upstream();
            let call = tokio::spawn({
                let (upstream, url) = (upstream.clone(), api.url("/"));
                async move { get(upstream, &url).await }
            });
            was_called.await.unwrap();
            call.abort();
            was_dropped.await.unwrap();
            drop(upstream);
        }
    });
}

#[test]
fn a_client_that_goes_in_the_middle_of_an_upload_is_noticed() {
    run(async {
        for http1 in [true, false] {
            let (failed, has_failed) = oneshot::channel();
            let failed = Arc::new(Mutex::new(Some(failed)));
            let proxy = proxy(Answers(move |request: Request<Body>| {
                let failed = failed.lock().unwrap().take().unwrap();
                // The body is read in another task, because the engine's call is dropped when the client goes.
                tokio::spawn(async move { failed.send(request.into_body().collect().await.err()) });
                std::future::pending()
            }));
            let client = if http1 { http1_client(&proxy) } else { client(&proxy) };
            let (sender, sent) = channel();
            let request = client.post("https://api.example.test/").body(reqwest::Body::wrap(sent));
            let request = tokio::spawn(request.send());
            sender.send(Ok("half".into())).await.unwrap();
            sender.send(Ok(" of it".into())).await.unwrap();
            request.abort();
            let error = has_failed.await.unwrap().expect("the upload ended as if whole");
            let cancel = Kind::StreamReset(ResetCode::Cancel);
            check(error.downcast_ref().unwrap(), if http1 { Kind::Reset } else { cancel }, &[]);
        }
    });
}

#[test]
fn a_stopped_session_closes_everything() {
    run(async {
        let (dropped, was_dropped) = oneshot::channel();
        let guard = Arc::new(Mutex::new(Some(Dropped(Some(dropped)))));
        let proxy = proxy(Answers(move |_| {
            let guard = guard.clone();
            async move {
                let _kept = guard.lock().unwrap().take();
                std::future::pending().await
            }
        }));
        let mut idle = TcpStream::connect(proxy.addr()).await.unwrap();
        idle.write_all(b"CONNECT a.test:80 HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        idle.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        let request = tokio::spawn(client(&proxy).get("https://api.example.test/").send());
        proxy.stop();
        proxy.stopped().await;
        assert!(request.await.unwrap().is_err());
        let mut rest = Vec::new();
        let _ = idle.read_to_end(&mut rest).await;
        assert!(TcpStream::connect(proxy.addr()).await.is_err());
        let address = proxy.addr();
        drop(proxy);
        // The engine itself is dropped as well.
        was_dropped.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    });
}
