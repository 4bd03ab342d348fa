//! Runs the tests of the fixture project in a temporary directory, as a user would.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The cassette of the test `cities`.
pub(crate) const CASSETTE: &str = "tests/cassettes/weather/cities.json";

/// The imaginary API. It starts its own server, because wiremock's pooled servers keep listening after they are
/// dropped.
pub(crate) struct Api {
    runtime: tokio::runtime::Runtime,
    server: MockServer,
}

impl Api {
    pub(crate) fn start() -> Api {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let server = runtime.block_on(MockServer::builder().start());
        runtime.block_on(async {
            for (page, rows) in [("1", "Berlin,21\nPrague,24\n"), ("2", "Vienna,26\n")] {
                let answer = ResponseTemplate::new(200).set_body_string(rows);
                let of = Mock::given(method("GET")).and(path("/v1/cities")).and(query_param("page", page));
                of.respond_with(answer).mount(&server).await;
            }
        });
        Api { runtime, server }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        *self.server.address()
    }

    pub(crate) fn stop(self) {
        drop(self.server);
        drop(self.runtime);
    }
}

/// A project that has a recorded cassette and a snapshot. The API no longer runs.
pub(crate) fn recorded() -> Project {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let run = project.run(&["cities"], &[("CASSETTE_MODE", "record")]);
    assert!(run.passed, "{}", run.text);
    api.stop();
    project
}

/// A project in a temporary directory, with the tests of `tests/fixture`.
pub(crate) struct Project {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// The output of a run, and whether it passed.
pub(crate) struct Run {
    pub(crate) passed: bool,
    pub(crate) text: String,
}

impl Project {
    pub(crate) fn new() -> Project {
        Project { dir: tempfile::tempdir().expect("a directory"), variables: Vec::new() }
    }

    /// In every run, `api.weather.test` leads to the server with this address.
    pub(crate) fn upstream(mut self, address: SocketAddr) -> Project {
        self.variables.push(("FIXTURE_UPSTREAM".into(), address.to_string()));
        self
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap_or_else(|e| panic!("{relative}: {e}"))
    }

    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// The sorted relative paths of all files of the project.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(self.dir.path(), self.dir.path(), &mut found);
        found.sort();
        found
    }

    /// Runs the tests with these names, one after the other.
    pub(crate) fn run(&self, tests: &[&str], variables: &[(&str, &str)]) -> Run {
        let output = self.command(tests, variables).output().expect("the fixture runs");
        let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("");
        Run { passed: output.status.success(), text: self.shown(&text) }
    }

    /// Runs the tests on a terminal.
    #[cfg(unix)]
    pub(crate) fn run_on_a_terminal(&self, tests: &[&str], variables: &[(&str, &str)]) -> Run {
        use std::io::Read as _;

        let terminal = nix::pty::openpty(None, None).expect("a terminal");
        let mut command = self.command(tests, variables);
        command.env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
        command.stdout(terminal.slave.try_clone().expect("it is open")).stderr(terminal.slave);
        let mut child = command.spawn().expect("the fixture runs");
        // `command` has the other side of the terminal open. The reading below ends only when that side is closed.
        drop(command);
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
        // On Linux, reading ends with an error when the other side is closed.
        let mut master = std::fs::File::from(terminal.master);
        while let Ok(n @ 1..) = master.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..n]);
        }
        let passed = child.wait().expect("it ran").success();
        Run { passed, text: self.shown(&String::from_utf8_lossy(&bytes).replace("\r\n", "\n")) }
    }

    /// The command that runs the tests with these names.
    pub(crate) fn command(&self, tests: &[&str], variables: &[(&str, &str)]) -> Command {
        self.command_with(1, tests, variables)
    }

    /// The command that runs the tests with these names, with this number of test threads.
    pub(crate) fn command_with(&self, threads: usize, tests: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(executable());
        command
            .args(["--exact", "--color=never"])
            .arg(format!("--test-threads={threads}"))
            .args(tests)
            .current_dir(self.dir.path());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CASSETTE_") || name.starts_with("INSTA_") || name == "CI" {
                command.env_remove(&*name);
            }
        }
        command
            .env("CARGO_MANIFEST_DIR", self.dir.path())
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("RUST_BACKTRACE", "0")
            .env("NO_COLOR", "1")
            .env_remove("CARGO_TERM_COLOR")
            .env_remove("NEXTEST_EXECUTION_MODE");
        command.envs(self.variables.iter().map(|(k, v)| (k, v)));
        command.envs(variables.iter().copied());
        command
    }

    /// The output without the parts that differ from run to run.
    fn shown(&self, text: &str) -> String {
        let text = text.replace(&*self.dir.path().to_string_lossy(), "[project]");
        let mut shown = String::new();
        for line in text.lines() {
            let line = match line.split_once("; finished in ") {
                Some((before, _)) => format!("{before}; finished in [time]"),
                None => line.to_owned(),
            };
            let line = match line.strip_prefix("   = recorded: ").and_then(|rest| rest.split_once(", ")) {
                Some((interactions, _)) => format!("   = recorded: {interactions}, [size]"),
                None => line,
            };
            let line = match line.split_once(" measured; ") {
                Some((before, rest)) if rest.contains(" filtered out; ") => {
                    let (_, rest) = rest.split_once(' ').unwrap_or_default();
                    format!("{before} measured; [n] {rest}")
                }
                _ => line,
            };
            shown.push_str(&without_thread_id(&line));
            shown.push('\n');
        }
        shown
    }
}

/// Removes the thread's number from `thread 'cities' (4711) panicked at`.
fn without_thread_id(line: &str) -> String {
    let Some((before, rest)) = line.split_once("' (") else { return line.to_owned() };
    match rest.split_once(") panicked at") {
        Some((_, after)) if before.starts_with("thread '") => format!("{before}' panicked at{after}"),
        _ => line.to_owned(),
    }
}

fn walk(root: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, found);
        } else if let Ok(relative) = path.strip_prefix(root) {
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// The fixture's test executable. It is built once in this process. The build has `--workspace`, so that cargo resolves
/// the same features as for the running test, and need compile only the fixture.
fn executable() -> &'static Path {
    static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();
    EXECUTABLE.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["test", "--workspace", "--test", "fixture", "--no-run", "--message-format=json"]);
        command.args(["--offline", "--quiet"]);
        // Cargo sets these variables for the running test. Some build scripts run again when these variables change. So
        // with the variables, this build would compile more than the fixture, and so would the next build of the
        // workspace.
        for (name, _) in std::env::vars_os() {
            let described = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"];
            if name.to_str().is_some_and(|name| described.iter().any(|prefix| name.starts_with(prefix))) {
                command.env_remove(name);
            }
        }
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let output = command.current_dir(root).output().expect("cargo runs");
        let messages = String::from_utf8_lossy(&output.stdout);
        let executable = messages.lines().filter(|l| l.contains("\"name\":\"fixture\"")).find_map(|line| {
            let (_, rest) = line.split_once("\"executable\":\"")?;
            Some(PathBuf::from(rest.split_once('"')?.0))
        });
        executable.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    })
}
