//! Tests the time that the code under test sees. Each of these tests also passes if it is the only test of its process.

use std::sync::mpsc;
use std::sync::{Arc, Barrier, Condvar, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cassette::{Config, Mode, Session, cassette_test};

use crate::project::Project;

/// 2001-01-01T00:00:00Z.
const PAST: u64 = 978_307_200;
/// 2038-01-19T03:14:08Z.
const FUTURE: u64 = 2_147_483_648;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The time of this thread. Checks first that all functions that read the time agree.
#[track_caller]
fn now() -> SystemTime {
    let now = SystemTime::now();
    assert_eq!(SystemTime::from(chrono::Utc::now()), now, "chrono");
    assert_eq!(SystemTime::from(time::OffsetDateTime::now_utc()), now, "time");
    assert_eq!(SystemTime::from(jiff::Timestamp::now()), now, "jiff");
    assert_eq!(jiff::Zoned::now().timestamp(), jiff::Timestamp::now(), "jiff's zoned");
    now
}

/// A place where two tests with different frozen times wait for each other. So if both tests run in this process, they
/// run at the same time.
static MEETING: LazyLock<Meeting> = LazyLock::new(Meeting::default);

#[derive(Default)]
struct Meeting {
    seen: Mutex<[usize; 2]>,
    changed: Condvar,
}

/// How often the two tests wait for each other.
const MEETINGS: usize = 3;

impl Meeting {
    /// Waits until the other test has called this function as often as this test. `me` is the index of this test.
    /// Returns at once if the other test does not run in this process, as under nextest or with a filter. Also returns
    /// at once if the tests run one after the other, as with one test thread.
    fn meet(&self, me: usize) {
        let mut seen = self.seen.lock().unwrap();
        seen[me] += 1;
        self.changed.notify_all();
        let patience = Duration::from_secs(if together() { 60 } else { 0 });
        let waiting = |seen: &mut [usize; 2]| seen[1 - me] < seen[me];
        let (_seen, out) = self.changed.wait_timeout_while(seen, patience, waiting).unwrap();
        assert!(!(together() && out.timed_out()), "the other test did not come");
    }
}

/// Whether it is certain that the two tests run in this process at the same time. That is the case without nextest,
/// without a filter, and with several test threads.
fn together() -> bool {
    let plain = std::env::args().len() == 1;
    let threads = std::env::var("RUST_TEST_THREADS").map_or(true, |n| n != "1");
    plain
        && threads
        && std::env::var_os("NEXTEST").is_none()
        && thread::available_parallelism().is_ok_and(|n| n.get() > 1)
}

/// Reads the time repeatedly, on every kind of thread that a test may start.
fn every_thread_sees(expected: SystemTime, meet: impl Fn()) {
    let check = move || assert_eq!(now(), expected, "{:?}", thread::current().name());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for _ in 0..MEETINGS {
        meet();
        check();
        thread::scope(|scope| {
            scope.spawn(move || {
                check();
                thread::spawn(check).join().unwrap();
            });
        });
        runtime.block_on(async {
            let tasks: Vec<_> = (0..16).map(|_| tokio::spawn(async move { check() })).collect();
            for task in tasks {
                task.await.unwrap();
            }
            tokio::task::spawn_blocking(check).await.unwrap();
        });
        pool.broadcast(|_| check());
        pool.join(check, check);
    }
}

#[cassette_test("clocks/past", mode = "off", freeze = "2001-01-01T00:00:00Z")]
fn frozen_in_the_past(session: Session) {
    assert_eq!(session.clock().now(), at(PAST));
    every_thread_sees(at(PAST), || MEETING.meet(0));
}

#[cassette_test("clocks/future", mode = "off", freeze = "2038-01-19T03:14:08Z")]
fn frozen_in_the_future(session: Session) {
    assert_eq!(session.clock().now(), at(FUTURE));
    every_thread_sees(at(FUTURE), || MEETING.meet(1));
}

/// Two sessions with different frozen times, without the attribute. They always run at the same time.
#[test]
fn two_sessions_at_once() {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        for seconds in [PAST, FUTURE] {
            let meet = || _ = barrier.wait();
            scope.spawn(move || {
                let project = Project::new();
                let session = project.builder(Mode::Off, Config::new()).freeze(at(seconds));
                let body = |_| {
                    every_thread_sees(at(seconds), meet);
                    Ok::<_, cassette::Error>(())
                };
                session.run(body).unwrap();
            });
        }
    });
}

#[cassette_test("clocks/timers", mode = "off", freeze = "2001-01-01T00:00:00Z")]
async fn timers_run_on() {
    let (began, frozen) = (Instant::now(), now());
    tokio::time::sleep(Duration::from_millis(5)).await;
    let late = tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
    assert!(late.is_err());
    thread::sleep(Duration::from_millis(5));
    assert!(began.elapsed() >= Duration::from_millis(15));
    assert_eq!(now(), frozen);
}

#[cassette_test("clocks/moved", mode = "off", freeze = "2001-01-01T00:00:00Z")]
async fn the_clock_is_moved_for_all_threads(session: Session) {
    session.clock().advance(Duration::from_millis(1_500)).unwrap();
    let moved = at(PAST) + Duration::from_millis(1_500);
    assert_eq!(now(), moved);
    assert_eq!(tokio::task::spawn_blocking(now).await.unwrap(), moved);
    session.clock().set(at(FUTURE)).unwrap();
    assert_eq!(thread::spawn(now).join().unwrap(), at(FUTURE));
}

#[test]
fn a_replay_is_frozen_at_the_time_of_the_recording() {
    let project = Project::new();
    let before = SystemTime::now();
    let read = |session: Session| {
        let (clock, first) = (session.clock().now(), now());
        thread::sleep(Duration::from_millis(2));
        assert_eq!((clock, thread::spawn(now).join().unwrap()), (first, first));
        Ok::<_, cassette::Error>(first)
    };
    let (recorded, _) = project.builder(Mode::Record, Config::new()).run(read).unwrap();
    assert!(before <= recorded && recorded <= SystemTime::now());
    let (replayed, _) = project.builder(Mode::Replay, Config::new()).run(read).unwrap();
    assert_eq!(replayed, recorded);
    // The time from the configuration has priority over the time on the cassette. The time from the builder has
    // priority over these two.
    let (frozen, _) = project.builder(Mode::Replay, Config::new().freeze(at(FUTURE))).run(read).unwrap();
    assert_eq!(frozen, at(FUTURE));
    let both = project.builder(Mode::Replay, Config::new().freeze(at(FUTURE))).freeze(at(PAST));
    assert_eq!(both.run(read).unwrap().0, at(PAST));
}

#[test]
fn recorded_at_an_instant_of_choice() {
    let project = Project::new();
    let read = |_: Session| Ok::<_, cassette::Error>(now());
    let (recorded, _) = project.builder(Mode::Record, Config::new().freeze(at(PAST))).run(read).unwrap();
    assert_eq!(recorded, at(PAST));
    assert!(project.text().contains("\"freeze_time\": \"2001-01-01T00:00:00Z\""), "{}", project.text());
    assert_eq!(project.builder(Mode::Replay, Config::new()).run(read).unwrap().0, at(PAST));
}

#[test]
fn outside_of_sessions_time_is_real() {
    // In a process with other tests, one of their sessions would adopt the thread that outlives its session.
    if !crate::alone::has_own_process("clocks::outside_of_sessions_time_is_real") {
        return;
    }
    let project = Project::new();
    let (sender, mut receiver) = mpsc::channel();
    let over = Arc::new(Barrier::new(2));
    let (is_over, inside) = (over.clone(), &mut receiver);
    let session = project.builder(Mode::Off, Config::new()).freeze(at(PAST));
    let run = session.run(move |_| {
        // This thread outlives its session.
        thread::spawn(move || {
            sender.send(now()).unwrap();
            is_over.wait();
            sender.send(SystemTime::now()).unwrap();
        });
        assert_eq!(inside.recv().unwrap(), at(PAST));
        Ok::<_, cassette::Error>(())
    });
    run.unwrap();
    assert!(SystemTime::now() > at(PAST));
    over.wait();
    assert!(receiver.recv().unwrap() > at(PAST));
}
