//! Tests recording on a full disk, which a limit on the size of files simulates. The test fails with the reason, its
//! client gets all responses, and the old cassette stays.

#![expect(clippy::print_stdout, reason = "one process tells the other")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use cassette::__support::{self, Files};
use cassette::tape::Cassette;
use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, get};
use crate::project::NAME;

/// Sends a request for each number in `lengths`. The number is the length of the response body.
async fn ask(session: Session, lengths: &str) -> cassette::Result<()> {
    let http = session.client()?;
    for length in lengths.split(',') {
        let seen = get(&http, &format!("http://{HOST}/{length}")).await;
        assert_eq!((seen.status, seen.body.len().to_string()), (200, length.to_owned()), "{:?}", seen.cut);
    }
    Ok(())
}

/// This test is the child process with the full disk: the other tests start this executable again, and let it run only
/// this test.
#[test]
fn the_process_without_room() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(dir), Some(upstream)) = (variable("FULL_DIR"), variable("FULL_UPSTREAM")) else { return };
    let lengths = variable("FULL_LENGTHS").unwrap();
    let config = Config::new().resolve(HOST, upstream.parse().unwrap());
    let session = Session::builder(NAME).package_dir(dir).config(config).mode(Mode::Record);
    let ended = session.run_async(async |session| ask(session, &lengths).await);
    println!("\nended: {}", ended.map_or_else(|e| e.to_string(), |_| "passed".into()));
}

/// Records in a process whose files are limited to 64 KiB. Returns the output of its session.
fn record(dir: &Path, api: &Api, lengths: &str) -> String {
    // The process ignores the signal `XFSZ`, so a write beyond the limit returns an error, as on a full disk.
    let limited = "trap '' XFSZ && ulimit -f 128 && exec \"$0\" --exact disk_full::the_process_without_room --nocapture";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env("FULL_DIR", dir)
        .env("FULL_UPSTREAM", api.address().to_string())
        .env("FULL_LENGTHS", lengths)
        .env("CARGO_TARGET_DIR", dir.join("target"))
        .env_remove("CASSETTE_MODE")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((_, ended)) = text.split_once("ended: ") else { panic!("{output:?}") };
    ended.to_owned()
}

/// The folder to which cassette moves the recording of this test if the test fails.
const KEPT: &str = "target/cassette/weather/berlin/recording";

fn files(dir: &Path, cassettes: &str) -> Files {
    Files::new(dir.join(cassettes), &NAME.parse().unwrap())
}

fn lengths(dir: &Path, cassettes: &str) -> Vec<String> {
    let cassette = Cassette::open(files(dir, cassettes).document()).unwrap();
    let path = |uri: String| uri.rsplit_once('/').unwrap().1.to_owned();
    (0..cassette.len()).map(|i| path(cassette.request(i).unwrap().uri)).collect()
}

/// All files in the folder of the cassette.
fn everything(dir: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let folder = files(dir, "tests/cassettes").document();
    let entries = fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap_or_default())).collect()
}

#[cfg(unix)]
#[test]
fn a_recording_that_has_no_room() {
    let api = Api::start(Speaks::Http1, |request| {
        let length: usize = request.uri().path()[1..].parse().unwrap();
        answer(200, &[("content-type", "text/plain")], "x".repeat(length))
    });
    let dir = tempfile::tempdir().unwrap();
    assert!(record(dir.path(), &api, "1,2").starts_with("passed"));

    let before = everything(dir.path());
    let untouched = || {
        assert_eq!(lengths(dir.path(), "tests/cassettes"), ["1", "2"]);
        assert!(everything(dir.path()) == before, "{:?}", everything(dir.path()).keys());
    };

    // The body file is larger than the limit. The interaction is not recorded, and the test fails.
    let message = record(dir.path(), &api, "3,200000");
    assert!(
        message.contains("could not record the response to GET http://api.example.test/200000"),
        "{message}"
    );
    assert!(message.contains("berlin.bodies.recording") && message.contains("File too large"), "{message}");
    assert_eq!(lengths(dir.path(), KEPT), ["3"]);
    untouched();

    // The journal reaches the limit. The interactions that it contains until then are kept.
    let message = record(dir.path(), &api, "4,20000,20001,20002,20003,5");
    assert!(message.contains("could not write the journal of the recording"), "{message}");
    assert!(message.contains("berlin.json.recording") && message.contains("File too large"), "{message}");
    assert_eq!(lengths(dir.path(), KEPT), ["4", "20000", "20001", "20002", "5"]);
    untouched();

    // The journal is smaller than the limit, but the document, which is longer, is not. The journal stays, so that
    // `recover` can finish the recording later.
    let message = record(dir.path(), &api, &["30"; 200].join(","));
    assert!(message.contains("could not write the new cassette"), "{message}");
    assert!(message.contains("berlin.json.new.recording") && message.contains("File too large"), "{message}");
    assert_eq!(lengths(dir.path(), "tests/cassettes"), ["1", "2"]);
    assert_eq!(__support::recover(&files(dir.path(), "tests/cassettes")).unwrap().interactions, 200);
    assert_eq!(lengths(dir.path(), "tests/cassettes"), ["30"; 200]);
}
