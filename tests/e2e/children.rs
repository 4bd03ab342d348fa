//! Tests processes that a test starts with `Session::command`, or in another way with the variables of `Session::env`.
//! The tests in `compat/` start programs in other languages.

#![expect(clippy::print_stdout, reason = "the process's answer")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use cassette::{Mode, Session};

use crate::api::{Api, Speaks, answer};
use crate::project::Project;

/// This test is the child process of the other tests: they start this executable again, and let it run only this test.
/// It is an ordinary client, which reads the variables for proxies and root certificates, as most clients do.
#[test]
fn the_process() {
    let Ok(url) = std::env::var("CHILD_ASKS") else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let text = runtime
        .block_on(async { reqwest::Client::new().get(url).send().await?.error_for_status()?.text().await });
    match text {
        Ok(text) => println!("\nthe answer is {text}"),
        Err(e) => panic!("no answer: {e:?}"),
    }
}

pub(crate) fn asks(command: &mut Command, url: &str) {
    command.args(["--exact", "children::the_process", "--nocapture"]).env("CHILD_ASKS", url);
}

pub(crate) fn answered(output: &Output) -> Result<String, String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let answer = text.lines().find_map(|line| line.strip_prefix("the answer is "));
    answer.map(str::to_owned).ok_or_else(|| format!("{text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

pub(crate) fn exe() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

fn api(speaks: Speaks) -> Api {
    Api::start(speaks, |request| answer(200, &[], format!("{} {}", request.method(), request.uri().path())))
}

/// Starts processes with std and with tokio. Some get the environment of the test as well, others only the session's
/// variables.
#[track_caller]
fn recorded_and_replayed(speaks: Speaks) {
    let api = api(speaks);
    let url = |n: usize| api.url(&format!("/{n}"));
    let urls = [url(1), url(2), url(3), url(4)];
    let body = async |session: Session| {
        let mut by_command = session.command(exe()).unwrap();
        asks(&mut by_command, &urls[0]);
        let mut answers = vec![answered(&by_command.output().unwrap())];

        let mut by_tokio = session.command(exe()).unwrap();
        asks(&mut by_tokio, &urls[1]);
        let spawned = tokio::process::Command::from(by_tokio).stdout(Stdio::piped()).spawn().unwrap();
        answers.push(answered(&spawned.wait_with_output().await.unwrap()));

        let mut cleared = Command::new(exe());
        cleared.env_clear().envs(session.env().unwrap());
        asks(&mut cleared, &urls[2]);
        answers.push(answered(&cleared.output().unwrap()));

        // The session replaces inherited settings that would bypass it.
        let mut misled = session.command(exe()).unwrap();
        misled.envs(session.env().unwrap());
        for (name, value) in [("HTTP_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "*"), ("no_proxy", "*")] {
            assert!(misled.get_envs().any(|(known, set)| known == name && set.is_some_and(|v| v != value)));
        }
        asks(&mut misled, &urls[3]);
        answers.push(answered(&misled.output().unwrap()));
        answers
    };
    let config = api.config();
    let project = Project::new();
    let seen = project.record(config.clone(), &body);
    assert_eq!(seen, ["/1", "/2", "/3", "/4"].map(|path| Ok(format!("GET {path}"))));
    assert_eq!(project.requests(), [1, 2, 3, 4].map(|n| format!("GET {}", url(n))));
    drop(api);
    assert_eq!(project.replay(config, &body), seen);
}

#[test]
fn https() {
    recorded_and_replayed(Speaks::Https2);
}

#[test]
fn http() {
    recorded_and_replayed(Speaks::Http1);
}

/// The session's clock is years in the past, but a child process checks the certificate with the real clock.
#[test]
fn a_process_with_the_real_clock_trusts_the_certificate() {
    let api = api(Speaks::Https1);
    let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let (config, url) = (api.config().freeze(at), api.url("/old"));
    let (_, seen) = {
        let project = Project::new();
        let body = async |session: Session| {
            let mut command = session.command(exe()).unwrap();
            asks(&mut command, &url);
            answered(&command.output().unwrap())
        };
        let recorded = project.record(config.clone(), &body);
        drop(api);
        assert_eq!(project.replay(config, &body), recorded);
        (project, recorded)
    };
    assert_eq!(seen, Ok("GET /old".to_owned()));
}

/// If a process sends a request that has no recording, the test fails, even if the test ignores the error.
#[test]
fn a_request_without_a_recording_fails_the_test() {
    let api = api(Speaks::Https1);
    let (first, second) = (api.url("/recorded"), api.url("/another"));
    let project = Project::new();
    let ask = |url: String| {
        async move |session: Session| {
            let mut command = session.command(exe()).unwrap();
            asks(&mut command, &url);
            answered(&command.output().unwrap()).ok()
        }
    };
    assert!(project.record(api.config(), &ask(first)).is_some());
    let failure = project.run(Mode::Replay, api.config(), &ask(second)).err().unwrap().to_string();
    assert!(failure.contains("requested  GET https://api.example.test/another"), "{failure}");
}

/// The file with the certificate exists until the session ends. In mode `off` a session has no variables.
#[test]
fn the_variables() {
    let project = Project::new();
    let body = async |session: Session| session.env().unwrap();
    assert_eq!(project.run(Mode::Off, cassette::Config::new(), &body).unwrap().0, []);

    let body = async |session: Session| {
        let variables = session.env().unwrap();
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.unwrap_or_else(|| panic!("no {name}")).1.to_str().unwrap().to_owned()
        };
        let proxy = session.proxy_url().unwrap();
        for name in ["HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
            assert_eq!(value(name), proxy);
        }
        let bundle = value("SSL_CERT_FILE");
        for name in ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"] {
            assert_eq!(value(name), bundle);
        }
        let text = std::fs::read_to_string(&bundle).unwrap();
        assert!(text.contains(session.ca_pem().unwrap().trim()) && !text.contains("PRIVATE"));
        assert_eq!(value("NODE_USE_ENV_PROXY"), "1");
        bundle
    };
    // `record` works although there is no interaction: an empty recording is installed, too.
    let bundle = project.record(cassette::Config::new(), &body);
    assert!(Path::new(&bundle).is_absolute());
}
