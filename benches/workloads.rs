//! Measures recording and replaying, and compares them with a plain client: wall time, CPU time, memory, and disk
//! space.
//!
//! Run it with `cargo bench -p cassette-benches --bench workloads`. The option `-- --quick` runs a tenth of each
//! workload, and `-- --only W3` runs only one workload. The program exits with status 1 if a session takes more memory
//! than its budget. There is no limit for times.

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
