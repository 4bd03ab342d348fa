//! While cassette records a response body, the body passes through several stages. This program measures each stage
//! separately, in its own process.
//!
//! Run it with `cargo bench -p cassette-benches --bench stages`. For each stage it prints the speed of the fastest
//! round, in MB (10^6 bytes) per second. It also prints how many times as long as SHA-256 of the same bytes the stage
//! takes, measured in the same run.

#![expect(clippy::print_stdout, reason = "the program prints a table")]

use std::io::{self, Write};
use std::time::{Duration, Instant};

use cassette::__support::{BodySink, Files, Journal, JournalOptions, Lexer, Redactor, Rules};
use cassette_benches::Result;
use cassette_benches::data;

/// The size of the chunks of a body: the size of an HTTP/2 frame.
const CHUNK: usize = 16 * 1024;

const JSON: Option<&str> = Some("application/json");

fn main() -> Result<()> {
    let rounds = if std::env::args().any(|a| a == "--bench") { 7 } else { 1 };
    let rows = data::rows();
    let body = [b"[", &rows.repeat(24)[..], b"{}]"].concat();
    let chunks = || body.chunks(CHUNK);
    let hashing = std::cell::Cell::new(None);
    let best = |what: &str, stage: &mut dyn FnMut() -> Result<()>| -> Result<()> {
        let mut best = Duration::MAX;
        for _ in 0..rounds {
            let start = Instant::now();
            stage()?;
            best = best.min(start.elapsed());
        }
        let seconds = best.as_secs_f64();
        let unit = hashing.get().unwrap_or(seconds);
        hashing.set(Some(unit));
        println!("{what:<44} {:>7.0} MB/s {:>6.2}", body.len() as f64 / 1e6 / seconds, seconds / unit);
        Ok(())
    };
    let feed = |sink: &mut dyn Write| chunks().try_for_each(|chunk| sink.write_all(chunk));

    println!("{} MB of JSON in chunks of {} KiB\n", body.len() / 1_000_000, CHUNK / 1024);
    best("hash", &mut || {
        let mut sink = BodySink::hash_only(64 * 1024);
        feed(&mut sink)?;
        sink.finish()?;
        Ok(())
    })?;
    let mut copy = Vec::with_capacity(body.len());
    best("copy", &mut || {
        copy.clear();
        feed(&mut copy)?;
        Ok(())
    })?;
    best("JSON tokens", &mut || {
        let mut lexer = Lexer::lenient();
        for chunk in chunks() {
            let mut at = 0;
            while let Some(piece) = lexer.next(chunk, at)? {
                at = piece.span.end;
            }
        }
        Ok(())
    })?;
    for secrets in [0, 1, 100] {
        let redactor = redactor(secrets)?;
        best(&format!("redaction, {secrets} secrets, JSON"), &mut || {
            let mut out = redactor.body(JSON, io::sink());
            feed(&mut out)?;
            out.finish()?;
            Ok(())
        })?;
        let mut out = redactor.body(JSON, Vec::new());
        feed(&mut out)?;
        if out.finish()? != body {
            return Err("redaction changed a body without secrets".into());
        }
    }
    let one = redactor(1)?;
    for secrets in [1, 100] {
        let redactor = redactor(secrets)?;
        best(&format!("redaction, {secrets} secrets, CSV"), &mut || {
            let mut out = redactor.body(Some("text/csv"), io::sink());
            out.write_all(b"id,")?;
            feed(&mut out)?;
            out.finish()?;
            Ok(())
        })?;
    }
    tiny(&one, rounds)?;
    long(&rows, rounds)?;
    let dir = tempfile::tempdir()?;
    let journal = Journal::create(&Files::new(dir.path(), &"stages".parse()?), JournalOptions::default())?;
    best("hash and file", &mut || {
        let mut sink = journal.body(JSON);
        feed(&mut sink)?;
        sink.finish()?;
        Ok(())
    })?;
    for secrets in [1, 100] {
        let redactor = redactor(secrets)?;
        best(&format!("redaction, {secrets} secrets, hash and file"), &mut || {
            let mut out = redactor.body(JSON, journal.body(JSON));
            feed(&mut out)?;
            out.finish()?.finish()?;
            Ok(())
        })?;
    }
    for secrets in [1, 100] {
        let check = redactor(secrets)?.leak_check()?;
        best(&format!("leak check, {secrets} secrets"), &mut || {
            let leak = check.scan(&body[..])?;
            leak.map_or(Ok(()), |leak| Err(leak.to_string().into()))
        })?;
    }
    Ok(())
}

/// Streams a body of 100 MB, first without redaction, then with the redaction of a typical project. Prints the speed,
/// and how much memory the process needs in addition.
fn long(rows: &[u8], rounds: u32) -> Result<()> {
    let repeats = if rounds > 1 { 100_000_000 / rows.len() } else { 1 };
    let project = redactor(100)?;
    for (what, redactor) in [("100 MB, plain", None), ("100 MB, 100 secrets and 20 fields", Some(project))] {
        peak();
        let (mut best, before) = (Duration::MAX, peak());
        for _ in 0..rounds.min(3) {
            let start = Instant::now();
            let feed = |sink: &mut dyn Write| {
                sink.write_all(b"[")?;
                (0..repeats).flat_map(|_| rows.chunks(CHUNK)).try_for_each(|chunk| sink.write_all(chunk))
            };
            match &redactor {
                None => feed(&mut BodySink::hash_only(64 * 1024))?,
                Some(redactor) => {
                    let mut out = redactor.body(JSON, BodySink::hash_only(64 * 1024));
                    feed(&mut out)?;
                    out.finish()?.finish()?;
                }
            }
            best = best.min(start.elapsed());
        }
        let speed = (repeats * rows.len()) as f64 / 1e6 / best.as_secs_f64();
        let grown = peak()
            .zip(before)
            .map_or("?".to_owned(), |(after, before)| after.saturating_sub(before).to_string());
        println!("{what:<44} {speed:>7.0} MB/s, peak memory + {grown} kB");
    }
    Ok(())
}

/// Returns the peak memory of this process since the previous call of this function, in kB. If it is called twice in a
/// row, the second call returns the current memory. `None` on systems other than Linux, which do not report it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}

/// Measures the time for a body of a few bytes.
fn tiny(redactor: &Redactor, rounds: u32) -> Result<()> {
    const BODIES: u32 = 20_000;
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..BODIES {
            let mut out = redactor.body(JSON, BodySink::hash_only(64 * 1024));
            out.write_all(b"{\"id\":1,\"state\":\"open\"}")?;
            out.finish()?.finish()?;
        }
        best = best.min(start.elapsed());
    }
    println!("{:<44} {:>7.0} ns", "a body of 25 bytes", best.as_nanos() as f64 / f64::from(BODIES));
    Ok(())
}

fn redactor(secrets: u64) -> Result<Redactor> {
    let mut rules = (0..20).fold(Rules::default(), |rules, n| rules.field(format!("customer_pin_{n}")));
    for n in 0..secrets {
        let value = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        rules = rules.secret(format!("SECRET_{n}"), format!("sk-{value:016x}"))?;
    }
    Ok(Redactor::new(rules)?)
}
