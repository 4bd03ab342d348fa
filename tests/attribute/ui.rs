//! Tests the compiler's messages for wrong uses of `#[cassette_test]`. rustc must refuse each Rust file in `ui/`, with
//! the text in the `.stderr` file next to it.
//!
//! After an intended change, run `TRYBUILD=overwrite cargo test -p cassette-attribute-tests`, and review the diff.

use std::env;
use std::process::Command;

/// The variable that names the program that cargo starts instead of the compiler.
const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";

#[test]
fn errors_point_to_the_mistake() {
    let wrapper = env!("CARGO_BIN_EXE_rustc-as-test");
    if env::var_os(WRAPPER).is_some_and(|w| w == wrapper) {
        return trybuild::TestCases::new().compile_fail("ui/*.rs");
    }
    // A process must not change its own environment while other threads run. So the test starts itself again, with the
    // variable.
    let exe = env::current_exe().unwrap();
    let test = ["--exact", "errors_point_to_the_mistake", "--nocapture"];
    let output = Command::new(exe).args(test).env(WRAPPER, wrapper).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|o| String::from_utf8_lossy(&o).into_owned());
    assert!(output.status.success(), "{stdout}\n{stderr}");
}
