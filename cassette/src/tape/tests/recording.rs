//! Recordings that succeed, that fail, and that break off.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use super::*;

fn uris(cassette: &Cassette) -> Vec<String> {
    (0..cassette.len()).map(|i| cassette.request(i).unwrap().uri).collect()
}

fn long(n: u8) -> Vec<u8> {
    vec![n; 1000]
}

#[test]
fn order_is_by_request() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), options(64)).unwrap();
    for (order, n) in [(5, 0), (1, 1), (3, 2), (1, 3)] {
        journal.append(order, &exchange(n, Body::default())).unwrap();
    }
    install(&journal);
    let numbers = uris(&Cassette::open_files(&dir.files()).unwrap());
    assert_eq!(numbers, ["1", "3", "2", "0"].map(|n| format!("https://api.example.com/{n}")));
}

#[test]
fn any_thread_may_append() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), options(64)).unwrap();
    std::thread::scope(|s| {
        for t in 0..8 {
            let journal = &journal;
            s.spawn(move || {
                for i in 0..50 {
                    let n = t * 50 + i;
                    let body = body(journal, "text/plain", format!("{n}").repeat(1 + n % 40).as_bytes());
                    journal.append(n as u64, &exchange(n, body)).unwrap();
                }
            });
        }
    });
    install(&journal);
    let cassette = Cassette::open_files(&dir.files()).unwrap();
    assert_eq!(cassette.len(), 400);
    for n in 0..400 {
        let interaction = cassette.interaction(n).unwrap();
        assert_eq!(interaction.request.uri, format!("https://api.example.com/{n}"));
        let bytes = read(&cassette, &response_of(&interaction).body).unwrap();
        assert_eq!(bytes, format!("{n}").repeat(1 + n % 40).as_bytes());
    }
}

#[test]
fn a_crash_loses_no_whole_line() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), options(64)).unwrap();
    let metadata = journal.metadata().clone();
    for n in 0..3 {
        let body = body(&journal, "text/plain", if n == 1 { &[b'x'; 100] } else { b"short" });
        journal.append(n as u64, &exchange(n, body)).unwrap();
    }
    drop(journal);
    let whole = fs::read(dir.files().journal()).unwrap();
    for cut in 0..=whole.len() {
        fs::write(dir.files().journal(), &whole[..cut]).unwrap();
        let lines = whole[..cut].iter().filter(|b| **b == b'\n').count();
        let Ok(journal) = Journal::recover(&dir.files()) else {
            assert_eq!(lines, 0, "cut at {cut}");
            continue;
        };
        assert_eq!(journal.len(), lines - 1, "cut at {cut}");
        assert_eq!(journal.metadata(), &metadata);
        // The recovered recording can be continued, and recovered again.
        journal.append(9, &exchange(9, Body::default())).unwrap();
        drop(journal);
        let journal = Journal::recover(&dir.files()).unwrap();
        let prepared = journal.prepare(metadata.clone()).unwrap();
        let new =
            Cassette::read(prepared.files()[0].clone(), dir.files().recording_bodies(), &Limits::default());
        let new = new.unwrap();
        assert_eq!(new.len(), lines);
        assert_eq!(new.request(lines - 1).unwrap().uri, "https://api.example.com/9");
        if lines > 2 {
            assert_eq!(read(&new, &response_of(&new.interaction(1).unwrap()).body).unwrap(), [b'x'; 100]);
        }
    }
    fs::write(dir.files().journal(), &whole).unwrap();
    install(&Journal::recover(&dir.files()).unwrap());
    assert_eq!(Cassette::open_files(&dir.files()).unwrap().len(), 3);
}

#[test]
fn a_damaged_journal() {
    let dir = Dir::new();
    let check = |text: &str, expected: &str| {
        fs::create_dir_all(dir.files().folder()).unwrap();
        fs::write(dir.files().journal(), text).unwrap();
        let e = Journal::recover(&dir.files()).unwrap_err().to_string();
        assert!(e.ends_with(&format!("berlin.json.recording{expected}")), "{e}");
    };
    let first = "{\"version\":2,\"_metadata\":{}}\n";
    check("", ": the recording is empty: it broke off before its first line was complete");
    check("{\"version\":1,\"_metadata\":{}}\n", ":1:1: the journal has version 1, expected 2");
    check(&format!("{first}{{\"order\":}}\n"), ":2:10: expected value");
    check(&format!("{first}{{\"order\":1}}\n"), ":2:11: missing field `request`");
    check(&format!("{first}{{}}\n"), ":2:2: missing field `order`");
    fs::remove_file(dir.files().journal()).unwrap();
    let e = Journal::recover(&dir.files()).unwrap_err().to_string();
    assert!(e.ends_with("there is no recording to recover"), "{e}");
}

#[test]
fn a_crashed_recording_is_set_aside() {
    let dir = Dir::new();
    let crash = |n: u8| {
        let journal = Journal::create(&dir.files(), options(64)).unwrap();
        let body = body(&journal, "text/plain", &long(n));
        journal.append(0, &exchange(n.into(), body)).unwrap();
        journal
    };
    assert_eq!(crash(1).set_aside(), None);
    let expected = dir.0.path().join("weather/berlin.json.1.recording");
    assert_eq!(crash(2).set_aside(), Some(expected.as_path()));
    let third = crash(3);
    assert!(third.set_aside().unwrap().ends_with("weather/berlin.json.2.recording"));
    install(&third);
    drop(third);

    let left: Vec<_> = dir.files().left_behind();
    assert_eq!(left.len(), 2);
    for (files, n) in left.iter().zip([1, 2]) {
        install(&Journal::recover(files).unwrap());
        let cassette = Cassette::open_files(&dir.files()).unwrap();
        let interaction = cassette.interaction(0).unwrap();
        assert_eq!(read(&cassette, &response_of(&interaction).body).unwrap(), long(n));
    }
    assert_eq!(dir.listing().len(), 2, "{:?}", dir.listing());

    // A recording without a complete interaction is not worth keeping.
    drop(Journal::create(&dir.files(), options(64)).unwrap());
    let first = fs::read(dir.files().journal()).unwrap();
    for torn in [&b""[..], b"{\"order\":1,\"request\""] {
        fs::write(dir.files().journal(), [&first, torn].concat()).unwrap();
        assert_eq!(Journal::create(&dir.files(), options(64)).unwrap().set_aside(), None);
    }
}

#[test]
fn install_replaces_and_clears_up() {
    let dir = Dir::new();
    let bodies = |list: &[u8]| {
        let journal = Journal::create(&dir.files(), options(64)).unwrap();
        for n in list {
            let body = body(&journal, "text/plain", &long(*n));
            journal.append(u64::from(*n), &exchange((*n).into(), body)).unwrap();
        }
        journal
    };
    let first = install(&bodies(&[1, 2, 2]));
    assert!(first.changed);
    assert_eq!((first.interactions, first.bytes), (3, dir.text().len() as u64 + 2000));
    assert_eq!(dir.listing().len(), 1 + 2);
    fs::write(dir.files().bodies().join("README"), "not ours").unwrap();

    let old = Cassette::open_files(&dir.files()).unwrap();
    let before = dir.text();
    let journal = bodies(&[2, 3]);
    let prepared = journal.prepare(journal.metadata().clone()).unwrap();
    assert_eq!(dir.text(), before, "prepared is not installed");
    assert_eq!(prepared.files().len(), 1 + 2);
    let scanned: HashMap<_, _> = prepared.files().into_iter().map(|p| (fs::read(&p).unwrap(), p)).collect();
    assert!(scanned.contains_key(&long(3)), "what is about to be installed can be read");
    assert!(prepared.files().iter().all(|p| p.to_str().unwrap().contains(".recording")));
    assert!(journal.append(9, &exchange(9, Body::default())).is_err(), "it is closed");
    assert!(prepared.install().unwrap().changed);

    assert_eq!(uris(&Cassette::open_files(&dir.files()).unwrap()).len(), 2);
    let listing = dir.listing();
    assert_eq!(listing.len(), 1 + 2 + 1, "{listing:?}");
    assert_eq!(uris(&old).len(), 3, "an open cassette is read as it was");

    // Records the same interactions again, at another time.
    let journal = bodies(&[2, 3]);
    let mut metadata = journal.metadata().clone();
    metadata.recorded_at = Some("2025-01-01T00:00:00Z".into());
    metadata.duration_seconds = Some(0.5);
    let before = dir.text();
    assert!(!journal.prepare(metadata).unwrap().install().unwrap().changed);
    assert_eq!(dir.listing(), listing);
    assert_eq!(dir.text(), before, "there is nothing to review");
    // Only `freeze_time` differs. The new document replaces the old one, because the output of a test depends on this
    // time.
    let journal = bodies(&[2, 3]);
    let mut metadata = journal.metadata().clone();
    metadata.freeze_time = Some("2025-01-01T00:00:00Z".into());
    assert!(!journal.prepare(metadata).unwrap().install().unwrap().changed);
    assert!(dir.text().contains("2025-01-01T00:00:00Z"));
    let journal = bodies(&[2, 3]);
    let mut metadata = journal.metadata().clone();
    metadata.time_zone = None;
    assert!(journal.prepare(metadata).unwrap().install().unwrap().changed);

    // The new cassette needs no body file. A file in the folder that is not a body file stays.
    record(&dir.files(), &[exchange(1, Body::default())]);
    assert_eq!(dir.listing(), ["weather/berlin.bodies/README", "weather/berlin.json"]);
}

#[test]
fn a_failed_install_changes_nothing() {
    let dir = Dir::new();
    record(&dir.files(), &[exchange(1, Body::default())]);
    let before = dir.text();
    let journal = Journal::create(&dir.files(), options(64)).unwrap();
    let body = body(&journal, "text/plain", &long(7));
    journal.append(0, &exchange(2, body)).unwrap();

    // A file has the path of the folder of bodies. So nobody can write there, not even root.
    fs::write(dir.files().bodies(), "in the way").unwrap();
    let e = journal.prepare(journal.metadata().clone()).unwrap().install().unwrap_err();
    assert_eq!(e.path(), Some(dir.files().bodies().as_path()));
    assert_eq!(dir.text(), before);
    drop(journal);
    fs::remove_file(dir.files().bodies()).unwrap();

    // A directory has the path of the document, so the install fails after it has moved the bodies.
    let journal = Journal::recover(&dir.files()).unwrap();
    let prepared = journal.prepare(journal.metadata().clone()).unwrap();
    fs::rename(dir.files().document(), dir.0.path().join("old")).unwrap();
    fs::create_dir_all(dir.files().document().join("x")).unwrap();
    let e = prepared.install().unwrap_err();
    assert_eq!(e.path(), Some(dir.files().document().as_path()));
    drop(journal);
    fs::remove_dir_all(dir.files().document()).unwrap();
    fs::rename(dir.0.path().join("old"), dir.files().document()).unwrap();
    assert_eq!(dir.text(), before);

    install(&Journal::recover(&dir.files()).unwrap());
    let cassette = Cassette::open_files(&dir.files()).unwrap();
    let interaction = cassette.interaction(0).unwrap();
    assert_eq!(read(&cassette, &response_of(&interaction).body).unwrap(), long(7));
    assert_eq!(dir.listing().len(), 2);
}

/// If any step of an install fails, the old cassette keeps its body files, and the recording can be recovered.
#[test]
fn bodies_of_the_old_cassette_outlive_a_failed_install() {
    let dir = Dir::new();
    let recording = |n: u8| {
        let journal = Journal::create(&dir.files(), options(64)).unwrap();
        let body = body(&journal, "text/plain", &long(n));
        journal.append(0, &exchange(n.into(), body)).unwrap();
        journal
    };
    let bytes = || {
        let cassette = Cassette::open_files(&dir.files()).unwrap();
        let interaction = cassette.interaction(0).unwrap();
        read(&cassette, &response_of(&interaction).body).unwrap()
    };
    install(&recording(1));
    // The path that the file of the new body will get. Its name contains the hash of the body.
    let new_body = fs::read_dir({
        recording(2);
        dir.files().recording_bodies()
    });
    let new_body = dir.files().bodies().join(new_body.unwrap().next().unwrap().unwrap().file_name());

    // A folder has the path of the new body's file.
    fs::create_dir_all(new_body.join("x")).unwrap();
    let journal = Journal::recover(&dir.files()).unwrap();
    let e = journal.prepare(journal.metadata().clone()).unwrap().install().unwrap_err();
    assert_eq!(e.path(), Some(new_body.as_path()));
    assert_eq!(bytes(), long(1));
    fs::remove_dir_all(&new_body).unwrap();
    drop(journal);

    // The new document is removed, so the install fails after it has moved the new body.
    let journal = Journal::recover(&dir.files()).unwrap();
    let prepared = journal.prepare(journal.metadata().clone()).unwrap();
    fs::remove_file(&prepared.files()[0]).unwrap();
    let e = prepared.install().unwrap_err();
    assert_eq!(e.path(), Some(dir.files().document().as_path()));
    assert!(new_body.is_file());
    assert_eq!(bytes(), long(1));
    drop(journal);

    assert_eq!(recover(&dir.files()).unwrap().not_removed, [""; 0].map(std::path::PathBuf::from));
    assert_eq!(bytes(), long(2));
    assert_eq!(dir.listing().len(), 2, "{:?}", dir.listing());
}

/// Files that cannot be removed after the install are reported, and the install succeeds.
#[test]
fn an_old_body_that_does_not_go() {
    let dir = Dir::new();
    record(&dir.files(), &[exchange(1, Body::default())]);
    let stuck = dir.files().bodies().join(format!("{}.txt", "0".repeat(64)));
    fs::create_dir_all(&stuck).unwrap();
    let installed = record(&dir.files(), &[exchange(2, Body::default())]);
    assert_eq!(installed.not_removed, [stuck]);
    assert_eq!(uris(&Cassette::open_files(&dir.files()).unwrap()), ["https://api.example.com/2"]);
}

#[test]
fn a_failed_prepare_leaves_the_recording_open() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), options(64)).unwrap();
    let body = body(&journal, "text/plain", &long(7));
    journal.append(0, &exchange(1, body)).unwrap();
    let Content::File(file) =
        &response_of(&exchange(1, self::body(&journal, "text/plain", &long(7)))).body.content.clone()
    else {
        panic!("it is long")
    };
    let path = dir.files().recording_bodies().join(&file.name);
    fs::rename(&path, dir.0.path().join("elsewhere")).unwrap();
    let e = journal.prepare(journal.metadata().clone()).unwrap_err();
    assert_eq!(e.path(), Some(path.as_path()));
    assert!(!dir.listing().iter().any(|f| f.contains(".new.")), "the half document is removed");
    fs::rename(dir.0.path().join("elsewhere"), &path).unwrap();
    journal.append(1, &exchange(2, Body::default())).unwrap();
    assert_eq!(install(&journal).interactions, 2);
}

#[test]
fn a_failed_test_keeps_its_recording_elsewhere() {
    let dir = Dir::new();
    record(&dir.files(), &[exchange(1, Body::default())]);
    let before = dir.text();
    for n in [7, 8] {
        let journal = Journal::create(&dir.files(), options(64)).unwrap();
        let body = body(&journal, "text/plain", &long(n));
        journal.append(0, &exchange(2, body)).unwrap();
        let target = dir.0.path().join("target/cassette");
        let path = journal.prepare(journal.metadata().clone()).unwrap().keep_in(&target).unwrap();
        assert_eq!(path, target.join("weather/berlin.json"));
        let cassette = Cassette::open_files(&Files::new(&target, dir.files().name())).unwrap();
        let interaction = cassette.interaction(0).unwrap();
        assert_eq!(read(&cassette, &response_of(&interaction).body).unwrap(), long(n));
        assert_eq!(dir.text(), before);
        assert_eq!(dir.listing().len(), 1 + 2, "{:?}", dir.listing());
    }
}

#[test]
fn a_body_of_the_old_cassette_stays_with_it() {
    let dir = Dir::new();
    let recording = || {
        let journal = Journal::create(&dir.files(), options(64)).unwrap();
        let body = body(&journal, "text/plain", &long(7));
        journal.append(0, &exchange(2, body)).unwrap();
        journal
    };
    install(&recording());
    let listing = dir.listing();
    let journal = recording();
    // The body is only in the folder of the cassette, as after an interrupted install.
    fs::remove_dir_all(dir.files().recording_bodies()).unwrap();
    let target = Dir::new();
    journal.prepare(journal.metadata().clone()).unwrap().keep_in(target.0.path()).unwrap();
    assert_eq!(dir.listing(), listing);
    assert_eq!(target.listing(), listing);
}

#[test]
fn discarded() {
    let dir = Dir::new();
    record(&dir.files(), &[exchange(1, Body::default())]);
    let before = (dir.text(), dir.listing());
    for prepared in [false, true] {
        let journal = Journal::create(&dir.files(), options(64)).unwrap();
        let body = body(&journal, "text/plain", &long(1));
        journal.append(0, &exchange(2, body)).unwrap();
        match prepared {
            true => journal.prepare(journal.metadata().clone()).unwrap().discard().unwrap(),
            false => journal.discard().unwrap(),
        }
        assert_eq!((dir.text(), dir.listing()), before);
    }
}

#[test]
fn one_recording_at_a_time() {
    let dir = Dir::new();
    let busy = "another test or process is recording this cassette";
    let first = Journal::create(&dir.files(), options(64)).unwrap();
    first.append(0, &exchange(1, Body::default())).unwrap();
    for e in [Journal::create(&dir.files(), options(64)), Journal::recover(&dir.files())] {
        assert!(e.unwrap_err().to_string().contains(busy));
    }
    assert_eq!(other_process(&dir), "busy");
    assert_eq!(first.len(), 1, "nobody has touched it");
    install(&first);
    // The lock is free again, although the handle `first` still exists.
    assert_eq!(other_process(&dir), "free");
    drop(Journal::create(&dir.files(), options(64)).unwrap());
}

/// Returns whether another process can take the lock. The other process runs this test executable with only the test
/// below.
fn other_process(dir: &Dir) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tape::tests::recording::in_another_process", "--nocapture"])
        .env("TAPE_TEST_DIR", dir.0.path())
        .output()
        .unwrap();
    fs::read_to_string(dir.0.path().join("seen")).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn in_another_process() {
    let Some(dir) = std::env::var_os("TAPE_TEST_DIR").map(std::path::PathBuf::from) else { return };
    let files = Files::new(&dir, &"weather/berlin".parse().unwrap());
    let seen = match Journal::create(&files, options(64)) {
        Ok(_) => "free",
        Err(_) => "busy",
    };
    fs::write(dir.join("seen"), seen).unwrap();
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_not_writable() {
    // A file has the path of the directory, because permissions do not stop root.
    let dir = Dir::new();
    fs::write(dir.0.path().join("weather"), "").unwrap();
    let e = Journal::create(&dir.files(), options(64)).unwrap_err();
    assert_eq!(e.path(), Some(dir.0.path().join("weather").as_path()));
    assert!(e.to_string().contains("could not create the directory of the cassette"));
}
