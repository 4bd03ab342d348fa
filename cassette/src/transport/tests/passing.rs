//! Exchanges that succeed. The tests cover every protocol version of client and server, headers, trailers, and
//! responses without a body.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use tower_service::Service;

use super::super::direct_client_builder;
use super::fixture::{Answers, Api, Speaks, client, echo, frames, http1_client, proxy, run};
use crate::body::Body;

const ALL: [Speaks; 3] = [Speaks::Http1, Speaks::Https1, Speaks::Https2];

#[test]
fn every_version_on_both_sides() {
    run(async {
        for speaks in ALL {
            let api = Api::start(speaks, |request| async {
                let line = format!(
                    "{} {:?} {:?}",
                    request.method(),
                    request.uri().path_and_query(),
                    request.version()
                );
                let host = request.headers().get("host").cloned();
                let authority = request.uri().authority().map(|a| a.to_string());
                let host = host.map(|h| h.to_str().unwrap().to_owned()).or(authority).unwrap();
                Response::builder().header("x-line", line).header("x-host", host).body(echo(request)).unwrap()
            })
            .await;
            let proxy = api.proxy();
            for client in [client(&proxy), http1_client(&proxy)] {
                let upstream = if speaks == Speaks::Https2 { "HTTP/2.0" } else { "HTTP/1.1" };
                let response = client.get(api.url("/a?b=c%20d&e")).send().await.unwrap();
                assert_eq!(response.headers()["x-line"], format!("GET Some(/a?b=c%20d&e) {upstream}"));
                assert_eq!(response.headers()["x-host"], "api.example.test");
                assert_eq!(response.text().await.unwrap(), "");
                let response = client.post(api.url("/")).body("hello").send().await.unwrap();
                assert_eq!(response.headers()["x-line"], format!("POST Some(/) {upstream}"));
                assert_eq!(response.text().await.unwrap(), "hello");
            }
        }
    });
}

#[test]
fn the_client_speaks_what_it_offers() {
    run(async {
        let api = Api::start(Speaks::Https1, |_| async { Response::new(Body::empty()) }).await;
        let proxy = api.proxy();
        let version = client(&proxy).get(api.url("/")).send().await.unwrap().version();
        assert_eq!(version, Version::HTTP_2);
        let version = http1_client(&proxy).get(api.url("/")).send().await.unwrap().version();
        assert_eq!(version, Version::HTTP_11);
    });
}

#[test]
fn without_a_session_the_client_goes_straight() {
    run(async {
        let api = Api::start(Speaks::Https2, |_| async { Response::new(Body::from("straight")) }).await;
        let client = direct_client_builder(&api.options()).unwrap().build().unwrap();
        assert_eq!(client.get(api.url("/")).send().await.unwrap().text().await.unwrap(), "straight");
        let stranger = direct_client_builder(&Default::default())
            .map(|b| b.resolve("api.example.test", api.options().resolve[0].1));
        // The client `stranger` trusts only the machine's roots. On a machine without any roots, it cannot even be
        // built.
        if let Ok(stranger) = stranger {
            assert!(stranger.build().unwrap().get(api.url("/")).send().await.unwrap_err().is_connect());
        }
    });
}

#[cfg(feature = "blocking")]
#[test]
fn the_blocking_client() {
    use super::super::{Ca, blocking_client_builder, direct_blocking_client_builder};

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let api = runtime.block_on(Api::start(Speaks::Https2, |r| async { Response::new(echo(r)) }));
    let proxy = api.proxy();
    let client = blocking_client_builder(&proxy.url(), &Ca::get(), None).unwrap().build().unwrap();
    let response = client.post(api.url("/")).body("hello").send().unwrap();
    assert_eq!(response.text().unwrap(), "hello");
    let client = direct_blocking_client_builder(&api.options()).unwrap().build().unwrap();
    assert_eq!(client.post(api.url("/")).body("there").send().unwrap().text().unwrap(), "there");
}

#[test]
fn repeated_and_odd_headers_survive() {
    run(async {
        for speaks in ALL {
            let api = Api::start(speaks, |request| async move {
                let mut response = Response::new(Body::empty());
                for (name, value) in request.headers() {
                    if name.as_str().starts_with("x-") {
                        response.headers_mut().append(name, value.clone());
                    }
                }
                response
            })
            .await;
            let proxy = api.proxy();
            for client in [client(&proxy), http1_client(&proxy)] {
                let mut sent = HeaderMap::new();
                for value in ["b", "a", "", "b"] {
                    sent.append("x-many", HeaderValue::from_static(value));
                }
                sent.append("x-latin", HeaderValue::from_bytes(b"caf\xe9 \xff").unwrap());
                sent.append("x-utf8", HeaderValue::from_bytes("žluťoučký".as_bytes()).unwrap());
                sent.append("x-long", HeaderValue::try_from("a".repeat(30_000)).unwrap());
                let response = client.get(api.url("/")).headers(sent.clone()).send().await.unwrap();
                let mut received = response.headers().clone();
                received.remove("content-length");
                received.remove("date");
                assert_eq!(received, sent, "{speaks:?}");
            }
        }
    });
}

#[test]
fn two_hundred_headers_survive() {
    run(async {
        let api = Api::start(Speaks::Https2, |request| async move {
            let count = request.headers().keys().filter(|n| n.as_str().starts_with("x-")).count();
            let mut response = Response::builder().header("x-count", count);
            for i in 0..200 {
                response = response.header(format!("x-{i}"), i);
            }
            response.body(Body::empty()).unwrap()
        })
        .await;
        let proxy = api.proxy();
        for client in [client(&proxy), http1_client(&proxy)] {
            let mut request = client.get(api.url("/"));
            for i in 0..200 {
                request = request.header(format!("x-{i}"), i);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["x-count"], "200");
            assert_eq!(response.headers()["x-199"], "199");
        }
    });
}

#[test]
fn trailers_survive() {
    fn body() -> Body {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("123"));
        frames([Ok(Frame::data(Bytes::from("data"))), Ok(Frame::trailers(trailers))])
    }
    run(async {
        for speaks in ALL {
            let api = Api::start(speaks, |request| async move {
                // hyper sends trailers over HTTP/1 only to clients that ask for them.
                assert_eq!(request.headers()["te"], "trailers");
                let sent = request.into_body().collect().await.unwrap();
                let sum = sent.trailers().unwrap()["x-sum"].clone();
                Response::builder().header("trailer", "x-sum").header("x-got", sum).body(body()).unwrap()
            })
            .await;
            let proxy = api.proxy();
            for client in [client(&proxy), http1_client(&proxy)] {
                let sent = reqwest::Body::wrap(body());
                let request = client.post(api.url("/")).header("te", "trailers").header("trailer", "x-sum");
                let response: Response<reqwest::Body> = request.body(sent).send().await.unwrap().into();
                assert_eq!(response.headers()["x-got"], "123");
                let received = response.into_body().collect().await.unwrap();
                assert_eq!(received.trailers().map(|t| &t["x-sum"]), Some(&HeaderValue::from_static("123")));
                assert_eq!(received.to_bytes(), "data");
            }
        }
    });
}

#[test]
fn answers_without_a_body_keep_their_headers() {
    run(async {
        for speaks in ALL {
            let api = Api::start(speaks, |request| async move {
                let response = match request.method() {
                    &Method::HEAD => Response::builder().header("content-length", "1234"),
                    _ => Response::builder().status(204).header("x-kept", "1"),
                };
                response.body(Body::empty()).unwrap()
            })
            .await;
            let proxy = api.proxy();
            for client in [client(&proxy), http1_client(&proxy)] {
                let response = client.head(api.url("/")).send().await.unwrap();
                assert_eq!(response.headers()["content-length"], "1234");
                assert_eq!(response.bytes().await.unwrap(), "");
                let response = client.get(api.url("/")).send().await.unwrap();
                assert_eq!(response.status(), StatusCode::NO_CONTENT);
                assert_eq!(response.headers().get("content-length"), None);
                assert_eq!(response.headers()["x-kept"], "1");
                assert_eq!(response.bytes().await.unwrap(), "");
            }
        }
    });
}

#[test]
fn the_length_in_a_304_is_kept() {
    run(async {
        let proxy = proxy(Answers(|_| async {
            let response =
                Response::builder().status(304).header("content-length", "1234").header("etag", "\"x\"");
            Ok(response.body(Body::empty()).unwrap())
        }));
        for client in [client(&proxy), http1_client(&proxy)] {
            for url in ["https://api.example.test/", "http://api.example.test/"] {
                // The second request shows that the connection can still be used after the first response.
                for _ in 0..2 {
                    let response = client.get(url).send().await.unwrap();
                    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
                    assert_eq!(response.headers()["content-length"], "1234");
                    assert_eq!(response.bytes().await.unwrap(), "");
                }
            }
        }
    });
}

#[test]
fn nothing_is_added_to_an_answer() {
    run(async {
        let api = Api::raw(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close, x-hop\r\nx-hop: 1\r\n\r\nok",
        )
        .await;
        let proxy = api.proxy();
        let response = client(&proxy).get(api.url("/")).send().await.unwrap();
        let names: Vec<_> = response.headers().keys().map(|n| n.as_str()).collect();
        assert_eq!(names, ["content-length"]);
    });
}

#[test]
fn interim_responses_are_passed_over() {
    run(async {
        let api = Api::raw(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n\
              HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        )
        .await;
        let proxy = api.proxy();
        let response = client(&proxy).get(api.url("/")).send().await.unwrap();
        assert_eq!((response.status(), response.headers().get("link")), (StatusCode::OK, None));
        assert_eq!(response.text().await.unwrap(), "ok");
    });
}

#[test]
fn redirects_and_codings_are_left_to_the_client() {
    run(async {
        let api = Api::start(Speaks::Https2, |_| async {
            Response::builder()
                .status(302)
                .header("location", "/elsewhere")
                .header("content-encoding", "gzip")
                .body(Body::from("not gzip at all"))
                .unwrap()
        })
        .await;
        let request = Request::builder().uri(api.url("/")).body(Body::empty()).unwrap();
        let response = api.upstream().call(request).await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::FOUND, Version::HTTP_2));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "not gzip at all");
    });
}

/// Each request is sent on another runtime, which then ends. All requests use the same connection, because it belongs
/// to the I/O threads.
#[test]
fn connections_outlive_the_runtime_that_asked_for_them() {
    run(async {
        let ports = Arc::new(Mutex::new(HashSet::new()));
        let api = Api::start(Speaks::Https1, {
            let ports = ports.clone();
            move |request| {
                ports.lock().unwrap().insert(*request.extensions().get::<SocketAddr>().unwrap());
                async { Response::new(Body::from("ok")) }
            }
        })
        .await;
        let upstream = api.upstream();
        for _ in 0..3 {
            let (mut upstream, url) = (upstream.clone(), api.url("/"));
            let call = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let request = Request::builder().uri(url).body(Body::empty()).unwrap();
                    upstream.call(request).await.unwrap().into_body().collect().await.unwrap().to_bytes()
                })
            };
            assert_eq!(tokio::task::spawn_blocking(call).await.unwrap(), "ok");
        }
        assert_eq!(ports.lock().unwrap().len(), 1);
    });
}
