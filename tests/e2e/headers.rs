//! Tests headers: which headers the client gets while recording and on replay, which request headers the cassette
//! contains, and which headers the metadata lists as left out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use cassette::{Config, Failure, Mode, Session};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::api::{Answer, Api, HOST, Speaks, answer, get, see};
use crate::project::{Project, response};
use crate::redaction_places::JSON;

/// Response headers of real servers, which a replay must return.
const INNOCENT: &str = include_str!("../../cassette/src/redact/tests/corpus/headers.txt");

/// The number of headers in one response. Clients of HTTP/1 accept at most 100.
const OF_ONE_ANSWER: usize = 50;

fn innocent() -> Vec<(&'static str, &'static str)> {
    INNOCENT.lines().map(|line| line.split_once(": ").expect("a name and a value")).collect()
}

fn part_of_innocent(path: &str) -> Answer {
    let all = innocent();
    let n: usize = path.rsplit('/').next().and_then(|n| n.parse().ok()).expect("a number");
    answer(200, all.chunks(OF_ONE_ANSWER).nth(n).expect("a part"), "text")
}

/// A replay returns every response header that clients are known to read, with the same value.
fn all_come_back(speaks: Speaks) {
    let parts = innocent().len().div_ceil(OF_ONE_ANSWER);
    assert!(innocent().len() >= 300);
    let api = Api::start(speaks, |request| part_of_innocent(request.uri().path()));
    let (url, names) = (api.url("/part"), innocent().len());
    let (project, seen) = Project::both(api, async |session: Session| {
        let client = session.client().unwrap();
        let mut seen = HeaderMap::new();
        for n in 0..parts {
            let headers = get(&client, &format!("{url}/{n}")).await.headers;
            let lines: Vec<_> = innocent()[n * OF_ONE_ANSWER..].iter().take(OF_ONE_ANSWER).copied().collect();
            for (name, value) in lines {
                assert_eq!(headers.get(name).map(HeaderValue::as_bytes), Some(value.as_bytes()), "{name}");
            }
            seen.extend(headers);
        }
        seen
    });
    assert!(seen.len() >= names, "{}", seen.len());
    let left_out = project.cassette().metadata().left_out.clone().expect("a list");
    assert_eq!(left_out.response, [""; 0]);
}

#[test]
fn of_answers_over_http_1() {
    all_come_back(Speaks::Http1);
}

#[test]
fn of_answers_over_http_2() {
    all_come_back(Speaks::Https2);
}

const NOISY: &[(&str, &str)] = &[
    ("cf-ray", "8c1f2a3b4c5d6e7f-FRA"),
    ("date", "Tue, 15 Nov 1994 08:12:31 GMT"),
    ("via", "1.1 proxy"),
    ("x-runtime", "0.041"),
    ("x-total-count", "319"),
];

/// cassette leaves out headers that are only noise, and the metadata lists their names. On replay, `date` is the time
/// of the session's clock.
#[test]
fn noise_stands_in_the_metadata() {
    let api = Api::start(Speaks::Http1, |_| answer(200, NOISY, "[]"));
    let project = Project::new();
    let config = api.config().freeze(UNIX_EPOCH + Duration::from_secs(1_772_433_000));
    let ask = async |session: Session| {
        let seen = get(&session.client().unwrap(), &format!("http://{HOST}/items")).await.headers;
        session.clock().advance(Duration::from_secs(60)).unwrap();
        let later = get(&session.client().unwrap(), &format!("http://{HOST}/items")).await.headers;
        (seen, later)
    };
    let (recorded, _) = project.record(config.clone(), &ask);
    assert_eq!(recorded["date"], "Tue, 15 Nov 1994 08:12:31 GMT", "the code gets the answer of the server");
    drop(api);
    let (seen, later) = project.replay(config.clone(), &ask);
    assert_eq!(seen["date"], "Mon, 02 Mar 2026 06:30:00 GMT");
    assert_eq!(later["date"], "Mon, 02 Mar 2026 06:31:00 GMT");
    assert_eq!(seen["x-total-count"], "319");
    let mut names: Vec<_> = seen.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date", "x-total-count"]);
    let left_out = project.cassette().metadata().left_out.clone().expect("a list");
    assert_eq!(left_out.response, ["cf-ray", "date", "via", "x-runtime"]);
    assert!(left_out.request.iter().all(|name| name == "user-agent" || name == "accept-encoding"));

    // A cassette of an older version has no such list. Its replay adds no `date`.
    let text = project.text();
    let (start, end) = (text.find("\"left_out\"").unwrap(), text.find("\"interactions\": [").unwrap());
    let (before, rest) = (text[..start].trim_end().trim_end_matches(','), &text[start..end]);
    let older = format!("{before}{}{}", &rest[rest.rfind('}').unwrap()..], &text[end..]);
    project.write(&older);
    assert_eq!(project.cassette().metadata().left_out, None, "{older}");
    let (seen, _) = project.replay(config, &ask);
    assert_eq!((seen.get("date"), &seen["x-total-count"]), (None, &HeaderValue::from_static("319")));
}

#[test]
fn an_option_keeps_noise() {
    let api = Api::start(Speaks::Http1, |_| answer(200, NOISY, "[]"));
    let ask = async |session: Session| {
        get(&session.client().unwrap(), &format!("http://{HOST}/items")).await.headers
    };
    let settings: [fn(Config) -> Config; 3] = [
        |config| {
            config.allow_header("cf-ray").allow_header("date").allow_header("via").allow_header("x-run*")
        },
        |config| config.keep_other_headers(),
        |config| config.drop_header("x-total-count").keep_other_headers(),
    ];
    for (n, settings) in settings.into_iter().enumerate() {
        let project = Project::new();
        let config = settings(api.config());
        let recorded = project.record(config.clone(), &ask);
        let replayed = project.replay(config, &ask);
        let left_out = project.cassette().metadata().left_out.clone().expect("a list");
        if n < 2 {
            assert_eq!(replayed, recorded);
            assert_eq!(left_out.response, [""; 0]);
        } else {
            assert_eq!(replayed.get("x-total-count"), None);
            assert_eq!(left_out.response, ["x-total-count"]);
        }
    }
}

/// The cassette contains the request headers that a reviewer needs. It does not contain headers that change by chance
/// or with the client's version, such as `x-request-id` and `user-agent`.
#[test]
fn of_requests_are_on_the_cassette() {
    let secret = "q8JxZt0Wm3RbV6yNcKp2";
    let api = Api::start(Speaks::Http1, |request| {
        let key = request.headers().get("x-acme-pass").map_or("", |value| value.to_str().unwrap());
        answer(200, JSON, format!("{{\"you\": \"sent {key}\"}}"))
    });
    let (project, config) = (Project::new(), api.config());
    let ask = async |session: Session| {
        let request = session.client().unwrap().post(format!("http://{HOST}/items"));
        let headers = [
            ("user-agent", "acme/1.2.3"),
            ("x-request-id", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
            ("x-acme-dry-run", "true"),
            ("x-acme-target", "Orders_20260302.List"),
            ("x-acme-pass", secret),
            ("x-acme-token", "short"),
        ];
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        see(request.body(format!("again {secret}")).send().await.unwrap()).await.body
    };
    assert_eq!(project.record(config.clone(), &ask), format!("{{\"you\": \"sent {secret}\"}}"));
    drop(api);
    // Redaction searches the request's body for the value of the header, so the body matches.
    let replayed = project.replay(config, &ask);
    let replayed = String::from_utf8_lossy(&replayed);
    let sent = replayed.strip_prefix("{\"you\": \"sent ").and_then(|rest| rest.strip_suffix("\"}"));
    assert!(sent.is_some_and(|sent| sent.len() == secret.len() && sent != secret), "{replayed}");
    project.assert_never(secret);
    let interaction = project.interactions().remove(0);
    let shown = |name: &str| interaction.request.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(shown("x-acme-dry-run"), Some("true"));
    assert_eq!(shown("x-acme-target"), Some("Orders_20260302.List"));
    assert_eq!(shown("x-acme-pass"), Some("[header.x-acme-pass:1]"));
    assert_eq!(shown("x-acme-token"), Some("[header.x-acme-token:1]"));
    assert_eq!((shown("user-agent"), shown("x-request-id")), (None, None));
    let left_out = project.cassette().metadata().left_out.clone().expect("a list");
    assert!(left_out.request.contains(&"user-agent".to_owned()) && left_out.request.is_sorted());
    assert!(left_out.request.contains(&"x-request-id".to_owned()), "{left_out:?}");
}

/// A response has credentials in headers that are on no list. They are not written to the disk, and a request that
/// sends a credential back matches.
#[test]
fn credentials_in_unknown_headers() {
    const STATES: [&str; 2] = ["q8JxZt0Wm3RbV6yNcKp2", "kJ8sX9dKq2mZxQ7vB4nT1wYr"];
    let api = Api::start(Speaks::Https1, |request| match request.uri().path() {
        "/first" => answer(200, &[("x-acme-state", STATES[0]), ("x-acme-next", STATES[1])], "text"),
        path => {
            let body = request.headers()["x-state"].to_str().unwrap().to_owned() + path;
            answer(200, &[], body)
        }
    });
    let (project, config, base) = (Project::new(), api.config(), api.url(""));
    let ask = async |session: Session| {
        let client = session.client().unwrap();
        let first = get(&client, &format!("{base}/first")).await.headers;
        let text = |name: &str| first[name].to_str().unwrap().to_owned();
        let request = client.post(format!("{base}/{}?s={}", text("x-acme-next"), text("x-acme-state")));
        let body = format!("{{\"note\": \"for {}\"}}", text("x-acme-state"));
        let request =
            request.header("x-state", text("x-acme-state")).header("content-type", "application/json");
        (text("x-acme-state"), see(request.body(body).send().await.unwrap()).await.body)
    };
    let (state, body) = project.record(config.clone(), &ask);
    assert_eq!((state.as_str(), &body[..]), (STATES[0], format!("{}/{}", STATES[0], STATES[1]).as_bytes()));
    drop(api);
    STATES.iter().for_each(|state| project.assert_never(state));
    let (state, body) = project.replay(config, &ask);
    // The client gets another text of the same length, and sends it back.
    assert!(state.len() == STATES[0].len() && state != STATES[0], "{state}");
    let body = String::from_utf8_lossy(&body);
    let (sent, next) = body.split_once('/').unwrap();
    assert!(sent == state && next.len() == STATES[1].len() && next != STATES[1], "{body}");
    assert_eq!(response(&project.interactions()[0]).headers["x-acme-next"], "[header.x-acme-next:1]");
}

/// If the API has not changed, a new recording does not change the file, although each response has a new request id.
/// But if an id gets into the output of the test, the new recording replaces the file, because the old ids do not fit
/// to the new output.
#[test]
fn ids_of_requests_alone_change_no_file() {
    let count = AtomicUsize::new(0);
    let api = Api::start(Speaks::Http1, move |_| {
        let id = format!("req-{}", count.fetch_add(1, Ordering::SeqCst));
        answer(200, &[("x-request-id", &id)], "text")
    });
    let config = api.config().freeze(UNIX_EPOCH + Duration::from_secs(1_772_433_000));
    let ask = |writes: bool| {
        async move |session: Session| {
            let seen = get(&session.client().unwrap(), &format!("http://{HOST}/items")).await.headers;
            let id = seen["x-request-id"].to_str().unwrap().to_owned();
            if writes {
                std::fs::write(session.output_dir().unwrap().join("id.txt"), &id).unwrap();
            }
            id
        }
    };
    let project = Project::new();
    assert_eq!(project.record(config.clone(), &ask(false)), "req-0");
    let before = project.files();
    assert_eq!(project.record(config.clone(), &ask(false)), "req-1");
    assert!(project.files() == before, "{}", project.text());
    assert_eq!(project.replay(config.clone(), &ask(false)), "req-0");
    for id in ["req-2", "req-3"] {
        assert_eq!(project.record(config.clone(), &ask(true)), id);
        assert_eq!(project.replay(config.clone(), &ask(true)), id);
    }
}

fn failure<T>(result: Result<T, Failure>) -> String {
    result.err().expect("a failure").to_string()
}

/// The report of a failure names the headers that the recording left out.
#[test]
fn failures_name_left_out_headers() {
    let api = Api::start(Speaks::Http1, |_| answer(200, NOISY, "[]"));
    let (project, config) = (Project::new(), api.config());
    let ask = |path: &'static str| {
        async move |session: Session| {
            get(&session.client().unwrap(), &format!("http://{HOST}{path}")).await.headers
        }
    };
    project.record(config.clone(), &ask("/items"));
    drop(api);
    const NAMES: &str = "= left out while recording: cf-ray, via, x-runtime\n";
    let unmatched = failure(project.run(Mode::Replay, config.clone(), &ask("/others")));
    assert!(unmatched.contains("no recording answers") && unmatched.contains(NAMES), "{unmatched}");
    let unused = failure(project.run(Mode::Replay, config.clone(), &async |_: Session| ()));
    assert!(unused.contains("was not used") && unused.contains(NAMES), "{unused}");
    let body = async |session: Session| {
        let headers = ask("/items")(session).await;
        headers.get("cf-ray").map(drop).ok_or("no ray")
    };
    let failed = failure(project.builder(Mode::Replay, config.clone()).run_async(body));
    assert!(failed.contains("the test returned an error") && failed.contains(NAMES), "{failed}");
    assert!(failed.contains(".allow_header(\"cf-ray\")"), "{failed}");
    // A failure in mode `off` has nothing to do with left-out headers.
    let other = failure(project.builder(Mode::Off, config).run_async(async |_| Err::<(), _>("another")));
    assert!(!other.contains("left out"), "{other}");
}

/// A cassette of an older version lacks some headers. Mode `verify` does not report them as a change of the API.
#[test]
fn verify_with_a_cassette_of_an_older_version() {
    let api = Api::start(Speaks::Http1, |_| answer(200, NOISY, "[]"));
    let (project, config) = (Project::new(), api.config());
    let ask = async |session: Session| {
        get(&session.client().unwrap(), &format!("http://{HOST}/items")).await;
    };
    project.record(config.clone(), &ask);
    project.write(&project.text().replace("\"x-total-count\": \"319\"", "\"x-old\": \"1\""));
    let drift = failure(project.run(Mode::Verify, config.clone(), &ask));
    assert!(drift.contains("x-total-count") && drift.contains("x-old"), "{drift}");
    project.write(&project.text().replace("\"left_out\"", "\"other\""));
    let drift = failure(project.run(Mode::Verify, config, &ask));
    assert!(!drift.contains("x-total-count") && drift.contains("x-old"), "{drift}");
}
