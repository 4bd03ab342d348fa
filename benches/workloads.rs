//! Compares recording and replaying with a plain client: wall and CPU time, memory, disk.
//!
//! `cargo bench -p cassette-benches --bench workloads`; with `-- --quick` a tenth of each workload, with `-- --only W3`
//! one workload. The program exits with status 1 if a session takes more memory than its budget. Times have no limit.

#![expect(clippy::print_stderr, reason = "the program prints a table")]

use std::process::ExitCode;

use cassette_benches::{ours, table};

/// How much more memory than a plain client a session may take, in MB.
const BUDGET: f64 = 10.0;

fn main() -> ExitCode {
    let peaks = match table::main(&ours::ROLES) {
        Ok(peaks) => peaks,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    let over: Vec<_> = peaks.iter().filter(|(_, grown)| *grown >= BUDGET).collect();
    for (what, grown) in &over {
        eprintln!(
            "OVER BUDGET: {what} takes {grown:.1} MB more than the plain client; the limit is {BUDGET} MB"
        );
    }
    if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
