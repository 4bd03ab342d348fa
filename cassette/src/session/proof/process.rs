//! Runs one test of this executable in a new process, with a time limit.
//!
//! Must not know: what the test does.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::ambient;
use crate::mode;
use crate::poison::unpoisoned;

/// The working directory and the environment variables when a test began. Changes that the test made to them must not
/// help its replay.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    directory: Option<PathBuf>,
    variables: Vec<(OsString, OsString)>,
}

/// How the process ended.
pub(super) struct Ended {
    /// `None` if the process was killed because it took too long.
    pub(super) status: Option<ExitStatus>,
    /// The end of the output of the process.
    pub(super) output: String,
}

/// The number of bytes that are kept of the output.
const KEPT: usize = 16 * 1024;

/// How long to wait between two checks whether the process has ended: the first time, and the longest time. Most
/// replays end within milliseconds.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// How long to wait for the end of the output after the process has ended. A process that the test started may still
/// hold the output open.
const LATE: Duration = Duration::from_millis(500);

impl Surroundings {
    pub(super) fn now() -> Surroundings {
        ambient::outside(|| Surroundings {
            directory: std::env::current_dir().ok(),
            variables: std::env::vars_os().collect(),
        })
    }
}

/// Runs only the test with this path, in a new process of this executable.
///
/// # Errors
///
/// The process could not be started.
pub(super) fn run(
    test: &str,
    assignment: &Path,
    report: &Path,
    surroundings: &Surroundings,
    limit: Duration,
) -> io::Result<Ended> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.env_clear().envs(surroundings.variables.iter().map(|(name, value)| (name, value)));
    command.env_remove("CASSETTE_MODE").env(mode::PROOF, assignment).env(mode::REPORT, report);
    if let Some(directory) = &surroundings.directory {
        command.current_dir(directory);
    }
    ended(command, limit)
}

fn ended(mut command: Command, limit: Duration) -> io::Result<Ended> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    ambient::outside(|| {
        let mut child = command.spawn()?;
        let output = Output::of(&mut child);
        let status = wait(&mut child, limit)?;
        Ok(Ended { status, output: output.end() })
    })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let (mut interval, longest) = INTERVAL;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= limit {
            // If the process has just ended by itself, there is nothing to kill.
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(interval);
        interval = (interval * 2).min(longest);
    }
}

/// The output of the process. It is kept in memory and not in a file, because it may contain secrets.
struct Output {
    kept: Arc<Mutex<Kept>>,
    closed: mpsc::Receiver<()>,
}

/// The last bytes of the output.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Whether there were bytes before these.
    is_cut: bool,
}

impl Output {
    fn of(child: &mut Child) -> Output {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (sender, closed) = mpsc::channel();
        let stdout = child.stdout.take().map(|s| Box::new(s) as Box<dyn Read + Send>);
        let stderr = child.stderr.take().map(|s| Box::new(s) as Box<dyn Read + Send>);
        for mut stream in [stdout, stderr].into_iter().flatten() {
            let (kept, sender) = (Arc::clone(&kept), sender.clone());
            let read = move || {
                // The sender is dropped when this thread ends. When both threads have ended, the channel is closed.
                let _sender = sender;
                let mut chunk = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut chunk) {
                    let mut kept = unpoisoned(kept.lock());
                    kept.bytes.extend_from_slice(&chunk[..n]);
                    let over = kept.bytes.len().saturating_sub(KEPT);
                    kept.bytes.drain(..over);
                    kept.is_cut |= over > 0;
                }
            };
            // If the thread cannot be started, the output is missing from the report. Then the process may block on a
            // full pipe, until the time limit ends it.
            let _ = thread::Builder::new().name("cassette-output".into()).spawn(read);
        }
        Output { kept, closed }
    }

    fn end(self) -> String {
        // Nobody sends a message, so this returns when the channel is closed, which means that both streams have ended.
        let _ = self.closed.recv_timeout(LATE);
        let kept = unpoisoned(self.kept.lock());
        let mut bytes = &kept.bytes[..];
        if kept.is_cut {
            // The rest of a line may begin within a secret, which redaction would not recognise.
            let line = bytes.iter().position(|b| *b == b'\n');
            bytes = line.map_or(&[][..], |at| &bytes[at + 1..]);
        }
        String::from_utf8_lossy(bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the test `waits_if_asked` in a new process, with the given value of its variable.
    fn started(variable: &str, limit: Duration) -> Ended {
        let mut command = Command::new(std::env::current_exe().expect("an executable"));
        command.args(["--exact", "session::proof::process::tests::waits_if_asked", "--nocapture"]);
        command.env("PROOF_TEST_WAITS", variable);
        ended(command, limit).expect("started")
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "the test is about what a process prints")]
    fn waits_if_asked() {
        match std::env::var("PROOF_TEST_WAITS").as_deref() {
            Ok("for ever") => loop {
                thread::park();
            },
            Ok(text) => println!("{text}{}", "x".repeat(2 * KEPT)),
            Err(_) => {}
        }
    }

    #[test]
    fn a_process_that_hangs_is_killed() {
        let ended = started("for ever", Duration::from_millis(100));
        assert!(ended.status.is_none());
    }

    #[test]
    fn the_end_of_the_output_is_kept() {
        let ended = started("begins", Duration::from_secs(600));
        assert!(ended.status.is_some_and(|status| status.success()));
        assert!(ended.output.contains("test result: ok"), "{}", ended.output);
        // The line that the cut has shortened is left out.
        assert!(!ended.output.contains("xx") && !ended.output.contains("begins"), "{}", ended.output);
    }
}
