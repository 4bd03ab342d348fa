//! A cell of the table: what happened to a client with one transport, while recording and on replay.

use cassette::{Config, Mode, Session};
use cassette_compat::Result;

use crate::upstream::Upstream;

/// What happened to the client while recording, and on replay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    record: Outcome,
    replay: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// The client got the server's response.
    Works,
    /// The client refused the session's certificate, and the test failed with a report that says so.
    Untrusted,
    /// The client bypassed the session. Its request failed, because the server's name does not exist.
    Bypassed,
    /// The client cannot be used with this transport.
    None,
}

/// What a client gets. `upstream` is set while recording, for clients that connect to the real server themselves.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) session: &'c Session,
    pub(crate) upstream: Option<&'c Upstream>,
}

impl Cell {
    pub(crate) const NONE: Cell = Cell { record: Outcome::None, replay: Outcome::None };

    /// The text in the table.
    pub(crate) fn text(&self) -> String {
        let word = |outcome: &Outcome| match outcome {
            Outcome::Works => "yes",
            Outcome::Untrusted => "refused",
            Outcome::Bypassed => "no",
            Outcome::None => "–",
        };
        if self.record == self.replay {
            word(&self.record).to_owned()
        } else {
            format!("record: {}, replay: {}", word(&self.record), word(&self.replay))
        }
    }

    /// Records the requests of `fetch`, stops the server, and replays the requests. `what` is the name of the cell in a
    /// panic message.
    pub(crate) fn of(what: &str, expected: &str, fetch: impl Fn(Context<'_>) -> Result + Sync) -> Cell {
        let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
        assert!(
            !ci,
            "cassette does not record if `CI` is set: run `CI= cargo test --manifest-path compat/Cargo.toml`"
        );
        let directory = tempfile::tempdir().expect("a directory");
        let upstream = Upstream::start();
        let config = upstream.config();
        let run = |mode, upstream: Option<&Upstream>| {
            let session = Session::builder("compat").package_dir(directory.path());
            let result = session.config(config.clone()).mode(mode).run(|session| {
                let text = fetch(Context { session: &session, upstream }).map_err(|e| format!("{e:?}"))?;
                if text.trim() == expected { Ok(()) } else { Err(format!("unexpected text: {text:?}")) }
            });
            outcome(&format!("{what}, {mode}"), result)
        };
        let record = run(Mode::Record, Some(&upstream));
        if record != Outcome::Works {
            record_with_session_client(directory.path(), &config);
        }
        let document = std::fs::read_to_string(directory.path().join("tests/cassettes/compat.json"));
        let document = document.expect("a cassette");
        assert!(document.contains("https://api.example.test/"), "{what}: {document}");
        assert!(!document.contains("127.0.0.1"), "{what}: {document}");
        drop(upstream);
        Cell { record, replay: run(Mode::Replay, None) }
    }
}

/// Records with the session's own client. Called if the tested client could not record, so that there is a cassette to
/// replay.
fn record_with_session_client(directory: &std::path::Path, config: &Config) {
    let session = Session::builder("compat").package_dir(directory).config(config.clone());
    let recorded = session.mode(Mode::Record).run_async(|session: Session| async move {
        session.client()?.get("https://api.example.test/words").send().await?.error_for_status()?;
        cassette::TestResult::Ok(())
    });
    recorded.expect("the session's own client records");
}

fn outcome(what: &str, result: Result<((), cassette::Summary), cassette::Failure>) -> Outcome {
    let Err(failure) = result else { return Outcome::Works };
    let failure = failure.to_string();
    // The failure is printed, because it explains why the cell is not "yes".
    println!("-- {what}:\n{failure}\n");
    if failure.contains("error: a client does not trust the session's certificate") {
        return Outcome::Untrusted;
    }
    // If no request reached the session, the only problem in the report is the error of the client itself.
    let own =
        failure.starts_with("error: the test itself failed") && failure.matches("\nerror: ").count() == 0;
    assert!(own && !failure.contains("unexpected text"), "{what} has none of the known outcomes: {failure}");
    Outcome::Bypassed
}
