//! Tests a client in a `static` that two tests use. Each test gets the responses of its own cassette, or both tests
//! fail and their reports name the cause.

use std::sync::{Arc, LazyLock, OnceLock};

use cassette::{Config, Mode, Session};
use reqwest::Client;
use tokio::sync::Barrier;

use super::{cryptography, echo, get};
use crate::alone::has_own_process;
use crate::api::{HOST, Speaks};
use crate::project::Project;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    cryptography();
    Client::new()
});

async fn ask(client: &Client, path: &str) -> String {
    let response = client.get(format!("https://{HOST}/{path}")).send().await.expect("an answer");
    format!("{} {}", response.status().as_u16(), response.text().await.expect("a text"))
}

fn recorded(path: &str) -> Project {
    let api = echo(Speaks::Https2);
    let project = Project::new();
    let url = api.url(&format!("/{path}"));
    project.record(api.config(), &async |_: Session| get(url.clone()).await);
    project
}

#[test]
fn one_test_after_the_other() {
    let (one, two) = (recorded("one"), recorded("two"));
    for _ in 0..2 {
        assert_eq!(one.replay(Config::new(), &async |_: Session| ask(&CLIENT, "one").await), "200 /one");
        assert_eq!(two.replay(Config::new(), &async |_: Session| ask(&CLIENT, "two").await), "200 /two");
    }
}

const LIKELY: &str = "likely cause: a client or a runtime in a `static`";

/// Runs two tests in parallel that share one client. The first test opens a connection, and the client's pool keeps it.
/// The second test sends its request on this connection. Returns the two failures.
fn at_once(path: &str, first_ends_first: bool) -> [String; 2] {
    // Each call of this function needs a new client, because the pool of an old client may have connections of an
    // earlier call. The first test builds the client. A client that is built outside of a session would not trust the
    // session's certificate.
    let client = OnceLock::new();
    let (asked, answered) = (Barrier::new(2), Barrier::new(2));
    let (first, second) = (recorded("one"), recorded(path));
    let ended = Arc::new(std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            let outcome = first.run(Mode::Replay, Config::new(), &async |_: Session| {
                assert_eq!(ask(client.get_or_init(Client::new), "one").await, "200 /one");
                asked.wait().await;
                answered.wait().await;
                if !first_ends_first {
                    ended.wait();
                }
            });
            if first_ends_first {
                ended.wait();
            }
            outcome.err().map_or("passed".into(), |e| e.to_string())
        });
        let two = scope.spawn(|| {
            let outcome = second.run(Mode::Replay, Config::new(), &async |_: Session| {
                asked.wait().await;
                let answer = ask(client.get_or_init(Client::new), path).await;
                assert!(answer.starts_with("470"), "{answer}");
                answered.wait().await;
                if first_ends_first {
                    ended.wait();
                }
            });
            if !first_ends_first {
                ended.wait();
            }
            outcome.err().map_or("passed".into(), |e| e.to_string())
        });
        [one.join().unwrap(), two.join().unwrap()]
    })
}

#[test]
fn two_tests_at_once() {
    cryptography();
    for path in ["two", "one"] {
        for first_ends_first in [true, false] {
            let [one, two] = at_once(path, first_ends_first);
            assert!(
                one.contains(
                    "note: this session got a request that is recorded on the cassette `weather/berlin`"
                ),
                "{one}"
            );
            let message =
                "note: the session of `weather/berlin` got a request that is recorded on this cassette";
            assert!(two.contains(message), "{two}");
            for text in [one, two] {
                assert!(
                    text.contains(&format!("GET https://{HOST}/{path}")) && text.contains(LIKELY),
                    "{text}"
                );
            }
        }
    }
}

/// Two tests run in parallel and share no client. One of them sends a request that only the other test has recorded, or
/// fails before its first request. Its report must not name a shared client as the cause.
#[test]
fn a_test_that_fails_by_itself_beside_another() {
    cryptography();
    let asks = async |_: Session| _ = ask(&Client::new(), "items").await;
    let returns = async |_| Err::<(), _>(std::io::Error::other("before the first request"));
    for asked_there_first in [true, false] {
        let (changed, other) = (recorded("items?limit=1"), recorded("items"));
        let fails = |body: &(dyn Fn() -> Option<cassette::Failure> + Sync), with: &str| {
            let failed = std::thread::scope(|scope| scope.spawn(body).join().unwrap());
            let text = failed.expect("a failure").to_string();
            let blamed = text.contains("got a request that");
            assert!(text.contains(with) && !blamed, "{text}");
        };
        other.replay(Config::new(), &async |s: Session| {
            if asked_there_first {
                asks(s.clone()).await;
            }
            fails(&|| changed.run(Mode::Replay, Config::new(), &asks).err(), "query `limit`");
            fails(
                &|| changed.builder(Mode::Replay, Config::new()).run_async(returns).err(),
                "before the first request",
            );
            if !asked_there_first {
                asks(s).await;
            }
        });
    }
}

/// The thread of a blocking client belongs to the first test until this test ends. Then it belongs to the session that
/// is open, if there is only one. If two sessions are open, cassette refuses the connection. The test runs in a
/// separate process, because the reports of parallel tests would have a note about the refused connection.
#[test]
fn a_blocking_client_in_the_test_after() {
    if std::env::var_os("NEXTEST_EXECUTION_MODE").is_some() {
        // Under nextest, each test has a process of its own, and cassette assigns the thread to the open session of
        // this test. So it refuses no connection.
        return;
    }
    if !has_own_process("ambient::shared::a_blocking_client_in_the_test_after") {
        return;
    }
    let (one, two, three) = (recorded("one"), recorded("two"), recorded("three"));
    // The client has no pool of connections. Otherwise it could use an old connection in the second test, which may
    // break off, and would not open a new one.
    static BLOCKING: LazyLock<reqwest::blocking::Client> = LazyLock::new(|| {
        reqwest::blocking::Client::builder().pool_max_idle_per_host(0).build().expect("a client")
    });
    let ask = |path: &str| {
        let url = format!("https://{HOST}/{path}");
        let asked = std::thread::spawn(move || BLOCKING.get(url).send().map(|r| r.status().as_u16()));
        asked.join().unwrap().map_err(|_| "refused")
    };
    cryptography();
    for (project, path) in [(&one, "one"), (&two, "two")] {
        assert_eq!(project.replay(Config::new(), &async |_: Session| ask(path)), Ok(200));
    }
    one.replay(Config::new(), &async |_: Session| {
        let asks = |_: Session| {
            assert_eq!(ask("three"), Err("refused"));
            Ok::<_, cassette::Error>(())
        };
        let failed = std::thread::scope(|scope| {
            scope.spawn(|| three.builder(Mode::Replay, Config::new()).run(asks)).join().unwrap()
        });
        let text = failed.err().unwrap().to_string();
        let message = format!(
            "note: during this test cassette refused a connection to {HOST}:443: the test of its thread had ended"
        );
        assert!(text.contains(&message) && text.contains(LIKELY), "{text}");
        get(format!("https://{HOST}/one")).await
    });
}
