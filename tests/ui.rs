//! What the compiler says about a wrong `#[cassette_test]`: each file in `ui/` with the text next to it.
//!
//! After a change on purpose: `TRYBUILD=overwrite cargo test -p cassette-tests --test ui`, and read the diff.

use std::env;
use std::process::Command;

/// Cargo's variable for a program to start instead of the compiler.
const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";

#[test]
fn mistakes_are_explained_where_they_are() {
    let wrapper = env!("CARGO_BIN_EXE_rustc-as-test");
    if env::var_os(WRAPPER).is_some_and(|w| w == wrapper) {
        return trybuild::TestCases::new().compile_fail("ui/*.rs");
    }
    // The variable has to be there before this process starts, so the test starts itself once more.
    let exe = env::current_exe().unwrap();
    let test = ["--exact", "mistakes_are_explained_where_they_are", "--nocapture"];
    let output = Command::new(exe).args(test).env(WRAPPER, wrapper).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|o| String::from_utf8_lossy(&o).into_owned());
    assert!(output.status.success(), "{stdout}\n{stderr}");
}
