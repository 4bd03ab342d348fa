//! Tests that the session records and replays the requests of processes that a test starts with an ordinary `Command`.

use std::process::Command;

use cassette::{Config, Mode, Session};

use super::{echo, get};
use crate::api::{Api, HOST, Speaks};
use crate::children::{answered, asks, exe};
use crate::project::Project;

/// `start` runs a process that requests a URL. Checks that the process gets the server's response while recording, and
/// the same response from the cassette on replay.
#[track_caller]
fn check(start: impl AsyncFn(&str) -> Result<String, String> + Sync) {
    for speaks in [Speaks::Http1, Speaks::Https1] {
        let api = echo(speaks);
        let url = api.url("/ask");
        let (project, seen) = Project::both(api, async |_: Session| start(&url).await);
        assert_eq!(seen.as_deref(), Ok("/ask"), "{speaks:?}");
        assert_eq!(project.requests(), [format!("GET {url}")], "{speaks:?}");
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn asking(url: &str) -> Command {
    let mut command = Command::new(exe());
    asks(&mut command, url);
    command
}

#[test]
fn a_rust_program_with_its_own_environment_and_without() {
    check(async |url| answered(&asking(url).output().unwrap()));
    check(async |url| answered(&asking(url).env("ANOTHER", "variable").output().unwrap()));
    check(async |url| {
        let mut cleared = Command::new(exe());
        asks(cleared.env_clear(), url);
        answered(&cleared.output().unwrap())
    });
    check(async |url| {
        let mut command = tokio::process::Command::new(exe());
        asks(command.as_std_mut(), url);
        answered(&command.output().await.unwrap())
    });
}

#[test]
fn a_program_started_with_fork_and_exec() {
    use std::os::unix::{fs::MetadataExt as _, process::CommandExt as _};
    let own = tempfile::tempfile().unwrap().metadata().unwrap().uid();
    let forks = |command: &mut Command| {
        // If a user id is set, std cannot use `posix_spawn`: it calls `fork` and `exec`.
        command.uid(own);
        answered(&command.output().unwrap())
    };
    check(async |url| forks(&mut asking(url)));
    check(async |url| {
        let mut command = Command::new(exe());
        asks(command.env_clear(), url);
        forks(&mut command)
    });
}

#[test]
fn a_program_that_starts_other_programs() {
    check(async |url| {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"sh -c '"$@"; true' sh "$@"; true"#, "sh"]).arg(exe());
        asks(&mut shell, url);
        answered(&shell.output().unwrap())
    });
}

#[test]
fn curl_and_python() {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if is_there("curl") {
        check(async |url| run(Command::new("curl").args(["--silent", "--show-error", url])));
        check(async |url| run(Command::new("sh").args(["-c", "curl --silent --show-error \"$0\"", url])));
    }
    if is_there("python3") {
        let program =
            "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end='')";
        check(async |url| run(Command::new("python3").args(["-c", program, url])));
        // By default, Python 3.13 requires that certificates follow RFC 5280 strictly. Earlier versions need this flag.
        let strict = "import ssl, sys, urllib.request as u; c = ssl.create_default_context(); \
            c.verify_flags |= ssl.VERIFY_X509_STRICT; print(u.urlopen(sys.argv[1], context=c).read().decode(), end='')";
        check(async |url| run(Command::new("python3").args(["-c", strict, url])));
    }
}

#[test]
fn a_request_without_a_recording_fails_the_test() {
    let project = recorded();
    let body = async |_: Session| answered(&asking(&format!("http://{HOST}/another")).output().unwrap()).ok();
    let failed = project.run(Mode::Replay, Config::new(), &body).err().unwrap().to_string();
    assert!(failed.contains("requested  GET http://api.example.test/another"), "{failed}");
}

#[test]
fn variables_that_the_test_sets_stay() {
    let project = recorded();
    project.replay(Config::new(), &async |session: Session| {
        let shown = |command: &mut Command| {
            run(command.args(["-c", "echo $HTTP_PROXY $https_proxy $SSL_CERT_FILE"])).unwrap()
        };
        let (proxy, bundle) = (session.proxy_url().unwrap(), std::env::var("SSL_CERT_FILE").unwrap());
        assert_eq!(shown(&mut Command::new("sh")), format!("{proxy} {proxy} {bundle}\n"));
        let own = "http://127.0.0.1:9";
        let purpose = shown(Command::new("sh").env("HTTP_PROXY", own));
        assert_eq!(purpose, format!("{own} {proxy} {bundle}\n"));
        get(format!("http://{HOST}/")).await;
    });
    project.replay(Config::new().explicit_clients(), &async |session: Session| {
        let shown = run(Command::new("sh").args(["-c", "echo $grpc_proxy"])).unwrap();
        assert_eq!(shown.trim(), std::env::var("grpc_proxy").unwrap_or_default());
        session.client().unwrap().get(format!("http://{HOST}/")).send().await.unwrap();
    });
}

/// A project whose cassette has a recording of `GET http://api.example.test/`.
fn recorded() -> Project {
    let project = Project::new();
    let api: Api = echo(Speaks::Http1);
    let url = api.url("/");
    project.record(api.config(), &async |_: Session| get(url.clone()).await);
    project
}
