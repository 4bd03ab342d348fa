//! Tests clients and runtimes in a `static` that several tests share while they record. Each of these tests runs in a
//! separate process. Otherwise the threads of a `static` would belong to the sessions of other tests.

use std::net::TcpStream;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use cassette::{Config, Mode, Session};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;
use tokio::sync::Barrier;

use super::{cryptography, echo};
use crate::alone::has_own_process;
use crate::api::{HOST, Speaks};
use crate::project::Project;

const REQUESTS: usize = 10;

/// Records two tests on two threads, stops the server, and replays the tests one after the other, twice. Checks that
/// each cassette has the requests of its own test, and that a replay gets the same responses.
#[track_caller]
fn check(speaks: Speaks, fetch: impl Fn(String) -> String + Sync) {
    let api = echo(speaks);
    let projects = ["one", "two"].map(|word| (word, Project::new()));
    let body = |word: &str| {
        let urls = (0..REQUESTS).map(|n| api.url(&format!("/{word}/{n}")));
        Ok::<Vec<String>, cassette::Error>(urls.map(&fetch).collect())
    };
    let paths = |word: &str| (0..REQUESTS).map(|n| format!("/{word}/{n}")).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        for (word, project) in &projects {
            let (api, body) = (&api, &body);
            scope.spawn(move || {
                let recorded = project.builder(Mode::Record, api.config()).run(|_| body(word));
                assert_eq!(recorded.unwrap_or_else(|e| panic!("{e}")).0, paths(word));
            });
        }
    });
    let connections = api.connections();
    for (word, project) in projects.iter().chain(&projects) {
        let requests: Vec<_> = paths(word).iter().map(|path| format!("GET {}", api.url(path))).collect();
        assert_eq!(project.requests(), requests);
        let replayed = project.builder(Mode::Replay, Config::new()).run(|_| body(word));
        assert_eq!(replayed.unwrap_or_else(|e| panic!("{e}")).0, paths(word));
    }
    assert_eq!(api.connections(), connections, "a replay connected to the server");
}

fn on_own_runtime(fetch: impl Future<Output = String>) -> String {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(fetch)
}

static REQWEST: LazyLock<reqwest::Client> = LazyLock::new(|| {
    cryptography();
    reqwest::Client::new()
});

async fn reqwest(url: String) -> String {
    REQWEST.get(url).send().await.expect("an answer").text().await.expect("a text")
}

#[test]
fn a_client() {
    if has_own_process("ambient::statics::a_client") {
        for speaks in [Speaks::Http1, Speaks::Https2] {
            check(speaks, |url| on_own_runtime(reqwest(url)));
        }
    }
}

#[test]
fn a_runtime_and_its_client() {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    if has_own_process("ambient::statics::a_runtime_and_its_client") {
        for speaks in [Speaks::Http1, Speaks::Https2] {
            check(speaks, |url| {
                RUNTIME.block_on(async { RUNTIME.spawn(reqwest(url)).await.expect("no panic") })
            });
        }
    }
}

/// A blocking client runs on a thread that the client starts.
#[test]
fn a_blocking_client() {
    static BLOCKING: LazyLock<reqwest::blocking::Client> = LazyLock::new(|| {
        cryptography();
        reqwest::blocking::Client::new()
    });
    if has_own_process("ambient::statics::a_blocking_client") {
        check(Speaks::Https2, |url| BLOCKING.get(url).send().expect("an answer").text().expect("a text"));
    }
}

/// An SDK builds its client at the first call, and keeps the client and a runtime for later calls.
#[test]
fn a_client_of_an_sdk() {
    static SDK: OnceLock<(Runtime, Client<HttpConnector, Empty<Bytes>>)> = OnceLock::new();
    if has_own_process("ambient::statics::a_client_of_an_sdk") {
        check(Speaks::Http1, |url| {
            let (runtime, client) = SDK.get_or_init(|| {
                (Runtime::new().expect("a runtime"), Client::builder(TokioExecutor::new()).build_http())
            });
            runtime.block_on(async {
                let body = client.get(url.parse().unwrap()).await.expect("an answer").into_body();
                String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).unwrap()
            })
        });
    }
}

/// The runtime was started before the first session.
#[test]
fn a_runtime_that_no_test_started() {
    if has_own_process("ambient::statics::a_runtime_that_no_test_started") {
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async { tokio::spawn(async {}).await.expect("no panic") });
        check(Speaks::Http1, |url| {
            runtime
                .block_on(async { runtime.spawn(super::get(url)).await.expect("no panic") })
                .trim_start_matches("200 \"")
                .trim_end_matches('"')
                .to_owned()
        });
    }
}

/// The variables for the tests `child_…`, which run in a new process: the directory of the project, and the address of
/// the server.
const DIRECTORY: &str = "STATICS_DIRECTORY";
const UPSTREAM: &str = "STATICS_UPSTREAM";

/// The body of the tests `child_…`, which stand for the tests of a user. It does nothing unless the test
/// `tests_as_a_user_runs_them` has started the process.
fn child(test: &str) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    let (Ok(directory), Ok(upstream)) = (std::env::var(DIRECTORY), std::env::var(UPSTREAM)) else { return };
    let config = Config::new().resolve(HOST, upstream.parse().expect("an address"));
    let session = Session::builder(test).package_dir(directory).config(config);
    let ended = session.run(|_| {
        for n in 0..2 * REQUESTS {
            let path = format!("/{test}/{n}");
            let url = format!("http://{HOST}{path}");
            let text = RUNTIME.block_on(async { RUNTIME.spawn(reqwest(url)).await.expect("no panic") });
            assert_eq!(text, path);
        }
        Ok::<_, cassette::Error>(())
    });
    ended.unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn child_one() {
    child("one");
}

#[test]
fn child_two() {
    child("two");
}

#[test]
fn child_three() {
    child("three");
}

/// This test ends its process with exit code 0, which would let the test pass.
#[test]
fn child_that_exits() {
    if std::env::var_os(DIRECTORY).is_some() {
        let session = Session::builder("weather/exits").mode(Mode::Off);
        let _ = session.run(|_| -> Result<(), cassette::Error> { std::process::exit(0) });
    }
}

/// Runs these tests in one new process, with this number of test threads. Returns whether the process passed, and its
/// output.
fn run(tests: &[&str], threads: usize, variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", &format!("--test-threads={threads}")]);
    command.args(tests.iter().map(|test| format!("ambient::statics::child_{test}")));
    command.env_remove("CI").env_remove("NEXTEST_EXECUTION_MODE").envs(variables.iter().copied());
    let output = command.output().expect("it starts");
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("");
    (output.status.success(), text)
}

/// Runs three tests of one executable as a user does: all of them in one process, or each in a process of its own.
#[test]
fn tests_as_a_user_runs_them() {
    const TESTS: [&str; 3] = ["one", "two", "three"];
    for nextest in [false, true] {
        let api = echo(Speaks::Http1);
        let directory = tempfile::tempdir().expect("a directory");
        let address = api.address().to_string();
        let places = [(DIRECTORY, directory.path().to_str().expect("a text")), (UPSTREAM, &*address)];
        let run_all = |mode: &str, threads: usize| {
            let mut variables = places.to_vec();
            variables.push(("CASSETTE_MODE", mode));
            let runs = if nextest {
                variables.push(("NEXTEST_EXECUTION_MODE", "process-per-test"));
                TESTS.map(|test| run(&[test], threads, &variables)).to_vec()
            } else {
                vec![run(&TESTS, threads, &variables)]
            };
            for (passed, text) in runs {
                assert!(passed, "{mode}, nextest: {nextest}: {text}");
            }
        };
        run_all("record", 3);
        for test in TESTS {
            let file = directory.path().join(format!("tests/cassettes/{test}.json"));
            let text = std::fs::read_to_string(file).expect("a cassette");
            let found = TESTS.into_iter().filter(|other| text.contains(&format!("{HOST}/{other}/")));
            assert_eq!(found.collect::<Vec<_>>(), [test]);
        }
        drop(api);
        run_all("replay", 1);
    }
}

#[test]
fn a_test_that_exits() {
    let (passed, text) = run(&["that_exits"], 1, &[(DIRECTORY, ".")]);
    let message = "error: the process ended while the session of `weather/exits` was open\n   \
                   = reason: the code under test called `std::process::exit`";
    assert!(!passed && text.contains(message), "{text}");
}

/// Two tests share a client, whose only connection belongs to the first test. So a request of the second test reaches
/// the session of the first test.
#[test]
fn a_test_whose_requests_another_one_recorded() {
    if !has_own_process("ambient::statics::a_test_whose_requests_another_one_recorded") {
        return;
    }
    cryptography();
    let api = echo(Speaks::Https2);
    let url = api.url("/");
    let client = OnceLock::new();
    let (asked, answered) = (Barrier::new(2), Barrier::new(2));
    let config = || api.config().record_in_parallel();
    let (first, second) = (Project::new(), Project::new());
    let fetch = async |path: &str| {
        let client = client.get_or_init(reqwest::Client::new);
        client.get(format!("{url}{path}")).send().await.expect("an answer").text().await.expect("a text")
    };
    let text = std::thread::scope(|scope| {
        scope.spawn(|| {
            first.record(config(), &async |_: Session| {
                fetch("one").await;
                asked.wait().await;
                answered.wait().await;
            });
        });
        let second = scope.spawn(|| {
            let fails = async |_: Session| {
                asked.wait().await;
                fetch("two").await;
                answered.wait().await;
                Err::<(), _>("on purpose")
            };
            second.builder(Mode::Record, config()).run_async(fails).unwrap_err().to_string()
        });
        second.join().unwrap()
    });
    assert_eq!(first.requests(), ["one", "two"].map(|path| format!("GET {url}{path}")));
    assert!(
        text.contains(
            "note: this session recorded no interaction\n   = meanwhile: the session of `weather/berlin`"
        ),
        "{text}"
    );
}

/// The test connects only to this machine. Such connections are not intercepted.
#[test]
fn a_test_that_recorded_nothing() {
    let api = echo(Speaks::Http1);
    let address = api.address();
    let fails = async move |_: Session| {
        drop(TcpStream::connect(address).expect("a connection"));
        Err::<(), _>("on purpose")
    };
    let text = Project::new().builder(Mode::Record, api.config()).run_async(fails).unwrap_err().to_string();
    let note = "note: this session recorded no interaction\n   \
                = not recorded: 1 connection to this machine; to record them: Config::intercept_loopback()\n";
    assert!(text.contains(note), "{text}");
    let passed = Config::new().pass_through(HOST).resolve(HOST, address);
    let asks = async |_: Session| {
        super::get(format!("http://{HOST}/")).await;
        Err::<(), _>("on purpose")
    };
    let text = Project::new().builder(Mode::Record, passed).run_async(asks).unwrap_err().to_string();
    assert!(text.contains("= not recorded: 1 request to hosts that the `Config` ignores"), "{text}");
}

/// A body begins sessions inside of its own session, one after the other. None of them waits for ever.
#[test]
fn sessions_in_one_body_do_not_wait_for_each_other() {
    let api = echo(Speaks::Http1);
    let url = api.url("/");
    let [outer, first, second] = [(); 3].map(|()| Project::new());
    outer.record(api.config(), &async |_: Session| {
        super::get(format!("{url}outer")).await;
        for inner in [&first, &second] {
            let body =
                |_: Session| Ok::<_, cassette::Error>(on_own_runtime(super::get(format!("{url}inner"))));
            let recorded = std::thread::scope(|scope| {
                scope.spawn(|| inner.builder(Mode::Record, api.config()).run(body)).join().unwrap()
            });
            recorded.unwrap();
        }
    });
    assert_eq!(outer.requests(), [format!("GET {url}outer")]);
    assert_eq!([&first, &second].map(Project::requests), [(); 2].map(|()| [format!("GET {url}inner")]));
}
