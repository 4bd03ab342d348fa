//! Tests mode `verify` with an API that has changed since it was recorded. The mode reports the change, and nothing
//! else.

use std::fs;
use std::path::Path;

use cassette::Mode;
use cassette::scaffold::Plan;
use prices::api::{ApiServer, Options};
use prices::harness;
use tempfile::TempDir;

fn server(renamed: Option<(&str, &str)>) -> ApiServer {
    let rename_field = renamed.map(|(from, to)| (from.to_owned(), to.to_owned()));
    ApiServer::start_with(Options { seed: 7, export_rows: 1_000, rename_field, ..Options::default() })
        .unwrap()
}

/// Records the cases of the example into a temporary package.
fn recorded() -> (TempDir, Plan) {
    let package = TempDir::new().unwrap();
    let definitions = "prices/definitions.json";
    fs::create_dir_all(package.path().join("prices")).unwrap();
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(definitions), package.path().join(definitions))
        .unwrap();
    let plan = harness::scaffold().package_dir(package.path()).plan().unwrap();
    plan.write().unwrap();
    harness::record(&plan, package.path(), &server(None), |_, _| {}).unwrap();
    (package, plan)
}

fn failure(plan: &Plan, package: &Path, api: &ApiServer, case: &str) -> Option<String> {
    let case = plan.cases().iter().find(|c| c.name() == case).unwrap();
    harness::live(case, package, api, Mode::Verify).err().map(|e| format!("{e:?}"))
}

#[test]
fn an_unchanged_api_passes() {
    let (package, plan) = recorded();
    // A new server has other credentials, tokens and cookies. Mode `verify` must not report them.
    let api = server(None);
    for case in plan.cases() {
        if let Err(e) = harness::live(case, package.path(), &api, Mode::Verify) {
            panic!("{}: {e:?}", case.name());
        }
    }
    assert!(api.requests() > 0);
}

#[test]
fn only_the_renamed_field_is_reported() {
    let (package, plan) = recorded();
    let api = server(Some(("amount", "value")));
    let report = failure(&plan, package.path(), &api, "full_load_of_two_markets").unwrap();
    let places: Vec<&str> = report.lines().map(str::trim).filter(|line| line.contains('→')).collect();
    let expected = [
        "JSON /data/*/price/amount  string    →  (absent)",
        "JSON /data/*/price/value   (absent)  →  string",
        "JSON /quotes/*/price/amount  string    →  (absent)",
        "JSON /quotes/*/price/value   (absent)  →  string",
    ];
    assert_eq!(places, expected, "{report}");
    assert!(report.starts_with("error: the API has changed: "), "{report}");
    // The run added no file.
    let files = fs::read_dir(package.path().join("tests/prices/full_load_of_two_markets/cassettes")).unwrap();
    assert_eq!(files.count(), 2, "the cassette and its snapshot");
}
