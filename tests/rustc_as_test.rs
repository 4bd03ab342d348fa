//! `rustc`, compiling a test executable whatever it was asked for.
//!
//! trybuild compiles its cases as programs, and in a program rustc drops every function with `#[test]` before
//! it looks at types. As cargo's workspace wrapper this keeps them, so that mistakes in their types are seen.

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let rustc = arguments.next().expect("cargo names the compiler first");
    let arguments: Vec<_> = arguments.collect();
    let mut command = Command::new(rustc);
    command.args(&arguments);
    // Cargo also asks the compiler about itself, which emits nothing.
    if arguments.iter().any(|a| a.to_string_lossy().starts_with("--emit")) {
        command.arg("--test");
    }
    let status = command.status().expect("the compiler starts");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
