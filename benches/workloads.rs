//! What recording and replaying cost beside a plain client: wall and CPU time, memory, disk.
//!
//! `cargo bench -p cassette-benches --bench workloads`; `-- --quick` for a tenth of it, `-- --only W3` for one. It
//! ends with status 1 if recording takes more memory than its budget. Times are told, never judged.

#![expect(clippy::print_stderr, reason = "this program's purpose is its table")]

use std::process::ExitCode;

use cassette_benches::{ours, table};

/// What recording may take above a plain client, in MB.
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
        eprintln!("OVER BUDGET: {what} takes {grown:.1} MB more than the plain client, {BUDGET} are allowed");
    }
    if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
