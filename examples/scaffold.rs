//! Generates the tests of the prices component from its definitions, and records them from the bundled API server.
//!
//! Run it with `cargo run --example scaffold`. A second run changes nothing. With the option `-- --check` it writes
//! nothing, and only checks that the files match the definitions.

use std::path::Path;
use std::process::ExitCode;

use cassette::Summary;
use cassette::scaffold::{ChangeKind, Plan};
use clap::Parser;
use prices::api::{ApiServer, HOST};
use prices::harness;

/// Generates the tests of the prices component from its definitions, and records them.
#[derive(Parser)]
struct Arguments {
    /// Write nothing. Fail if a generated file is missing or differs, or a case was never recorded.
    #[arg(long)]
    check: bool,
    /// Write the files, but record nothing.
    #[arg(long, conflicts_with = "check")]
    no_record: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            say(&format!("scaffold: {e:?}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> cassette::TestResult {
    let plan = harness::scaffold().plan()?;
    if arguments.check {
        plan.check()?;
        say(&format!("{} cases match their definitions", plan.cases().len()));
        return Ok(());
    }
    let written = plan.write()?;
    for file in written.iter().filter(|f| f.change != ChangeKind::Unchanged) {
        say(&file.to_string());
    }
    for orphan in plan.orphans()? {
        say(&format!("{}: no longer defined, remove it", orphan.display()));
    }
    let changed = written.iter().any(|f| f.change != ChangeKind::Unchanged);
    let recorded = if arguments.no_record { false } else { record(&plan)? };
    if !changed && !recorded {
        say("nothing changed");
    }
    Ok(())
}

/// Starts a new API server, and records every case from it. Returns whether a cassette has changed.
fn record(plan: &Plan) -> cassette::TestResult<bool> {
    let api = ApiServer::start(7)?;
    let cases = plan.cases().len();
    say(&format!("recording {cases} cases from https://{HOST}, played by a server on {}", api.addr()));
    let mut changed = false;
    harness::record(plan, Path::new(env!("CARGO_MANIFEST_DIR")), &api, |case, summary| {
        say(&line(case.name(), summary));
        changed |= summary.changed;
    })?;
    say(&format!("{} requests in all; now run `cargo test`", api.requests()));
    Ok(changed)
}

/// The line that is printed for a case: what cassette recorded and redacted, and how long it took.
fn line(case: &str, summary: &Summary) -> String {
    let redacted: Vec<String> = summary.redacted.iter().map(|(rule, n)| format!("{rule} ×{n}")).collect();
    format!(
        "{:<9} {case}: {} interactions, {} kB, {} files out, {} ms; redacted {}",
        if summary.changed { "recorded" } else { "unchanged" },
        summary.interactions,
        summary.bytes.div_ceil(1000),
        summary.output_files.unwrap_or(0),
        summary.elapsed.as_millis(),
        if redacted.is_empty() { "nothing".to_owned() } else { redacted.join(", ") },
    )
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn say(line: &str) {
    println!("{line}");
}
