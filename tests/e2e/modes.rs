//! Tests what each mode does with the network, the cassette and the snapshot. Also tests ignored hosts, and the age of
//! cassettes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cassette::{Config, Drift, Expiry, Mode, Session, Unused};

use crate::api::{Api, HOST, Speaks, answer, get, see};
use crate::project::Project;

/// A server that returns the number of earlier requests, and the method, path and body of the request.
fn echo() -> Api {
    let count = AtomicUsize::new(0);
    Api::start(Speaks::Http1, move |request| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let body = String::from_utf8_lossy(request.body());
        answer(
            200,
            &[("content-type", "text/plain")],
            format!("{n} {} {} {body}", request.method(), request.uri()),
        )
    })
}

/// Requests these paths one after the other, and writes the responses to a file.
async fn ask(session: Session, paths: &[&str]) -> Vec<String> {
    let answers = fetch(&session, paths).await;
    let out = session.output_dir().expect("a directory").join("answers.txt");
    std::fs::write(out, answers.join("\n")).expect("written");
    answers
}

/// Requests these paths one after the other.
async fn fetch(session: &Session, paths: &[&str]) -> Vec<String> {
    let http = session.client().expect("a client");
    let mut answers = Vec::new();
    for path in paths {
        let seen = match path.strip_prefix("POST ") {
            Some(body) => {
                let request = http.post(format!("http://{HOST}/post")).body(body.to_owned());
                see(request.send().await.expect("an answer")).await
            }
            None => get(&http, &format!("http://{HOST}{path}")).await,
        };
        assert_ne!(seen.status, 470, "{}", String::from_utf8_lossy(&seen.body));
        answers.push(String::from_utf8_lossy(&seen.body).into_owned());
    }
    answers
}

#[test]
fn append_answers_from_the_cassette_and_adds_what_is_missing() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    project.record(config.clone(), &async |session| ask(session, &["/a", "/b", "POST one"]).await);
    let before = project.text();

    let body = async |session| ask(session, &["/new", "/b", "POST two", "/b"]).await;
    let (seen, summary) = project.run(Mode::Append, config.clone(), &body).expect("it passes");
    // Only the first request of `/b` has a recording, so only this request was replayed.
    assert_eq!(seen, ["3 GET /new ", "1 GET /b ", "4 POST /post two", "5 GET /b "]);
    assert_eq!((summary.interactions, summary.added, summary.recorded), (6, 3, true));
    // The cassette has the old interactions, unchanged, and after them the new ones.
    let after = project.text();
    let old = &before[before.find("\"interactions\": [").unwrap()..before.rfind("\n  ]").unwrap()];
    assert!(after.contains(old), "{before}\n{after}");
    let host = |path: &str| format!("GET http://{HOST}{path}");
    let post = format!("POST http://{HOST}/post");
    assert_eq!(project.requests(), [host("/a"), host("/b"), post.clone(), host("/new"), post, host("/b")]);
    // The metadata still has the time of the first recording.
    let metadata = project.cassette().metadata().clone();
    assert!(before.contains(metadata.recorded_at.as_deref().unwrap()));

    drop(api);
    assert_eq!(project.replay(config.unused(Unused::Allow), &body), seen);
}

#[test]
fn append_without_new_interactions_accepts_only_the_snapshot() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    project.record(config.clone(), &async |session| ask(session, &["/a", "/b"]).await);
    let before = project.files();
    let (_, summary) =
        project.run(Mode::Append, config.clone(), &async |session| ask(session, &["/a"]).await).unwrap();
    assert_eq!((summary.recorded, summary.accepted), (false, true));
    let mut after = project.files();
    let snapshot = "tests/cassettes/weather/berlin.output.snap";
    assert_ne!(after.remove(snapshot), before.get(snapshot).cloned());
    assert!(after.iter().all(|(path, bytes)| before.get(path) == Some(bytes)));
    // If there is no cassette, mode `append` records.
    let fresh = Project::new();
    fresh.run(Mode::Append, config, &async |session| ask(session, &["/a"]).await).unwrap();
    assert_eq!(fresh.requests().len(), 1);
}

#[test]
fn a_failed_append_changes_nothing_and_its_recording_is_kept() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    project.record(config.clone(), &async |session| ask(session, &["/a"]).await);
    let before = project.files();
    let failed = project.builder(Mode::Append, config).run_async(async |session: Session| {
        ask(session, &["/a", "/new"]).await;
        Err::<(), _>(cassette::Error::new("no such city"))
    });
    assert!(failed.unwrap_err().to_string().contains("2 interactions"));
    let mut after = project.files();
    after.retain(|path, _| !path.starts_with("target/"));
    assert_eq!(after, before);
}

/// Long bodies are in body files. Mode `append` keeps the body files of the old interactions.
#[test]
fn append_keeps_the_files_of_long_bodies() {
    let api = Api::start(Speaks::Http1, |request| {
        answer(200, &[("content-type", "text/plain")], request.uri().path().repeat(50_000))
    });
    let (config, project) = (api.config(), Project::new());
    let ask = async |session: Session, path: &str| {
        get(&session.client().unwrap(), &format!("http://{HOST}{path}")).await.body.len()
    };
    project.record(config.clone(), &async |session| ask(session, "/a").await);
    project.run(Mode::Append, config.clone(), &async |session| ask(session, "/bc").await).unwrap();
    drop(api);
    let both = async |session: Session| (ask(session.clone(), "/a").await, ask(session, "/bc").await);
    assert_eq!(project.replay(config, &both), (100_000, 150_000));
}

#[test]
fn accept_replays_and_accepts_the_output() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    project.record(config.clone(), &async |session| ask(session, &["/a", "/b"]).await);
    drop(api);
    let before = project.files();
    let swapped = async |session| ask(session, &["/b", "/a"]).await;
    assert!(project.run(Mode::Replay, config.clone(), &swapped).is_err(), "another output");
    project.run(Mode::Accept, config.clone(), &swapped).expect("it is accepted");
    project.replay(config.clone(), &swapped);
    let mut after = project.files();
    let snapshot = "tests/cassettes/weather/berlin.output.snap";
    assert_ne!(after.remove(snapshot), before.get(snapshot).cloned());
    after.retain(|path, _| !path.starts_with("target/"));
    assert!(after.iter().all(|(path, bytes)| before.get(path) == Some(bytes)), "{:?}", after.keys());

    // A run that would fail in mode `replay` also fails in mode `accept`, and accepts no snapshot.
    let before = project.files();
    let failed = project.run(Mode::Accept, config, &async |session| ask(session, &["/b"]).await);
    assert!(failed.unwrap_err().to_string().starts_with("error: 1 of 2 recordings was not used"));
    let mut after = project.files();
    after.retain(|path, _| before.contains_key(path));
    assert!(after == before);
}

#[test]
fn auto_records_what_is_missing_and_replays_what_is_there() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    let body = async |session: Session| (session.mode(), ask(session, &["/a"]).await);
    let ((mode, recorded), summary) = project.run(Mode::Auto, config.clone(), &body).unwrap();
    assert_eq!((mode, summary.recorded), (Mode::Record, true));
    drop(api);
    let before = project.files();
    let ((mode, replayed), summary) = project.run(Mode::Auto, config.clone(), &body).unwrap();
    assert_eq!((mode, summary.recorded, replayed), (Mode::Replay, false, recorded));
    assert!(project.files() == before);
    // Mode `auto` adds nothing to an existing cassette.
    let failed = project.run(Mode::Auto, config, &async |session: Session| {
        get(&session.client().unwrap(), &format!("http://{HOST}/new")).await.status
    });
    assert!(failed.unwrap_err().to_string().contains("no recording answers this request"));
}

#[test]
fn off_calls_the_server_and_writes_nothing() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    let body = async |session: Session| {
        let clock = session.clock().is_frozen();
        (clock, ask(session, &["/a"]).await)
    };
    let (clock, recorded) = project.record(config.clone(), &body);
    assert!(clock && recorded == ["0 GET /a "]);
    let before = project.files();
    // In mode `off`, requests, responses and output may differ from the recording.
    let ((clock, live), summary) = project.run(Mode::Off, config.clone(), &body).unwrap();
    assert!(!clock && live == ["1 GET /a "], "{live:?}");
    assert_eq!((summary.recorded, summary.accepted, summary.output_files), (false, false, None));
    project.run(Mode::Off, config, &async |session| ask(session, &["/b", "/c"]).await).unwrap();
    assert!(project.files() == before, "{:?}", project.files().keys());
}

/// Uses two servers: the API, and an ignored host.
#[test]
fn ignored_hosts_are_neither_recorded_nor_replayed() {
    let (api, other, project) = (echo(), echo(), Project::new());
    let other_url = format!("http://{}/beat", other.address());
    let config = api.config().ignore_host("127.0.0.1");
    let status = Arc::new(AtomicUsize::new(0));
    let body = async |session: Session| {
        let http = session.client().unwrap();
        let seen = see(http.get(&other_url).send().await.unwrap()).await;
        status.store(seen.status.into(), Ordering::SeqCst);
        get(&http, &format!("http://{HOST}/a")).await.body
    };
    project.record(config.clone(), &body);
    assert_eq!((status.load(Ordering::SeqCst), other.connections()), (200, 1));
    assert_eq!(project.requests(), [format!("GET http://{HOST}/a")]);
    // A replay refuses the request to the ignored host. This does not fail the test.
    project.replay(config.clone(), &body);
    assert_eq!((status.load(Ordering::SeqCst), other.connections()), (470, 1));
    let failed = project.builder(Mode::Replay, config.clone()).run_async(async |session| {
        body(session).await;
        Err::<(), _>(cassette::Error::new("no such city"))
    });
    let text = failed.unwrap_err().to_string();
    assert!(
        text.contains("note: 1 request to ignored hosts got no response: `Config::ignore_host`"),
        "{text}"
    );
    // A replay passes the request through, because the host is on this machine.
    project.replay(config.pass_through("127.0.0.1"), &body);
    assert_eq!((status.load(Ordering::SeqCst), other.connections()), (200, 2));
}

#[test]
fn a_replay_lets_nothing_through_to_another_machine() {
    // No other test uses this path. Otherwise a parallel test could add a note to this report.
    let (api, project) = (echo(), Project::new());
    let config = api.config().pass_through("*.far.example");
    project.record(config.clone(), &async |session: Session| fetch(&session, &["/near"]).await);
    let failed = project.run(Mode::Replay, config.clone(), &async |session: Session| {
        let http = session.client().unwrap();
        let seen = see(http.get("http://api.far.example/x").send().await.unwrap()).await;
        fetch(&session, &["/near"]).await;
        (seen.status, String::from_utf8_lossy(&seen.body).into_owned())
    });
    let expected = "\
error: the pass-through host api.far.example is not on this machine, and a replay does not leave the machine
   = request: GET http://api.far.example/x
   = hint: record the host, or give it a loopback address with `Config::resolve`

help: to record the host, remove this setting and record the test again:
    CASSETTE_MODE=record cargo test";
    assert_eq!(failed.unwrap_err().to_string(), expected);
    // A name that resolves to this machine is allowed.
    let near = echo();
    let config = config.resolve("api.far.example", near.address());
    let body = async |session: Session| {
        let seen = get(&session.client().unwrap(), "http://api.far.example/x").await;
        fetch(&session, &["/near"]).await;
        seen.status
    };
    assert_eq!(project.replay(config, &body), 200);
}

#[test]
fn a_wrong_host_pattern_is_an_error() {
    let failed =
        Project::new().run(Mode::Replay, Config::new().ignore_host("https://a.example/"), &async |_| ());
    let text = failed.unwrap_err().to_string();
    assert!(
        text.starts_with("error: `https://a.example/` is not a host: write `name`, `name:port` or `*.name`"),
        "{text}"
    );
}

#[test]
fn an_old_cassette_fails_or_warns() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    let body = async |session: Session| fetch(&session, &["/a"]).await;
    project.record(config.clone(), &body);
    let path = project.path("tests/cassettes/weather/berlin.json");
    let recorded_at = project.cassette().metadata().recorded_at.clone().unwrap();
    let aged = project.text().replacen(&recorded_at, "2020-02-29T12:00:00Z", 1);
    std::fs::write(&path, aged).unwrap();

    let limit = Duration::from_secs(90 * 24 * 60 * 60);
    project.replay(config.clone().max_age(Duration::from_secs(u64::MAX / 2), Expiry::Fail), &body);
    project.replay(config.clone().max_age(limit, Expiry::Warn), &body);
    // The age does not depend on the frozen clock of the session.
    let failed = project
        .run(Mode::Replay, config.clone().max_age(limit, Expiry::Fail), &body)
        .unwrap_err()
        .to_string();
    let (days, rest) =
        failed.strip_prefix("error: cassette `weather/berlin` is ").unwrap().split_once(' ').unwrap();
    assert!(days.parse::<u32>().unwrap() > 2000, "{failed}");
    let rest = rest.replace(&*project.path("").to_string_lossy(), "");
    assert_eq!(
        rest,
        "\
days old, but the limit is 90 days
   = file: tests/cassettes/weather/berlin.json
   = recorded: 2020-02-29T12:00:00Z

help: record it again:
    CASSETTE_MODE=record cargo test"
    );

    let undated = project.text().replacen("    \"recorded_at\": \"2020-02-29T12:00:00Z\",\n", "", 1);
    std::fs::write(&path, undated).unwrap();
    let failed =
        project.run(Mode::Replay, config.max_age(limit, Expiry::Fail), &body).unwrap_err().to_string();
    assert!(
        failed.starts_with("error: cassette `weather/berlin` doesn't say when it was recorded"),
        "{failed}"
    );
}

/// An API with a login: it accepts only its own token.
fn guarded(token: &'static str, item: &'static str, status: u16) -> Api {
    Api::start(Speaks::Http1, move |request| {
        let authorization = request.headers().get("authorization").map(|v| v.to_str().unwrap().to_owned());
        let json = &[("content-type", "application/json")];
        match request.uri().path() {
            "/login" => answer(200, json, format!("{{\"access_token\":\"{token}\",\"expires\":3600}}")),
            "/items" if authorization == Some(format!("Bearer {token}")) => answer(status, json, item),
            _ => answer(401, json, "{\"error\":\"who are you\"}"),
        }
    })
}

async fn log_in_and_ask(session: Session) -> String {
    let http = session.client().unwrap();
    let login = see(http.get(format!("http://{HOST}/login")).send().await.unwrap()).await.body;
    let login: serde_json::Value = serde_json::from_slice(&login).unwrap();
    let token = login["access_token"].as_str().unwrap();
    let request = http.get(format!("http://{HOST}/items")).bearer_auth(token).send().await.unwrap();
    let items = String::from_utf8_lossy(&see(request).await.body).into_owned();
    std::fs::write(session.output_dir().unwrap().join("items.json"), &items).unwrap();
    items
}

/// Runs the test in mode `verify`, in which it must fail. Returns the report, without the path of the project.
fn drift_of(project: &Project, config: Config) -> String {
    let failed = project.run(Mode::Verify, config, &log_in_and_ask).unwrap_err().to_string();
    failed.replace(&*project.path("").to_string_lossy(), "")
}

#[test]
fn verify_compares_live_responses_with_recorded_ones() {
    let (api, project) =
        (guarded("token-of-the-first-day", "{\"id\":1,\"name\":\"a\"}", 200), Project::new());
    let recorded = project.record(api.config(), &log_in_and_ask);
    drop(api);
    let before = project.files();

    // The live response has other values, but the same schema. This is no drift, and the test gets the recorded values.
    let api = guarded("another/token+of=today", "{\"name\":\"b\",\"id\":2}", 200);
    let (seen, summary) = project.run(Mode::Verify, api.config(), &log_in_and_ask).unwrap();
    assert_eq!((seen, summary.recorded, summary.interactions), (recorded, false, 2));
    let message = drift_of(&project, api.config().verify_values());
    assert!(message.contains("JSON /id    1    →  2\n     JSON /name  \"a\"  →  \"b\""), "{message}");
    drop(api);

    let api = guarded("a-token-of-tomorrow-1", "{\"uid\":\"1\",\"name\":\"a\"}", 202);
    let message = drift_of(&project, api.config());
    // The report ends with a note, which says where the output is kept.
    let (report, rest) = message.split_once("\n\nnote: ").unwrap();
    assert!(rest.ends_with("record `weather/berlin` again:\n    CASSETTE_MODE=record cargo test"), "{rest}");
    assert_eq!(
        report,
        "\
error: the API has changed: 1 response differs from the recording
   = cassette: tests/cassettes/weather/berlin.json

  2. GET http://api.example.test/items
     status     200       →  202
     JSON /id   number    →  (absent)
     JSON /uid  (absent)  →  string"
    );
    let config = api.config().drift(Drift::Warn);
    project.run(Mode::Verify, config, &log_in_and_ask).expect("it only warns");

    // Mode `verify` with a stopped server. The report contains the error of the connection instead of a status. Then
    // the test sends a request that has no recording.
    let config = api.config();
    drop(api);
    let message = drift_of(&project, config.clone());
    assert!(message.contains("response  200  →  connect: "), "{message}");
    let other = async |session: Session| {
        get(&session.client().unwrap(), &format!("http://{HOST}/other")).await.status
    };
    let message = project.run(Mode::Verify, config, &other).unwrap_err().to_string();
    assert!(message.contains("no recording answers this request"), "{message}");

    let mut after = project.files();
    after.retain(|path, _| !path.starts_with("target/"));
    assert_eq!(after, before, "nothing was written");
}

#[test]
fn verify_needs_the_secrets_of_the_recording() {
    let api = Api::start(Speaks::Http1, |request| {
        answer(200, &[("content-type", "text/plain")], request.uri().to_string())
    });
    let (config, project) = (api.config(), Project::new());
    let body = async |session: Session| {
        let key = session.secret("API_KEY");
        get(&session.client().unwrap(), &format!("http://{HOST}/x?key={key}")).await.status
    };
    let known = config.clone().secret("API_KEY", "pk-2f9a77c1");
    project.record(known.clone(), &body);
    assert_eq!(project.run(Mode::Verify, known, &body).unwrap().0, 200);
    let message = project.run(Mode::Verify, config.clone(), &body).unwrap_err().to_string();
    assert!(message.contains("can't be sent: the secret API_KEY has no value here"), "{message}");

    // The name of a secret cannot contain a space, so this placeholder belongs to no secret. It must not reach the
    // server anyway.
    let body = async |session: Session| {
        get(&session.client().unwrap(), &format!("http://{HOST}/x?key={{{{secret.API KEY}}}}")).await.status
    };
    project.record(config.clone(), &body);
    let message = project.run(Mode::Verify, config, &body).unwrap_err().to_string();
    assert!(message.contains("can't be sent: the secret API KEY has no value here"), "{message}");
}

#[test]
fn verify_reads_the_encoding_in_a_placeholder() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let uris = received.clone();
    let api = Api::start(Speaks::Http1, move |request| {
        uris.lock().unwrap().push(request.uri().to_string());
        answer(200, &[("content-type", "text/plain")], request.uri().to_string())
    });
    let (config, project) = (api.config(), Project::new());
    for query in ["key={{secret.API_KEY|percent}}", "key=%7B%7Bsecret.API_KEY%7Cjson%7Cpercent%7D%7D"] {
        let body = async |session: Session| {
            get(&session.client().unwrap(), &format!("http://{HOST}/x?{query}")).await.status
        };
        project.record(config.clone(), &body);
        let message = project.run(Mode::Verify, config.clone(), &body).unwrap_err().to_string();
        assert!(message.contains("can't be sent: the secret API_KEY has no value here"), "{message}");
        // If the session knows the secret, the test passes.
        let known = config.clone().secret("API_KEY", "pk-2f9a77c1");
        assert_eq!(project.run(Mode::Verify, known, &body).unwrap().0, 200);
        // The server got the request of the recording and the request of the last run, as the code under test sent
        // them.
        assert_eq!(
            std::mem::take(&mut *received.lock().unwrap()),
            [format!("/x?{query}"), format!("/x?{query}")]
        );
    }
}

/// Sends a request whose id, nonce and key are different in each call, like code that uses random numbers.
async fn restless(session: Session) -> cassette::TestResult {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let n = CALLS.fetch_add(1, Ordering::SeqCst);
    let http = session.client()?;
    let order =
        format!("{{\"request_id\":\"r-{n}\",\"lines\":[{{\"key\":{n},\"item\":\"tea\"}}],\"total\":3}}");
    let request =
        http.post(format!("http://{HOST}/orders")).header("content-type", "application/json").body(order);
    request.send().await?.error_for_status()?;
    http.get(format!("http://{HOST}/items?nonce={n}&page=1")).send().await?.error_for_status()?;
    std::fs::write(session.output_dir()?.join("done"), "done")?;
    Ok(())
}

fn blocking<T>(body: impl AsyncFn(Session) -> T + Sync) -> impl Fn(Session) -> T + Sync {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    move |session| runtime().block_on(body(session))
}

#[test]
fn learn_finds_values_that_vary() {
    let (api, project) = (echo(), Project::new());
    let config = api.config();
    let learn = |body: &(dyn Fn(Session) -> cassette::TestResult + Sync)| {
        project.builder(Mode::Learn, config.clone()).learn(body)?.run(body)
    };
    let (_, summary) = learn(&blocking(restless)).unwrap();
    assert_eq!((summary.recorded, summary.interactions), (true, 2), "the first pass is thrown away");
    let volatile = serde_json::to_string(&project.cassette().metadata().extra["volatile"]).unwrap();
    assert_eq!(
        volatile,
        format!(
            "{{\"http://{HOST}/items\":{{\"query\":[\"nonce\"]}},\
             \"http://{HOST}/orders\":{{\"json\":[\"/lines/*/key\",\"/request_id\"]}}}}"
        )
    );
    // A replay accepts any value in the places that mode `learn` found, and a failure lists these places.
    let before = project.files();
    project.replay(config.clone(), &async |session| restless(session).await.unwrap());
    let other = async |session: Session| {
        restless(session.clone()).await.unwrap();
        get(&session.client().unwrap(), &format!("http://{HOST}/items?nonce=1&page=2")).await.status
    };
    let message = project.run(Mode::Replay, config.clone(), &other).unwrap_err().to_string();
    assert!(message.contains("ignores the query key `nonce`"), "{message}");
    assert!(
        project
            .files()
            .iter()
            .filter(|(path, _)| path.starts_with("tests/"))
            .all(|(path, bytes)| before[path] == *bytes)
    );
    // A new recording keeps the list of these places, and so does another run of mode `learn`.
    project.record(config.clone(), &async |session| restless(session).await.unwrap());
    let metadata = project.cassette().metadata().clone();
    assert_eq!(serde_json::to_string(&metadata.extra["volatile"]).unwrap(), volatile);
    learn(&blocking(restless)).unwrap();
    assert_eq!(serde_json::to_string(&project.cassette().metadata().extra["volatile"]).unwrap(), volatile);
    assert!(!project.files().keys().any(|path| path.contains("rehearsed")), "{:?}", project.files().keys());

    // The error names the place of a mistake in the edited cassette.
    let path = project.path("tests/cassettes/weather/berlin.json");
    std::fs::write(&path, project.text().replace("\"query\": [", "\"quary\": [")).unwrap();
    drop(api);
    let message =
        project.run(Mode::Replay, config, &async |session| restless(session).await).unwrap_err().to_string();
    assert!(
        message.contains("`_metadata.volatile`: unknown field `quary`") && message.contains("berlin.json"),
        "{message}"
    );
}

#[test]
fn learn_refuses_a_body_that_varies_as_a_whole() {
    let (api, project) = (echo(), Project::new());
    let calls = AtomicUsize::new(0);
    let body = blocking(async |session: Session| -> cassette::TestResult {
        let body = format!("{{\"nonce\":{}}}", calls.fetch_add(1, Ordering::SeqCst));
        session.client()?.post(format!("http://{HOST}/n")).body(body).send().await?;
        Ok(())
    });
    let message =
        project.builder(Mode::Learn, api.config()).learn(&body).unwrap().run(&body).unwrap_err().to_string();
    assert!(
        message.starts_with(&format!(
            "error: the whole body of POST http://{HOST}/n differs between the two passes"
        )),
        "{message}"
    );
    assert!(
        message.contains(&format!(".matching_for(\"http://{HOST}/n\", |m| m.ignore_body())")),
        "{message}"
    );
    assert!(!project.files().contains_key("tests/cassettes/weather/berlin.json"), "nothing is installed");
    // `run` takes a body that can run only once, so mode `learn` refuses it.
    let message = project.builder(Mode::Learn, api.config()).run(&body).unwrap_err().to_string();
    assert!(message.contains("mode `learn` runs a test twice"), "{message}");
}
