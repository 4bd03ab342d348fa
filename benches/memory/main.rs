//! What recording and replaying cost beside a plain client: memory, throughput, time for an exchange.
//!
//! `cargo bench -p cassette-benches --bench memory`, with `-- --quick` for a tenth of it. Every figure is of a
//! process of its own: the executable starts itself as the server and as each client. It ends with status 1 if
//! recording the large response takes more memory than its budget. Times are told, never judged.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this program's purpose is its table")]

mod role;
mod server;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use role::{Job, Measured, Role, Work};
use server::Server;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What recording one large response may take above a plain client, in MB.
const BUDGET: f64 = 10.0;

const HELP: &str = "options: --quick, --mb N (the large response), --exchanges N (small ones)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("serve") => server::serve(Path::new(&arguments[1])).map(|()| true),
        Some("client") => role::main(&arguments[1..]).map(|told| {
            print!("{told}");
            true
        }),
        _ => sizes(&arguments).and_then(measure),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}

struct Sizes {
    /// Processes for each figure: the shortest time counts, and the highest peak.
    rounds: usize,
    bytes: u64,
    exchanges: u32,
    sessions: usize,
}

fn sizes(arguments: &[String]) -> Result<Sizes> {
    let quick = Sizes { rounds: 1, bytes: 50_000_000, exchanges: 200, sessions: 20 };
    let full = Sizes { rounds: 3, bytes: 500_000_000, exchanges: 2_000, sessions: 200 };
    // Cargo says `--bench`; without it this is a test of the bench (`cargo test --all-targets`).
    let is_bench = arguments.iter().any(|a| a == "--bench");
    let mut sizes = if is_bench && !arguments.iter().any(|a| a == "--quick") { full } else { quick };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || rest.next().ok_or(HELP).and_then(|n| n.parse::<u32>().map_err(|_| HELP));
        match argument.as_str() {
            "--bench" | "--quick" => {}
            "--mb" => sizes.bytes = u64::from(number()?) * 1_000_000,
            "--exchanges" => sizes.exchanges = number()?,
            _ => return Err(HELP.into()),
        }
    }
    Ok(sizes)
}

/// Prints the tables. Whether the budget is kept.
fn measure(sizes: Sizes) -> Result<bool> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path())?;
    let sides = [("https", server.https), ("http", server.http)];
    let mut kept = true;

    println!("one response of {} MB (MB are 10^6 bytes)\n", sizes.bytes / 1_000_000);
    println!("             peak MB  over plain  seconds    MB/s  to plain  session s");
    for (scheme, address) in sides {
        let job = |role| Job { role, work: Work::Large(sizes.bytes), scheme, address, dir: dir.path() };
        let all = run(job, sizes.rounds)?;
        all.iter().for_each(|row| println!("{}", large(scheme, row, &all[0].1)));
        if all[0].1.peak.is_none() {
            println!("no peak memory: /proc/self/status isn't there or has no VmHWM");
        }
        if let Some(grown) = over(&all[1].1, &all[0].1).filter(|grown| *grown >= BUDGET) {
            kept = false;
            let mb = sizes.bytes / 1_000_000;
            println!(
                "OVER BUDGET: recording {mb} MB over {scheme} takes {grown:.1} MB more, {BUDGET} are allowed"
            );
        }
    }

    println!("\n{} exchanges of 2 KB each way\n", sizes.exchanges);
    println!("             peak MB  over plain  seconds      µs  to plain  session s");
    for (scheme, address) in sides {
        let job = |role| Job { role, work: Work::Small(sizes.exchanges), scheme, address, dir: dir.path() };
        let all = run(job, sizes.rounds)?;
        all.iter().for_each(|row| println!("{}", small(scheme, row, &all[0].1, sizes.exchanges)));
    }

    let found = role::sessions(dir.path(), sizes.sessions)?;
    println!("\na session that asks for nothing, median of {}, ms\n", sizes.sessions);
    for (what, time) in [
        ("the first of a process", found.first),
        ("empty, begin and finish", found.empty),
        ("the same with its client", found.client),
        ("with the cassette of the exchanges", found.indexed),
    ] {
        println!("{what:<34} {:>8.2}", time.as_secs_f64() * 1e3);
    }
    Ok(kept)
}

fn run<'a>(job: impl Fn(Role) -> Job<'a>, rounds: usize) -> Result<Vec<(Role, Measured)>> {
    let measured = |role| {
        let mut best: Measured = job(role).run()?;
        for _ in 1..rounds {
            let next = job(role).run()?;
            best.asking = best.asking.min(next.asking);
            best.session = best.session.min(next.session);
            best.peak = best.peak.max(next.peak);
        }
        Ok((role, best))
    };
    Role::ALL.into_iter().map(measured).collect()
}

fn large(scheme: &str, (role, m): &(Role, Measured), plain: &Measured) -> String {
    row(scheme, *role, m, plain, m.bytes as f64 / 1e6 / m.asking.as_secs_f64())
}

fn small(scheme: &str, (role, m): &(Role, Measured), plain: &Measured, exchanges: u32) -> String {
    row(scheme, *role, m, plain, m.asking.as_secs_f64() * 1e6 / f64::from(exchanges))
}

/// How much longer it took is a ratio of times in both tables.
fn row(scheme: &str, role: Role, m: &Measured, plain: &Measured, rate: f64) -> String {
    let mb = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.1}"));
    let seconds = |d: Duration| d.as_secs_f64();
    format!(
        "{scheme:<5} {:<6} {:>8} {:>11} {:>8.2} {rate:>7.0} {:>8.2}x {:>10.2}",
        role.name(),
        mb(m.peak.map(|bytes| bytes as f64 / 1e6)),
        mb(over(m, plain).filter(|_| role != Role::Plain)),
        seconds(m.asking),
        seconds(m.asking) / seconds(plain.asking),
        seconds(m.session),
    )
}

/// Peak memory above the plain client's, in MB.
fn over(m: &Measured, plain: &Measured) -> Option<f64> {
    Some((m.peak? as f64 - plain.peak? as f64) / 1e6)
}
