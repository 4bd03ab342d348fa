//! Tests many parallel tasks in one session. Each task gets the responses to its own requests, and the cassette has the
//! interactions in the order of the requests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cassette::{Config, Session};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::api::{Api, Speaks, answer, get};
use crate::project::{Project, response};
use crate::size::sized;

const TASKS: usize = 64;
const EQUAL_REQUESTS: usize = 20;

/// Starts many tasks, and checks that each task gets the responses to its own requests.
async fn storm(session: Session, base: &str, requests: usize) -> usize {
    let http = session.client().unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (http, base) = (http.clone(), base.to_owned());
        tasks.spawn(async move {
            for n in 0..requests {
                let path = format!("/{task}/{n}");
                let seen = get(&http, &format!("{base}{path}")).await;
                assert_eq!((seen.status, &seen.body[..]), (200, path.as_bytes()));
            }
            requests
        });
    }
    tasks.join_all().await.into_iter().sum()
}

#[test]
fn thousands_of_requests_at_once() {
    for (speaks, requests) in [(Speaks::Http1, sized(10, 50)), (Speaks::Https2, sized(20, 200))] {
        let api = Api::start(speaks, |request| answer(200, &[], request.uri().path().to_owned()));
        let base = api.url("");
        let (project, count) = Project::both(api, async |session| storm(session, &base, requests).await);
        assert_eq!(count, TASKS * requests);
        let recorded = project.interactions();
        assert_eq!(recorded.len(), TASKS * requests);
        let mut seen = BTreeSet::new();
        for interaction in &recorded {
            let cassette::tape::Content::Inline(body) = &response(interaction).body.content else { panic!() };
            assert!(interaction.request.uri.as_bytes().ends_with(body), "{interaction:?}");
            assert!(seen.insert(interaction.request.uri.clone()), "{} twice", interaction.request.uri);
        }
    }
}

#[test]
fn equal_requests_at_once_share_no_answer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let api = Api::start(Speaks::Https2, move |_| {
        answer(200, &[], count.fetch_add(1, Ordering::SeqCst).to_string())
    });
    let url = api.url("/next");
    let (project, numbers) = Project::both(api, async |session| {
        let http = session.client().unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (http, url) = (http.clone(), url.clone());
            tasks.spawn(async move {
                let mut bodies = Vec::new();
                for _ in 0..EQUAL_REQUESTS {
                    bodies.push(get(&http, &url).await.body);
                }
                bodies
            });
        }
        tasks.join_all().await.into_iter().flatten().collect::<BTreeSet<_>>()
    });
    assert_eq!(numbers.len(), TASKS * EQUAL_REQUESTS, "two got one answer");
    assert_eq!(project.interactions().len(), TASKS * EQUAL_REQUESTS);
}

/// The server responds to the first request after all others.
#[test]
fn the_cassette_is_in_the_order_of_asking() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let answered = Arc::new(Notify::new());
    let go = answered.clone();
    let api = Api::streaming(Speaks::Https1, move |request| {
        let (path, arrived, answered) = (request.uri().path().to_owned(), arrived.clone(), answered.clone());
        async move {
            arrived.send(()).unwrap();
            if path == "/first" {
                answered.notified().await;
            }
            answer(200, &[], path)
        }
    });
    let (config, urls) = (api.config(), ["/first", "/second", "/third"].map(|path| api.url(path)));
    let project = Project::new();
    let recorded = project.builder(cassette::Mode::Record, config.clone()).run_async(|session| async move {
        let http = session.client()?;
        let first = tokio::spawn(http.get(&urls[0]).send());
        arrivals.recv().await;
        get(&http, &urls[1]).await;
        get(&http, &urls[2]).await;
        go.notify_one();
        first.await??.bytes().await?;
        Ok::<_, cassette::TestError>(())
    });
    recorded.unwrap();
    let asked = project.requests();
    assert!(
        asked[0].ends_with("/first") && asked[1].ends_with("/second") && asked[2].ends_with("/third"),
        "{asked:?}"
    );
    drop(api);
    // A replay accepts the requests in any order.
    project.replay(config, &async |session: Session| {
        for path in ["third", "first", "second"] {
            let seen = get(&session.client().unwrap(), &format!("https://api.example.test/{path}")).await;
            assert_eq!(seen.body, format!("/{path}"));
        }
    });
}

/// The order of concurrent requests is a matter of chance. If they are recorded again in another order, the cassette
/// stays unchanged. The order of requests that were sent one after the other is not a matter of chance. If it changes,
/// the cassette changes.
#[test]
fn recording_again_keeps_the_order_of_concurrent_requests() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let may_answer = Arc::new(Semaphore::new(0));
    let go = may_answer.clone();
    let api = Api::streaming(Speaks::Http1, move |request| {
        let (path, arrived) = (request.uri().path().to_owned(), arrived.clone());
        let may_answer = may_answer.clone();
        async move {
            arrived.send(()).unwrap();
            if path.starts_with("/at-once") {
                may_answer.acquire().await.unwrap().forget();
            }
            answer(200, &[], path)
        }
    });
    let (config, project) = (api.config(), Project::new());
    // Sends the requests in this order. The server answers the requests below `/at-once` together, at the end.
    let mut record = |paths: [&str; 3]| {
        let urls = paths.map(|path| api.url(path));
        let (arrivals, go) = (&mut arrivals, &go);
        let recorded = project.builder(cassette::Mode::Record, config.clone()).run_async(async |session| {
            let http = session.client()?;
            let mut waiting = JoinSet::new();
            for url in urls {
                let at_once = url.contains("/at-once");
                let sent = http.get(&url).send();
                waiting.spawn(async move { sent.await.unwrap().bytes().await.unwrap() });
                arrivals.recv().await;
                if !at_once {
                    waiting.join_next().await.unwrap()?;
                }
            }
            go.add_permits(waiting.len());
            waiting.join_all().await;
            Ok::<_, cassette::TestError>(())
        });
        (recorded.unwrap().1, project.requests())
    };
    let at_once = ["/at-once/1", "/at-once/2", "/at-once/3"];
    let (_, first) = record(at_once);
    for order in [[2, 0, 1], [1, 2, 0], [2, 1, 0]] {
        let (summary, again) = record(order.map(|i| at_once[i]));
        assert_eq!(first, again);
        assert!(!summary.changed);
    }
    let (_, first) = record(["/1", "/2", "/3"]);
    let (summary, again) = record(["/2", "/1", "/3"]);
    assert!(summary.changed);
    assert_eq!([&first[1], &first[0], &first[2]], [&again[0], &again[1], &again[2]]);
}

/// Parallel sessions in one process, each with its own cassette.
#[test]
fn parallel_sessions_do_not_mix() {
    let api = Api::start(Speaks::Https1, |request| answer(200, &[], request.uri().path().to_owned()));
    let dir = tempfile::tempdir().unwrap();
    let run = |mode, config: &Config| {
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (url, dir, config) = (api.url(&format!("/{n}")), dir.path(), config.clone());
                scope.spawn(move || {
                    let session =
                        Session::builder(format!("many/{n}")).package_dir(dir).config(config).mode(mode);
                    let (body, summary) = session
                        .run_async(|session| async move {
                            Ok::<_, cassette::TestError>(get(&session.client()?, &url).await.body)
                        })
                        .unwrap();
                    assert_eq!((body, summary.interactions), (format!("/{n}").into(), 1));
                });
            }
        });
    };
    // Each session has its own client, so the sessions may record in parallel.
    run(cassette::Mode::Record, &api.config().record_in_parallel());
    let connections = api.connections();
    assert!(connections > 0);
    run(cassette::Mode::Replay, &api.config());
    assert_eq!(api.connections(), connections, "a replay connected to the server");
}

/// Parallel sessions hold references to each other, so a session can stay in memory after it has ended. Its cassette
/// must be usable again anyway.
#[test]
fn a_cassette_is_free_once_its_session_has_ended() {
    let project = Project::new();
    let held = project.record(Config::new(), &async |session: Session| session);
    project.replay(Config::new(), &async |_: Session| ());
    assert_eq!(held.name(), "weather/berlin");
}
