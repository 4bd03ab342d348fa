//! Tests our snapshot files with insta itself: `cargo insta review` reads the contents that we wrote.

use std::fs;

use super::{Header, Manifest, load, store, store_pending};
use insta::Snapshot;

fn output() -> (tempfile::TempDir, Manifest) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("cities.csv"), "id,\"na\"\"me\"\n1,Berlin\n").unwrap();
    fs::write(dir.path().join("back\\slash 'and' \"quote\""), "---\n").unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    let manifest = Manifest::of(dir.path(), &[]).unwrap();
    (dir, manifest)
}

fn header() -> Header {
    Header { source: Some("tests/it's \"a: b\" \\ c.rs".to_owned()) }
}

#[test]
fn insta_finds_our_snapshot_unchanged() {
    let (_output, manifest) = output();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weather.output.snap");
    store(&path, &manifest, &header()).unwrap();

    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(dir.path());
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("weather.output", manifest.to_text()));
    // Under `cargo insta test` the assertion would pass even for a different snapshot, and leave a file for review.
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["weather.output.snap"]);
}

#[test]
fn insta_reads_our_header_and_contents() {
    let (_output, manifest) = output();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weather.output.snap");
    for manifest in [manifest, Manifest::default()] {
        let pending = store_pending(&path, &manifest, &header()).unwrap();
        let read = Snapshot::from_file(&pending).unwrap();
        assert_eq!(read.metadata().source(), header().source.as_deref());
        assert_eq!(read.metadata().expression(), Some("session.output_dir()"));
        assert_eq!(read.as_text().unwrap().to_string(), manifest.to_text().trim_end());

        // When the snapshot is accepted, insta writes the file once more.
        read.save(&path).unwrap();
        assert_eq!(load(&path).unwrap(), Some(manifest));
    }
}
