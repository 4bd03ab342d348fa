//! Tests recording: which files it writes, when it writes them, and that no file contains a secret.

use std::fs::File;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cassette::{Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, data, frames, get, see};
use crate::fixture;
use crate::project::{NAME, Project};

fn echo(speaks: Speaks) -> Api {
    Api::start(speaks, |request| answer(200, &[], request.uri().path().to_owned()))
}

const CASSETTE: &str = "tests/cassettes/weather/berlin.json";

#[test]
fn a_replay_never_connects() {
    for speaks in [Speaks::Http1, Speaks::Https1, Speaks::Https2] {
        let api = echo(speaks);
        let url = api.url("/now");
        let project = Project::new();
        let body = async |session: Session| get(&session.client().unwrap(), &url).await.body;
        assert_eq!(project.record(api.config(), &body), "/now");
        let connections = api.connections();
        assert!(connections > 0);
        assert_eq!(project.replay(api.config(), &body), "/now");
        // A replay does not send an unmatched request to the server.
        let other = api.url("/later");
        let unmatched = project.run(Mode::Replay, api.config(), &async |session: Session| {
            assert_eq!(get(&session.client().unwrap(), &other).await.status, 470);
        });
        assert!(unmatched.unwrap_err().to_string().contains("/later"));
        assert_eq!(api.connections(), connections, "a replay connected");
    }
}

#[test]
fn output_and_cassette_replace_each_other_only_if_the_test_passes() {
    let api = echo(Speaks::Http1);
    let project = Project::new();
    let run = |mode, path: &str, passes: bool| {
        let url = api.url(path);
        project.builder(mode, api.config()).run_async(|session| async move {
            let body = get(&session.client()?, &url).await.body;
            std::fs::write(session.output_dir()?.join("body.txt"), &body)?;
            if passes { Ok(()) } else { Err(cassette::TestError::from("line one\nline two")) }
        })
    };
    let ((), summary) = run(Mode::Record, "/first", true).unwrap();
    assert!(summary.recorded);
    assert_eq!((summary.interactions, summary.output_files), (1, Some(1)));
    let first = project.files();
    assert_eq!(first.keys().collect::<Vec<_>>(), [CASSETTE, "tests/cassettes/weather/berlin.output.snap"]);

    let failed = run(Mode::Record, "/second", false).unwrap_err().to_string();
    assert!(failed.contains("line one") && failed.contains("line two"), "{failed}");
    assert!(!failed.contains("\\n"), "the error text is escaped: {failed}");
    assert!(project.files() == first, "a failed test changed {:?}", project.files().keys());

    run(Mode::Record, "/second", true).unwrap();
    assert!(project.text().contains("/second"));
    assert!(!project.text().contains("/first"));
    run(Mode::Replay, "/second", true).unwrap();
}

#[test]
fn a_panic_leaves_everything_as_it_was() {
    let api = echo(Speaks::Http1);
    let url = api.url("/");
    let project = Project::new();
    project
        .record(api.config(), &async |session: Session| get(&session.client().unwrap(), &url).await.status);
    let before = project.files();
    for mode in [Mode::Record, Mode::Replay] {
        let session = project.builder(mode, api.config());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            session.run(|_| -> cassette::Result<()> { panic!("at the disco") })
        }));
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"at the disco"));
        assert!(project.files() == before, "a panic changed {:?}", project.files().keys());
    }
}

#[test]
fn auto_records_what_is_missing_and_then_replays() {
    let api = echo(Speaks::Http1);
    let url = api.url("/");
    let project = Project::new();
    let body = async |session: Session| (session.mode(), get(&session.client().unwrap(), &url).await.status);
    let ((mode, _), summary) = project.run(Mode::Auto, api.config(), &body).unwrap();
    assert_eq!((mode, summary.recorded), (Mode::Record, true));
    let connections = api.connections();
    let ((mode, _), summary) = project.run(Mode::Auto, api.config(), &body).unwrap();
    assert_eq!((mode, summary.recorded), (Mode::Replay, false));
    assert_eq!(api.connections(), connections);
}

#[test]
fn off_passes_everything_through() {
    for speaks in [Speaks::Http1, Speaks::Https2] {
        let api = echo(speaks);
        let url = api.url("/");
        let project = Project::new();
        for _ in 0..2 {
            let ((), summary) = project
                .run(Mode::Off, api.config(), &async |session: Session| {
                    assert_eq!(get(&session.client().unwrap(), &url).await.body, "/");
                })
                .unwrap();
            assert!(!summary.recorded);
        }
        assert!(api.connections() > 0);
        assert_eq!(project.files().len(), 0);
    }
}

#[test]
fn in_ci_a_mode_in_the_code_records_nothing() {
    let project = fixture::Project::new();
    let run = project.run(&["recorded_if_missing"], &[("CI", "true")]);
    assert!(!run.passed, "it passed without a cassette: {}", run.text);
    for expected in [
        "error: cassette `weather/missing` has not been recorded",
        "`CI` is set, so only CASSETTE_MODE makes a test record: this test has mode `auto`, and replays",
        "record it on your machine and commit it",
        "\n    CASSETTE_MODE=record cargo test -p cassette-tests",
    ] {
        assert!(run.text.contains(expected), "`{expected}` is not in\n{}", run.text);
    }
    assert!(!project.path("tests").exists(), "something was recorded");
    for variables in [&[("CI", "true"), ("CASSETTE_MODE", "record")][..], &[("CI", "true")]] {
        let run = project.run(&["recorded_if_missing"], variables);
        assert!(run.passed, "{}", run.text);
        assert!(project.path("tests/cassettes/weather/missing.json").is_file());
    }
}

/// The test in the fixture has `mode = "auto"`. The variable `CASSETTE_MODE` has priority over this option.
#[test]
fn the_variable_wins_over_the_attribute() {
    let project = fixture::Project::new();
    let run = project.run(&["recorded_if_missing"], &[("CASSETTE_MODE", "replay")]);
    assert!(
        !run.passed && run.text.contains("cassette `weather/missing` has not been recorded"),
        "{}",
        run.text
    );
    // An empty variable counts as unset.
    let run = project.run(&["recorded_if_missing"], &[("CASSETTE_MODE", "")]);
    assert!(run.passed && project.path("tests/cassettes/weather/missing.json").is_file(), "{}", run.text);
}

/// A session that cannot begin leaves no recording, which the next session would move out of the way.
#[test]
fn a_mistake_in_the_settings_leaves_no_file() {
    let project = Project::new();
    let config = cassette::Config::new().extra_root("no certificate");
    let begun = project.builder(Mode::Record, config).run(|_| Ok::<_, cassette::TestError>(()));
    assert!(begun.unwrap_err().to_string().starts_with("error: "));
    assert_eq!(project.files().keys().collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn one_recording_at_a_time() {
    let project = Project::new();
    let other = project.builder(Mode::Record, Default::default());
    let ended = project.builder(Mode::Record, Default::default()).run(|_| {
        // Another thread tries to begin a session with the same cassette.
        let message = std::thread::spawn(|| other.run(|_| Ok::<_, cassette::TestError>(()))).join().unwrap();
        let message = message.unwrap_err().to_string();
        assert!(message.contains(NAME), "{message}");
        Ok::<_, cassette::TestError>(())
    });
    ended.unwrap();
}

/// A recording waits for another process that records the same cassette, and does not overwrite its recording.
#[test]
fn a_recording_waits_for_its_turn() {
    let project = Project::new();
    let record = |mode| project.builder(mode, Default::default()).run(|_| Ok::<_, cassette::TestError>(()));
    record(Mode::Record).unwrap();
    let document = project.path("tests/cassettes/weather/berlin.json");
    let while_another_records = |mode, wrote: Option<&str>| {
        // This lock stands for the lock of a recording in another process.
        let lock = File::create(project.path("tests/cassettes/weather/berlin.lock.recording")).unwrap();
        lock.lock().unwrap();
        std::thread::scope(|scope| {
            let session = scope.spawn(|| record(mode));
            await_waiter(&lock);
            if let Some(text) = wrote {
                std::fs::write(&document, text).unwrap();
            }
            drop(lock);
            session.join().unwrap()
        })
    };
    // The other process ends without a recording, so this process records.
    while_another_records(Mode::Record, None).unwrap();
    let before = std::fs::read_to_string(&document).unwrap();
    let others = before.replace("\"time_zone\": \"UTC\"", "\"time_zone\": \"Etc/UTC\"");
    assert_ne!(before, others);
    let message = while_another_records(Mode::Record, Some(&others)).unwrap_err().to_string();
    assert!(message.contains("another process recorded cassette `weather/berlin`"), "{message}");
    assert_eq!(std::fs::read_to_string(&document).unwrap(), others);
    // Mode `auto`, and there is no cassette. While this process waits, the other process records the cassette. Then
    // this process replays it.
    std::fs::remove_file(&document).unwrap();
    let (_, summary) = while_another_records(Mode::Auto, Some(&others)).unwrap();
    assert!(!summary.recorded);
    assert_eq!(std::fs::read_to_string(&document).unwrap(), others);
}

/// Waits until a thread or process waits for this lock. Reads the kernel's list of locks in a loop, because there is no
/// notification.
pub(crate) fn await_waiter(lock: &File) {
    use std::os::unix::fs::MetadataExt as _;
    let inode = format!(":{} ", lock.metadata().unwrap().ino());
    let waits = |line: &str| line.contains("->") && line.contains(&inode);
    while !std::fs::read_to_string("/proc/locks").unwrap().lines().any(waits) {
        std::thread::yield_now();
    }
}

/// If the bytes of a body file have changed, the test fails, even if the client ignores the error.
#[test]
fn a_damaged_body_file_fails_the_test() {
    let api =
        Api::start(Speaks::Http1, |_| answer(200, &[("content-type", "text/csv")], "a,b\n".repeat(50_000)));
    let url = api.url("/");
    let project = Project::new();
    let body = async |session: Session| _ = get(&session.client().unwrap(), &url).await;
    project.record(api.config(), &body);
    let file = project.files().into_keys().find(|f| f.contains(".bodies/")).unwrap();
    std::fs::write(project.path(&file), "a,c\n".repeat(50_000)).unwrap();
    let message = project.run(Mode::Replay, api.config(), &body).unwrap_err().to_string();
    assert!(message.contains(file.rsplit('/').next().unwrap()), "{message}");
    std::fs::remove_file(project.path(&file)).unwrap();
    let message = project.run(Mode::Replay, api.config(), &body).unwrap_err().to_string();
    assert!(message.contains("missing"), "{message}");
}

/// After its session has ended, a client cannot reach a server, and cassette does not record its requests.
#[test]
fn a_client_that_outlives_its_session() {
    let api = echo(Speaks::Https1);
    let url = api.url("/");
    let project = Project::new();
    for mode in [Mode::Record, Mode::Replay] {
        let (http, summary) = project
            .run(mode, api.config(), &async |session: Session| {
                let http = session.client().unwrap();
                get(&http, &url).await;
                http
            })
            .unwrap();
        assert_eq!(summary.interactions, 1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert!(runtime.block_on(http.get(&url).send()).is_err());
        assert_eq!(project.interactions().len(), 1);
    }
}

const VALUE: &str = "S3cr3t/+val ue=ü";

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Sends the secret in every part of a request, and returns the response bodies.
async fn send_secret(session: Session, base: &str) -> Vec<String> {
    let secret = session.secret("KEY");
    let http = session.client().unwrap();
    let mut url = reqwest::Url::parse(base).unwrap();
    url.path_segments_mut().unwrap().push("of").push(&secret);
    url.query_pairs_mut().append_pair("q", &secret).append_pair("page", "2");
    let requests = [
        http.get(url.clone()).header("x-acme", STANDARD.encode(&secret)),
        http.get(url.clone()).basic_auth("me", Some(&secret)),
        http.get(url.clone()).bearer_auth(STANDARD.encode(&secret)),
        http.post(url.clone())
            .header("content-type", "application/json")
            .body(serde_json::json!({ "who": "me", "note": format!("<{secret}>") }).to_string()),
        http.post(url.clone())
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .body(gzip(&serde_json::json!([secret]).to_string())),
    ];
    let mut answers = Vec::new();
    for request in requests {
        let seen = see(request.send().await.unwrap()).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        answers.push(String::from_utf8(seen.body.to_vec()).unwrap());
    }
    answers
}

#[test]
fn secrets_never_reach_the_disk() {
    for speaks in [Speaks::Http1, Speaks::Https2] {
        let api = Api::start(speaks, |request| {
            let json = [("content-type", "application/json")];
            let said = serde_json::json!({ "key": VALUE, "n": 1.0 }).to_string();
            if request.headers().contains_key("content-encoding") {
                return answer(200, &[json[0], ("content-encoding", "gzip")], gzip(&said));
            }
            // The server sends each byte in a chunk of its own, so that the value is split over several chunks.
            frames(200, &json, said.into_bytes().into_iter().map(|b| data(vec![b])))
        });
        let base = api.url("/");
        let project = Project::new();
        let config = |value: &str| api.config().allow_header("x-acme").secret("KEY", value);
        let body = async |session: Session| send_secret(session, &base).await;
        let said = |value: &str| vec![serde_json::json!({ "key": value, "n": 1.0 }).to_string(); 5];
        assert_eq!(project.record(config(VALUE), &body), said(VALUE), "the client gets the real value");
        project.assert_never(VALUE);
        project.assert_never("S3cr3t");
        assert!(project.text().contains("{{secret.KEY}}"));
        assert_eq!(project.replay(config(VALUE), &body), said(VALUE));
        assert_eq!(project.replay(config("quite-\"another\"-value"), &body), said("quite-\"another\"-value"));
        assert_eq!(project.replay(config(""), &body), said("{{secret.KEY}}"));
    }
}

/// The whole body is in base64, and its length depends on the length of the secret. So on replay the request matches
/// only with the same secret.
#[test]
fn a_secret_in_base64() {
    let api = Api::start(Speaks::Http1, |request| answer(200, &[], request.into_body()));
    let url = api.url("/");
    let project = Project::new();
    let body = async |session: Session| {
        let coded = STANDARD.encode(format!("user:{VALUE}"));
        see(session.client().unwrap().post(&url).body(coded).send().await.unwrap()).await.status
    };
    assert_eq!(project.record(api.config().secret("KEY", VALUE), &body), 200);
    project.assert_never(VALUE);
    assert_eq!(project.replay(api.config().secret("KEY", VALUE), &body), 200);
}

/// The secret is in headers of responses, for example in the target of a redirect. On replay the client follows the
/// redirect, whether the session knows the secret or not.
#[test]
fn a_secret_in_headers_of_the_answer() {
    let api = Api::start(Speaks::Https2, |request| match request.uri().path() {
        "/login" => answer(302, &[("location", "/in/k-5f2b9c41/?sig=k-5f2b9c41&next=ü")], ""),
        _ => answer(200, &[("x-echo", "größer: k-5f2b9c41")], ""),
    });
    let url = api.url("/login");
    let project = Project::new();
    let body = async |session: Session| {
        let seen = get(&session.client().unwrap(), &url).await;
        String::from_utf8(seen.headers["x-echo"].as_bytes().to_vec()).unwrap()
    };
    let config = |value: &str| api.config().allow_header("x-echo").secret("KEY", value);
    assert_eq!(project.record(config("k-5f2b9c41"), &body), "größer: k-5f2b9c41");
    project.assert_never("k-5f2b9c41");
    assert_eq!(project.replay(config("k-5f2b9c41"), &body), "größer: k-5f2b9c41");
    assert_eq!(project.replay(config("another-value"), &body), "größer: another-value");
    assert_eq!(project.replay(config(""), &body), "größer: {{secret.KEY}}");
}

/// A recording is not installed if it contains a secret that redaction cannot replace.
#[test]
fn a_secret_that_slips_through_is_not_installed() {
    let value = "plainsecret1";
    let wrapped = "plainsec\r\n  ret1";
    let api = Api::start(Speaks::Http1, move |_| answer(200, &[], format!("over lines: {wrapped}")));
    let url = api.url("/");
    let project = Project::new();
    let body = async |session: Session| assert_eq!(get(&session.client().unwrap(), &url).await.status, 200);
    let message =
        project.run(Mode::Record, api.config().secret("KEY", value), &body).unwrap_err().to_string();
    assert!(!message.contains(value) && !message.contains(wrapped), "{message}");
    assert!(message.contains("KEY"), "{message}");
    assert_eq!(project.files().len(), 0, "{:?}", project.files().keys());
    // Now there is an old cassette, and the secret is in a long body. The recording fails again, and the old cassette
    // stays.
    let long = Api::start(Speaks::Http1, move |_| answer(200, &[], [&"-".repeat(100_000), wrapped].concat()));
    let old = Api::start(Speaks::Http1, |_| answer(200, &[], "nothing secret"));
    project.record(old.config(), &body);
    let before = project.files();
    assert!(project.run(Mode::Record, long.config().secret("KEY", value), &body).is_err());
    assert!(project.files() == before, "{:?}", project.files().keys());
    assert!(project.text().contains(HOST));
}

/// The error of an HTTP client may contain the URL with a secret in its query. The failure shows the error without the
/// secret.
#[test]
fn the_text_of_a_failure_contains_no_secret() {
    let project = Project::new();
    let failed = project
        .builder(Mode::Off, cassette::Config::new().secret("KEY", VALUE))
        .run(|_| Err::<(), _>(format!("refused: https://api.test/?key={VALUE}")))
        .unwrap_err()
        .to_string();
    assert!(failed.contains("refused: https://api.test/?key={{secret.KEY}}"), "{failed}");
    assert!(!failed.contains(VALUE), "{failed}");
}
