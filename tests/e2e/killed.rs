//! Kills a recording process at random moments. After each kill, the old or the new cassette must be complete. If there
//! is a journal, `recover` must make a cassette of it that contains every finished interaction.
//!
//! An interaction is finished when the client has read the whole response. The process then prints a line.

#![expect(clippy::print_stdout, reason = "the seed of a failed run")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use bytes::Bytes;
use cassette::__support::{self, Files};
use cassette::tape::{self, Cassette, Interaction};
use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::{NAME, response};
use crate::size::sized;

const TASKS: usize = 4;
const REQUESTS: usize = 6;

/// The body of the request for a path, and also of the response. Some bodies are in the document. Long bodies are in
/// body files, and two responses share a body file.
fn body(path: &str) -> Bytes {
    let (_, number) = path.rsplit_once('/').unwrap();
    let number: usize = number.parse().unwrap();
    let length = if number.is_multiple_of(3) { 150_000 } else { 500 };
    (0..length).map(|at| (at * (number + 3) % 251) as u8).collect()
}

/// This test is the child process that is killed: the other test starts this executable again, and lets it run only
/// this test.
#[test]
fn the_recording_process() {
    let (Ok(dir), Ok(upstream)) = (std::env::var("KILLED_DIR"), std::env::var("KILLED_UPSTREAM")) else {
        return;
    };
    let say = |what: &str| {
        let mut out = std::io::stdout();
        out.write_all(format!("\n{what}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
    };
    let config = Config::new().resolve(HOST, upstream.parse().unwrap());
    let session = Session::builder(NAME).package_dir(dir).config(config).mode(Mode::Record);
    let recorded = session.run_async(|session| async move {
        let http = session.client()?;
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let http = http.clone();
            tasks.spawn(async move {
                for n in 0..REQUESTS {
                    let path = format!("/{task}/{n}");
                    let request = match n % 2 {
                        0 => http.get(format!("http://{HOST}{path}")),
                        _ => http.post(format!("http://{HOST}{path}")).body(body(&path)),
                    };
                    let seen = see(request.send().await.unwrap()).await;
                    assert!(seen.body == body(&path) && !seen.cut);
                    say(&format!("finished {path}"));
                }
            });
        }
        tasks.join_all().await;
        say("ending");
        Ok::<_, cassette::TestError>(())
    });
    recorded.unwrap();
    say("ended");
}

/// When to kill the process: after it has finished `finished` interactions, or all of them, and then a delay of `spins`
/// rounds of a loop.
#[derive(Debug)]
struct Moment {
    finished: usize,
    spins: u64,
}

/// Returns the next pseudorandom number (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Moment {
    fn random(state: &mut u64) -> Moment {
        let all = (TASKS * REQUESTS) as u64;
        // In a third of the rounds all interactions are finished, so the kill comes about when the process installs the
        // recording.
        let finished = (random(state) % (all * 3 / 2)).min(all) as usize;
        let spins = random(state) % if finished < all as usize { 20_000 } else { 400_000 };
        Moment { finished, spins }
    }
}

/// Runs the recording process and kills it. Returns the paths of the interactions that it reported as finished.
fn kill(dir: &Path, api: &Api, moment: &Moment) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::the_recording_process", "--nocapture"])
        .env("KILLED_DIR", dir)
        .env("KILLED_UPSTREAM", api.address().to_string())
        .env_remove("CASSETTE_MODE")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut finished, mut begun) = (Vec::new(), false);
    let mut read = |finished: &mut Vec<String>| {
        let line = lines.next().transpose().unwrap()?;
        finished.extend(line.strip_prefix("finished ").map(str::to_owned));
        Some(line)
    };
    while finished.len() < moment.finished || !begun {
        let line = read(&mut finished).expect("the recording process ended by itself");
        begun |= line.contains("running 1 test");
    }
    while moment.finished == TASKS * REQUESTS
        && read(&mut finished).expect("it prints a line at its end") != "ending"
    {}
    for _ in 0..moment.spins {
        std::hint::spin_loop();
    }
    // On Unix this sends SIGKILL, so the process runs no further code.
    child.kill().unwrap();
    // Reads the rest of the lines that the process printed before it died.
    while read(&mut finished).is_some() {}
    child.wait().unwrap();
    finished
}

fn files(dir: &Path) -> Files {
    Files::new(dir.join("tests/cassettes"), &NAME.parse().unwrap())
}

/// Returns the paths of all interactions of the cassette, in order. Checks every byte of the bodies.
fn read(dir: &Path) -> Vec<String> {
    let cassette = Cassette::open(files(dir).document()).unwrap();
    let whole = |interaction: &Interaction| {
        let path = interaction.request.uri.strip_prefix(&format!("http://{HOST}")).unwrap().to_owned();
        let bytes = |of: &tape::Body| -> Vec<u8> {
            cassette.body_reader(of).unwrap().flat_map(|chunk| chunk.unwrap()).collect()
        };
        assert!(bytes(&response(interaction).body) == body(&path), "the answer to {path}");
        assert_eq!(response(interaction).cut, None, "{path}");
        let sent = bytes(&interaction.request.body);
        assert!(sent.is_empty() == (interaction.request.method == "GET"), "the request to {path}");
        assert!(sent.is_empty() || sent == body(&path), "the request to {path}");
        path
    };
    (0..cassette.len()).map(|i| whole(&cassette.interaction(i).unwrap())).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() { copy(&path, &to) } else { _ = fs::copy(path, to).unwrap() }
    }
}

/// Records the cassette that exists before the kill. It has one interaction, with a long body.
fn old(dir: &Path, api: &Api) {
    let url = api.url("/9/0");
    let session = Session::builder(NAME).package_dir(dir).config(api.config()).mode(Mode::Record);
    let get = |session: Session| async move {
        let seen = see(session.client()?.get(&url).send().await?).await;
        assert_eq!(seen.status, 200);
        Ok::<_, cassette::TestError>(())
    };
    session.run_async(get).unwrap();
}

/// What a kill left. The test counts these states, and prints the numbers at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    NothingBegun,
    Journal,
    Installed,
}

#[track_caller]
fn check(dir: &Path, before: &[u8], mut finished: Vec<String>) -> Found {
    let replaced = fs::read(files(dir).document()).unwrap() != before;
    let there = read(dir);
    if !replaced {
        assert_eq!(there, ["/9/0"], "the old cassette");
    }
    let left = files(dir).left_behind();
    let found = match left.as_slice() {
        [] if replaced => Found::Installed,
        [] => Found::NothingBegun,
        [left] => match __support::recover(left) {
            Ok(_) => Found::Journal,
            Err(e) => {
                assert!(
                    e.to_string()
                        .ends_with("the recording is empty: it broke off before its first line was complete"),
                    "{e}"
                );
                Found::NothingBegun
            }
        },
        more => panic!("{more:?}"),
    };
    if found == Found::NothingBegun {
        assert_eq!(finished, [""; 0], "lost");
        return found;
    }
    let recorded = read(dir);
    if replaced {
        assert_eq!(recorded, there, "it was installed already");
    }
    let litter: Vec<_> = fs::read_dir(files(dir).document().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".recording") && name != "berlin.lock.recording")
        .collect();
    assert!(found == Found::Installed || litter.is_empty(), "{litter:?}");
    // Each task sends its requests one after the other. So in the cassette, the numbers of a task must increase, and no
    // number may occur twice.
    let mut tasks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in &recorded {
        let (task, number) = path.rsplit_once('/').unwrap();
        tasks.entry(task).or_default().push(number);
    }
    for (task, numbers) in tasks {
        assert!(numbers.is_sorted_by(|a, b| a < b), "{task}: {numbers:?}");
    }
    finished.retain(|path| !recorded.contains(path));
    assert!(finished.is_empty(), "lost: {finished:?}");
    found
}

#[test]
fn a_killed_recording_loses_nothing_that_was_finished() {
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = std::env::var("KILLED_SEED").map_or(seed, |seed| seed.parse().unwrap());
    println!("again with KILLED_SEED={seed}");
    let api = Api::start(Speaks::Http1, |request| {
        let path = request.uri().path();
        let whole = request.body().is_empty() || *request.body() == body(path);
        answer(if whole { 200 } else { 400 }, &[], body(path))
    });
    let first = tempfile::tempdir().unwrap();
    old(first.path(), &api);
    let before = fs::read(files(first.path()).document()).unwrap();
    let mut state = seed;
    let mut account: BTreeMap<Found, usize> = BTreeMap::new();
    for round in 0..sized(16, 50) {
        let moment = Moment::random(&mut state);
        println!("round {round}: {moment:?}");
        let dir = tempfile::tempdir().unwrap();
        copy(first.path(), dir.path());
        let finished = kill(dir.path(), &api, &moment);
        *account.entry(check(dir.path(), &before, finished)).or_default() += 1;
    }
    println!("{account:?}");
    assert!(account[&Found::Journal] > sized(1, 5), "{account:?}");
}
