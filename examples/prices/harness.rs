//! Runs a case of the component in a session. The generated tests and the scaffolder share this code.

use std::path::{Path, PathBuf};

use cassette::scaffold::{Case, Plan, Scaffold};
use cassette::{Config, Mode, Session, Summary};

use crate::api::{ApiServer, HOST};
use crate::component::{self, Dirs};

/// The command that records the cases.
pub const COMMAND: &str = "cargo run --example scaffold";

/// The folder of the cases, relative to the folder of this package.
const TREE: &str = "tests/prices";

/// The settings of every test of the component.
pub fn config() -> Config {
    Config::new().directory(TREE).record_command(COMMAND)
}

/// The settings with which cassette generates the tests from the definitions. All cases have the same frozen time, so
/// that a new recording sends the same requests.
pub fn scaffold() -> Scaffold {
    Scaffold::new("prices/definitions.json", TREE, "tests/prices.rs")
        .package_dir(env!("CARGO_MANIFEST_DIR"))
        .harness("prices::harness")
        .command(COMMAND)
        .freeze_time("2026-03-02T06:30:00Z")
}

/// Runs the component with the configuration of the case `case`. The component gets an HTTP client and two folders, as
/// in production.
///
/// # Errors
///
/// The component failed, or the case cannot be read.
pub async fn run(session: Session, case: &str) -> cassette::TestResult {
    let tree = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(TREE);
    run_case(session, &Case::open(&tree, case)?).await
}

/// Records the cases of `plan` from the API server `api` into the folder `package`, and calls `on_recorded` after each
/// case.
///
/// # Errors
///
/// A case failed, or could not be recorded.
pub fn record(
    plan: &Plan,
    package: &Path,
    api: &ApiServer,
    mut on_recorded: impl FnMut(&Case, &Summary),
) -> cassette::TestResult {
    for case in plan.cases() {
        let summary = live(case, package, api, Mode::Record)?;
        on_recorded(case, &summary);
    }
    Ok(())
}

/// Runs a case in the folder `package` against the API server `api`, in a mode that sends requests to the server: to
/// record the case, or to verify that the server's responses still match the recording.
///
/// # Errors
///
/// The session failed, or the case cannot be read.
pub fn live(case: &Case, package: &Path, api: &ApiServer, mode: Mode) -> cassette::TestResult<Summary> {
    let credentials = api.credentials();
    let config = config()
        .extra_root(api.ca_pem())
        .resolve(HOST, api.addr())
        .secret("API_KEY", &credentials.api_key)
        .secret("CLIENT_SECRET", &credentials.client_secret);
    let mut session = Session::builder(case.cassette_name()).package_dir(package).config(config).mode(mode);
    if let Some(at) = case.freeze_time()? {
        session = session.freeze(at);
    }
    // The recording is played back before it is installed.
    let again = case.clone();
    session = session.prove_async(move |session| {
        let case = again.clone();
        async move { run_case(session, &case).await }
    });
    let ((), summary) = session.run_async(async |session| run_case(session, case).await)?;
    Ok(summary)
}

async fn run_case(session: Session, case: &Case) -> cassette::TestResult {
    let config = component::Config::parse(&case.config(&session).to_string())?;
    let dirs = Dirs { input: case.dir().join("source/data/in"), output: session.output_dir()?.to_owned() };
    component::run(&session.client()?, &config, &dirs).await?;
    Ok(())
}
