//! Runs the workloads with each role, and prints a table in Markdown.

use std::io::Write as _;
use std::path::Path;

use crate::Result;
use crate::measure::{self, Job, Limits, Measured, Role};
use crate::server::{self, Server};
use crate::workload::{self, Exchange, Workload};

const HELP: &str = "options: --quick (a tenth of each workload), --only W3, --https, --rounds N (default 3), \
                    --seconds N (limit for each client, default 120)";

struct Options {
    quick: bool,
    only: Option<String>,
    scheme: &'static str,
    rounds: u32,
    limits: Limits,
}

/// The main function of a program that measures `roles`. The first role must be the plain client. Returns an entry for
/// each measured workload and role: a name, and how much higher its peak memory is than the plain client's, in MB.
///
/// # Errors
///
/// An argument is wrong, or the server or the plain client failed.
pub fn main(roles: &[Role]) -> Result<Vec<(String, f64)>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => server::serve(Path::new(&arguments[1])).map(|()| Vec::new()),
        Some("client") => {
            std::io::stdout().write_all(measure::client(&arguments[1..], roles)?.as_bytes())?;
            Ok(Vec::new())
        }
        _ => table(&options(&arguments)?, roles),
    }
}

fn options(arguments: &[String]) -> Result<Options> {
    // `cargo bench` builds without debug assertions, and runs the whole workloads. `cargo test --all-targets` builds
    // with debug assertions, and runs a tenth of each.
    let bench = cfg!(not(debug_assertions));
    let mut options =
        Options { quick: !bench, only: None, scheme: "http", rounds: 3, limits: Limits::default() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or(HELP);
        match argument.as_str() {
            "--bench" => {}
            "--quick" => (options.quick, options.rounds) = (true, 1),
            "--https" => options.scheme = "https",
            "--only" => options.only = Some(value()?.clone()),
            "--rounds" => options.rounds = value()?.parse()?,
            "--seconds" => options.limits.time = std::time::Duration::from_secs(value()?.parse()?),
            _ => return Err(HELP.into()),
        }
    }
    Ok(options)
}

fn table(options: &Options, roles: &[Role]) -> Result<Vec<(String, f64)>> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path())?;
    let root = server::root(dir.path())?;
    say(
        "| | | wall s | × plain | CPU s | × plain | peak MB over plain | without the program | MB on disk | |",
    )?;
    say("|---|---|---|---|---|---|---|---|---|---|")?;
    let mut peaks = Vec::new();
    for workload in workload::ALL {
        if options.only.as_ref().is_some_and(|only| only != workload.name) {
            continue;
        }
        let workload = if options.quick { workload.quick() } else { workload };
        let address = if options.scheme == "http" { server.http } else { server.https };
        let at = dir.path().join(workload.name);
        let job = Job { workload, address, scheme: options.scheme.into(), dir: at, root: root.clone() };
        let mut plain = None;
        for role in roles {
            let job = Job { dir: job.dir.join(role.group), ..job.clone() };
            std::fs::create_dir_all(&job.dir)?;
            match best(&job, *role, options) {
                Ok(found) => {
                    let plain = plain.get_or_insert_with(|| found.clone());
                    say(&row(role.name, &workload, &found, plain))?;
                    if found.bytes != plain.bytes {
                        let (read, sent) = (found.bytes, plain.bytes);
                        say(&format!("| | {} **read {read} of {sent} bytes** |", role.name))?;
                    }
                    peaks
                        .push((format!("{}, {}", workload.name, role.name), over(|m| m.peak, &found, plain)));
                }
                Err(e) if plain.is_none() => return Err(e),
                Err(e) => say(&format!("| | {} | {e} |", role.name))?,
            }
        }
        std::fs::remove_dir_all(&job.dir)?;
    }
    Ok(peaks)
}

/// Runs the job in several rounds. Returns the shortest times and the highest peak memory.
fn best(job: &Job, role: Role, options: &Options) -> Result<Measured> {
    let mut best = job.measure(role, options.quick, options.limits)?;
    for _ in 1..options.rounds {
        // If a round took more than 20 s, there is no further round, to save time.
        if best.wall.as_secs() > 20 {
            break;
        }
        let next = job.measure(role, options.quick, options.limits)?;
        best.wall = best.wall.min(next.wall);
        best.cpu = best.cpu.min(next.cpu);
        best.peak = best.peak.max(next.peak);
        best.data = best.data.max(next.data);
    }
    Ok(best)
}

fn row(role: &str, workload: &Workload, m: &Measured, plain: &Measured) -> String {
    let (wall, cpu) = (m.wall.as_secs_f64(), m.cpu.as_secs_f64());
    let rate = match workload.exchange {
        Exchange::Post => format!("{:.0} µs each", wall * 1e6 / f64::from(workload.exchanges)),
        _ => format!("{:.0} MB/s", workload.bytes() as f64 / 1e6 / wall),
    };
    let is_plain = role == "plain";
    let what = if is_plain { format!("**{}** {}", workload.name, workload.what) } else { String::new() };
    let grown = |of: fn(&Measured) -> u64| match is_plain {
        true => format!("({:.0})", of(m) as f64 / 1e6),
        false => format!("{:.1}", over(of, m, plain)),
    };
    format!(
        "| {what} | {role} | {wall:.2} | {:.1} | {cpu:.2} | {:.1} | {} | {} | {:.1} | {rate} |",
        wall / plain.wall.as_secs_f64(),
        cpu / plain.cpu.as_secs_f64(),
        grown(|m| m.peak),
        grown(|m| m.data),
        m.disk as f64 / 1e6,
    )
}

fn over(of: fn(&Measured) -> u64, m: &Measured, plain: &Measured) -> f64 {
    (of(m) as f64 - of(plain) as f64) / 1e6
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
