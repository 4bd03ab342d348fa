//! Tests `Session::base_url`. The clients of these tests get only a base URL, and all their requests must go to the
//! session.

use std::sync::Arc;

use cassette::{Mode, Session};
use http::header::HOST as HOST_HEADER;

use crate::api::{Answer, Api, HOST, Speaks, answer, get};
use crate::project::Project;

/// A client without a proxy and without root certificates, so that it cannot use https.
fn client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap()
}

/// A response whose body is the method, the host and the path of the request.
fn mirror(request: &http::Request<bytes::Bytes>) -> Answer {
    let host = request.headers().get(HOST_HEADER).map_or("none", |h| h.to_str().unwrap());
    let host = request.uri().host().unwrap_or(host);
    answer(200, &[], format!("{} {host} {}", request.method(), request.uri().path_and_query().unwrap()))
}

#[track_caller]
fn recorded_and_replayed(speaks: Speaks, version: &str) {
    let api = Api::start(speaks, |request| mirror(&request));
    let real = api.url("/v1");
    let (project, seen) = Project::both(api, async |session: Session| {
        let base = session.base_url(&real).unwrap();
        assert!(base.starts_with("http://127.0.0.1:") && base.ends_with("/v1"), "{base}");
        let mut seen = Vec::new();
        for path in ["/a?x=1&y=%20", "/a/", "//b"] {
            seen.push(get(&client(), &format!("{base}{path}")).await.body);
        }
        // Some clients join an absolute path to the base URL.
        let joined = reqwest::Url::parse(&base).unwrap().join("/other").unwrap();
        seen.push(get(&client(), joined.as_str()).await.body);
        seen
    });
    let asked = ["/v1/a?x=1&y=%20", "/v1/a/", "/v1//b", "/other"];
    assert_eq!(seen, asked.map(|path| format!("GET {HOST} {path}")));
    let site = project.requests()[0].split("/v1").next().unwrap().to_owned();
    assert_eq!(site, format!("GET {}://{HOST}", if speaks == Speaks::Http1 { "http" } else { "https" }));
    assert_eq!(project.requests(), asked.map(|path| format!("{site}{path}")));
    assert!(project.text().contains(&format!("\"version\": \"{version}\"")), "{}", project.text());
    assert!(!project.text().contains("127.0.0.1"), "the port is on the cassette:\n{}", project.text());
}

#[test]
fn https() {
    recorded_and_replayed(Speaks::Https1, "HTTP/1.1");
}

#[test]
fn https_with_http2_upstream() {
    recorded_and_replayed(Speaks::Https2, "HTTP/2");
}

#[test]
fn http() {
    recorded_and_replayed(Speaks::Http1, "HTTP/1.1");
}

/// A cassette that was recorded with a base URL replays through the proxy, and the other way round.
#[test]
fn a_recording_replays_by_another_transport() {
    let api = Api::start(Speaks::Https1, |request| mirror(&request));
    let (config, url) = (api.config(), api.url(""));
    let by_base =
        async |session: Session| get(&client(), &(session.base_url(&url).unwrap() + "/x?y=1")).await.body;
    let by_proxy =
        async |session: Session| get(&session.client().unwrap(), &format!("{url}/x?y=1")).await.body;
    let (first, second) = (Project::new(), Project::new());
    let asked = first.record(config.clone(), &by_base);
    assert_eq!(second.record(config.clone(), &by_proxy), asked);
    drop(api);
    assert_eq!(first.replay(config.clone(), &by_proxy), asked);
    assert_eq!(second.replay(config, &by_base), asked);
}

/// cassette rewrites absolute redirects, so that they lead to a port of the session, whether they name the same server
/// or another one. It also rewrites cookies and `link` headers.
#[test]
fn the_client_stays_in_the_session() {
    let other = Api::start(Speaks::Http1, |request| mirror(&request));
    let api = Api::start(Speaks::Https1, |request| match request.uri().path() {
        "/start" => {
            let cookie = "a=1; Domain=example.test; Path=/; Secure";
            let link = "<https://api.example.test/?page=2>; rel=\"next\"";
            answer(200, &[("set-cookie", cookie), ("link", link)], "")
        }
        "/here" => answer(301, &[("location", "https://api.example.test/there?x=1")], ""),
        "/there" => answer(302, &[("location", "http://other.example.test/end")], ""),
        path => answer(404, &[], path.to_owned()),
    });
    let (config, url) = (api.config().resolve("other.example.test", other.address()), api.url(""));
    let body = async |session: Session| {
        let base = session.base_url(&url).unwrap();
        let start = get(&client(), &format!("{base}/start")).await;
        // On replay the value of the cookie is a placeholder, so the test does not compare it.
        let cookie = start.headers["set-cookie"].to_str().unwrap();
        assert_eq!(cookie.split_once("; "), Some((cookie.split(';').next().unwrap(), "Path=/")));
        assert_eq!(start.headers["link"], format!("<{base}/?page=2>; rel=\"next\""));
        let end = client().get(format!("{base}/here")).send().await.unwrap();
        assert!(end.url().host_str() == Some("127.0.0.1") && !end.url().as_str().starts_with(&base));
        assert_eq!(session.base_url("http://other.example.test").unwrap() + "/end", end.url().as_str());
        end.text().await.unwrap()
    };
    let project = Project::new();
    assert_eq!(project.record(config.clone(), &body), "GET other.example.test /end");
    drop((api, other));
    assert_eq!(project.replay(config, &body), "GET other.example.test /end");
    let requests = ["https://api.example.test/start", "https://api.example.test/here"];
    let requests =
        [requests[0], requests[1], "https://api.example.test/there?x=1", "http://other.example.test/end"];
    assert_eq!(project.requests(), requests.map(|uri| format!("GET {uri}")));
    assert!(
        project.text().contains("\"location\": \"https://api.example.test/there?x=1\""),
        "{}",
        project.text()
    );
}

/// All base URLs of a server have the same port. The session closes the port when it ends.
#[test]
fn a_port_for_each_server() {
    let project = Project::new();
    let config = cassette::Config::new();
    let body = async |session: Session| {
        let base = session.base_url("https://api.example.test").unwrap();
        assert_eq!(session.base_url("HTTPS://API.example.test:443/v2/").unwrap(), format!("{base}/v2/"));
        let with_user = session.base_url("https://user:pass@api.example.test").unwrap();
        assert_eq!(with_user, base.replace("//", "//user:pass@"));
        for another in ["http://api.example.test", "https://api.example.test:8443", "https://b.example.test"]
        {
            assert_ne!(session.base_url(another).unwrap(), base);
        }
        assert_ne!(session.proxy_url().unwrap(), base);
        for none in ["api.example.test", "ftp://api.example.test", "/v1", "https://"] {
            let error = session.base_url(none).unwrap_err();
            assert_eq!(error.to_string(), format!("`{none}` is not the URL of a server"));
        }
        base
    };
    let base = project.run(Mode::Off, config, &body).unwrap().0;
    let address: std::net::SocketAddr = base.strip_prefix("http://").unwrap().parse().unwrap();
    // The port is closed once the listener's task has ended, which takes a moment.
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
}

/// A request without a recording fails the test.
#[test]
fn a_request_without_a_recording_fails_the_test() {
    let api = Api::start(Speaks::Https1, |request| mirror(&request));
    let url = api.url("");
    let project = Project::new();
    let ask = |path: &'static str| {
        let url = url.clone();
        async move |session: Session| get(&client(), &(session.base_url(&url).unwrap() + path)).await
    };
    project.record(api.config(), &ask("/recorded"));
    let failure = project.run(Mode::Replay, api.config(), &ask("/another")).err().unwrap();
    assert!(failure.to_string().contains("requested  GET https://api.example.test/another"), "{failure}");
}
