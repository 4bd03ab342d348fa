//! Runs a case of the component under a session: what the generated tests and the scaffolder have in common.

use std::path::{Path, PathBuf};

use cassette::scaffold::{Case, Plan, Scaffold};
use cassette::{Config, Mode, Session, Summary};

use crate::api::{ApiServer, HOST};
use crate::component::{self, Dirs};

/// What records the cases.
pub const COMMAND: &str = "cargo run --example scaffold";

/// Where the cases are, relative to this package.
const TREE: &str = "tests/prices";

/// The settings of every test of the component.
pub fn config() -> Config {
    Config::new().directory(TREE).record_command(COMMAND)
}

/// How the tests are made from the definitions. The clock of every case stands at the same instant, so that
/// recording again asks the API the same questions.
pub fn scaffold() -> Scaffold {
    Scaffold::new("prices/definitions.json", TREE, "tests/prices.rs")
        .package_dir(env!("CARGO_MANIFEST_DIR"))
        .harness("prices::harness")
        .command(COMMAND)
        .freeze_time("2026-03-02T06:30:00Z")
}

/// Runs the component as the case of this name configures it. The component gets a client, as it would
/// anywhere, and directories; it does not notice that it is tested.
///
/// # Errors
///
/// The component's, and those of reading the case.
pub async fn run(session: Session, case: &str) -> cassette::TestResult {
    let tree = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(TREE);
    run_case(session, &Case::open(&tree, case)?).await
}

/// Records the cases of a plan below `package`, from an API server whose credentials exist in this process
/// only; `told` hears of each.
///
/// # Errors
///
/// A case did not run or could not be recorded.
pub fn record(
    plan: &Plan,
    package: &Path,
    api: &ApiServer,
    mut told: impl FnMut(&Case, &Summary),
) -> cassette::TestResult {
    for case in plan.cases() {
        let summary = live(case, package, api, Mode::Record)?;
        told(case, &summary);
    }
    Ok(())
}

/// Runs a case below `package` with an API server to ask, in a mode that does: to record it, or to verify that the
/// server still answers as it was recorded.
///
/// # Errors
///
/// The session's report, and those of reading the case.
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
    let ((), summary) = session.run_async(async |session| run_case(session, case).await)?;
    Ok(summary)
}

async fn run_case(session: Session, case: &Case) -> cassette::TestResult {
    let config = component::Config::parse(&case.config(&session).to_string())?;
    let dirs = Dirs { input: case.dir().join("source/data/in"), output: session.output_dir()?.to_owned() };
    component::run(&session.client()?, &config, &dirs).await?;
    Ok(())
}
