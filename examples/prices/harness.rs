//! Runs a case of the component under a session: what the generated tests and the scaffolder have in common.

use std::path::PathBuf;

use cassette::scaffold::{Case, Scaffold};
use cassette::{Config, Session};

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
pub async fn run(session: Session, case: &str) -> cassette::Result<()> {
    let tree = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(TREE);
    let case = Case::open(&tree, case)?;
    let config = component::Config::parse(&case.config(&session).to_string())?;
    let dirs = Dirs { input: case.dir().join("source/data/in"), output: session.output_dir()?.to_owned() };
    component::run(&session.client()?, &config, &dirs).await?;
    Ok(())
}
