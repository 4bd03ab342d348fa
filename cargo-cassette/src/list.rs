//! The table of `cargo cassette list`.

use std::io::{self, Write};
use std::path::Path;

use cassette::tape::Listed;

const HEADINGS: [&str; 5] = ["cassette", "interactions", "size", "recorded", "frozen at"];

/// Numbers stand to the right.
const TO_THE_RIGHT: [bool; 5] = [false, true, true, false, false];

/// Prints the table to `out` and what cannot be read to `err`. Says whether all could.
pub(crate) fn print(
    out: &mut impl Write,
    err: &mut impl Write,
    below: &Path,
    found: &[Listed],
) -> io::Result<bool> {
    let (mut rows, mut interactions, mut size) = (vec![HEADINGS.map(str::to_owned)], 0, 0);
    let mut failed = 0;
    for listed in found {
        match &listed.summary {
            Ok(summary) => {
                interactions += summary.interactions;
                size += listed.size;
                let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                rows.push([
                    short(&listed.path),
                    summary.interactions.to_string(),
                    bytes(listed.size),
                    or_dash(&summary.metadata.recorded_at),
                    or_dash(&summary.metadata.freeze_time),
                ]);
            }
            Err(e) => {
                failed += 1;
                writeln!(err, "error: {e:?}")?;
            }
        }
    }
    match rows.len() - 1 {
        0 if failed == 0 => writeln!(out, "no cassettes below {}", below.display())?,
        0 => {}
        count => {
            table(out, &mut rows)?;
            let (s, i) = (plural(count), plural(interactions));
            writeln!(out, "\n{count} cassette{s}, {interactions} interaction{i}, {}", bytes(size))?;
        }
    }
    Ok(failed == 0)
}

fn table(out: &mut impl Write, rows: &mut [[String; 5]]) -> io::Result<()> {
    // The text comes from files that may be anybody's: none of it may steer the terminal.
    for cell in rows.iter_mut().flatten() {
        *cell = cell.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    }
    let mut widths = [0; 5];
    for row in rows.iter() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows.iter() {
        let mut line = String::new();
        for ((cell, width), right) in row.iter().zip(widths).zip(TO_THE_RIGHT) {
            let cell = if right { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            line.push_str(&cell);
            line.push_str("  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn short(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// Decimal units, three digits: `999 B`, `1.00 kB`, `12.3 MB`.
fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let (mut value, mut unit) = (n as f64 / 1000.0, 0);
    // 999.5 would be written with four digits.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n: u64, expected: &str) {
        assert_eq!(bytes(n), expected);
    }

    #[test]
    fn sizes_have_three_digits() {
        check(0, "0 B");
        check(999, "999 B");
        check(1000, "1.00 kB");
        check(9_994, "9.99 kB");
        check(9_996, "10.0 kB");
        check(99_960, "100 kB");
        check(999_499, "999 kB");
        check(999_500, "1.00 MB");
        check(36_800_000, "36.8 MB");
        check(u64::MAX, "18447 PB");
    }
}
