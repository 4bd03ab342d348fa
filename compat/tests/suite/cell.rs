//! One cell of the table: recorded and replayed, each with its outcome.

use cassette::{Config, Mode, Session};
use cassette_compat::Result;

use crate::upstream::Upstream;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    record: Outcome,
    replay: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// The client got the server's answer.
    Works,
    /// It refused the session's certificate, and the failure said so.
    Untrusted,
    /// It went past the session, where an invented name leads nowhere.
    Past,
    /// There is no such way for this client.
    None,
}

/// Where a client finds the server while recording, if it is not the session that goes there.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) session: &'c Session,
    pub(crate) upstream: Option<&'c Upstream>,
}

impl Cell {
    pub(crate) const NONE: Cell = Cell { record: Outcome::None, replay: Outcome::None };

    /// As the table shows it.
    pub(crate) fn shown(&self) -> String {
        let word = |outcome: &Outcome| match outcome {
            Outcome::Works => "yes",
            Outcome::Untrusted => "refused",
            Outcome::Past => "no",
            Outcome::None => "–",
        };
        if self.record == self.replay {
            word(&self.record).to_owned()
        } else {
            format!("record: {}, replay: {}", word(&self.record), word(&self.replay))
        }
    }

    /// Records `ask`, stops the server, replays. `what` names the cell in a failure.
    pub(crate) fn of(what: &str, expected: &str, ask: impl Fn(Context<'_>) -> Result + Sync) -> Cell {
        let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
        assert!(
            !ci,
            "with `CI` set nothing records: run this as `CI= cargo test --manifest-path compat/Cargo.toml`"
        );
        let directory = tempfile::tempdir().expect("a directory");
        let upstream = Upstream::start();
        let config = upstream.config();
        let run = |mode, upstream: Option<&Upstream>| {
            let session = Session::builder("compat").package_dir(directory.path());
            let asked = session.config(config.clone()).mode(mode).run(|session| {
                let answer = ask(Context { session: &session, upstream }).map_err(|e| format!("{e:?}"))?;
                if answer.trim() == expected { Ok(()) } else { Err(format!("it said {answer:?}")) }
            });
            outcome(&format!("{what}, {mode}"), asked)
        };
        let record = run(Mode::Record, Some(&upstream));
        if record != Outcome::Works {
            by_session(directory.path(), &config);
        }
        let document = std::fs::read_to_string(directory.path().join("tests/cassettes/compat.json"));
        let document = document.expect("a cassette");
        assert!(document.contains("https://api.example.test/"), "{what}: {document}");
        assert!(!document.contains("127.0.0.1"), "{what}: {document}");
        drop(upstream);
        Cell { record, replay: run(Mode::Replay, None) }
    }
}

/// A recording that the client itself could not make.
fn by_session(directory: &std::path::Path, config: &Config) {
    let session = Session::builder("compat").package_dir(directory).config(config.clone());
    let recorded = session.mode(Mode::Record).run_async(|session: Session| async move {
        session.client()?.get("https://api.example.test/words").send().await?.error_for_status()?;
        cassette::TestResult::Ok(())
    });
    recorded.expect("the session's own client records");
}

fn outcome(what: &str, asked: Result<((), cassette::Summary), cassette::Failure>) -> Outcome {
    let Err(failure) = asked else { return Outcome::Works };
    let failure = failure.to_string();
    // For those who wonder about a cell.
    println!("-- {what}:\n{failure}\n");
    if failure.contains("error: a client does not trust the session's certificate") {
        return Outcome::Untrusted;
    }
    // It is the test's own failure, and the only one: no request has come to the session.
    let own =
        failure.starts_with("error: the test itself failed") && failure.matches("\nerror: ").count() == 0;
    assert!(own && !failure.contains("it said"), "{what} is none of what a cell can be: {failure}");
    Outcome::Past
}
