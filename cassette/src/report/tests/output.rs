//! Output that differs from its snapshot.

use super::*;

#[test]
fn another_output() {
    let field = |what: &str, before: &str, after: &str| FieldChange {
        what: what.into(),
        before: before.into(),
        after: after.into(),
    };
    let change = OutputChange {
        snapshot: "tests/snapshots/weather/berlin.snap".into(),
        changed: vec![ChangedFile {
            path: "tables/forecast.csv".into(),
            fields: vec![
                field("rows", "24", "25"),
                field("sha256", &"0123456789abcdef".repeat(4), &"fedcba9876543210".repeat(4)),
            ],
            diff: Some("@@ -1,2 +1,3 @@\n day,high\n+2026-11-24,7\n 2026-11-25,9\n".into()),
            sha256: "fedcba9876543210".repeat(4),
        }],
        missing: vec!["state.json".into()],
        unexpected: vec!["debug.log".into()],
        kept_in: "target/cassette/weather/berlin".into(),
        review_command: Some("cargo insta review".into()),
    };
    check(
        vec![Problem::Output(change)],
        "\
error: the output of this test differs from its snapshot
  --> tests/forecast.rs:12, test forecast::berlin
   = snapshot: tests/snapshots/weather/berlin.snap
   = this run's files: target/cassette/weather/berlin

  changed (- snapshot, + this run)
    tables/forecast.csv
      rows
        - 24
        + 25
      sha256
        - 0123456789ab…
        + fedcba987654…
      @@ -1,2 +1,3 @@
       day,high
      +2026-11-24,7
       2026-11-25,9

  missing: in the snapshot, but not written
    state.json

  unexpected: written, but not in the snapshot
    debug.log

help: if the new output is right, take it into the snapshot (`cargo insta review` shows it first):
    CASSETTE_MODE=accept cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn an_output_without_a_snapshot() {
    let missing = MissingSnapshot {
        snapshot: "tests/snapshots/weather/berlin.snap".into(),
        files: 3,
        kept_in: "target/cassette/weather/berlin".into(),
        review_command: None,
    };
    check(
        vec![Problem::MissingSnapshot(missing)],
        "\
error: the output of this test has no snapshot
  --> tests/forecast.rs:12, test forecast::berlin
   = snapshot: tests/snapshots/weather/berlin.snap does not exist
   = this run's files: 3 files in target/cassette/weather/berlin

help: if the new output is right, take it into the snapshot:
    CASSETTE_MODE=accept cargo test -p weather -- --exact forecast::berlin",
    );
}
