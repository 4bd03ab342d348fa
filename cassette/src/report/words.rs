//! Small change of sentences: numbers, sizes, long values.

use super::SHOWN;

/// The longest value that is shown whole, in characters.
const LONG: usize = 120;

/// `1 file`, `2 files`.
pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `912 bytes`, `48 kB`, `4.2 MB`: powers of ten.
pub(super) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} bytes"),
        1_000..1_000_000 => format!("{} kB", n.div_ceil(1_000)),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

/// Tells how many are not shown, on a line of its own.
pub(super) fn more(n: usize) -> String {
    if n > SHOWN { format!("\n  … and {} more", n - SHOWN) } else { String::new() }
}

/// On one line: control characters escaped, a long value shortened in its middle.
pub(super) fn shortened(value: &str) -> String {
    let clean: Vec<char> =
        value.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect();
    if clean.len() <= LONG {
        return clean.into_iter().collect();
    }
    let (head, tail) = (LONG * 2 / 3, LONG / 3);
    let cut = clean.len() - head - tail;
    let text = |c: &[char]| c.iter().collect::<String>();
    format!("{} … {cut} characters … {}", text(&clean[..head]), text(&clean[clean.len() - tail..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_in_the_middle() {
        assert_eq!(shortened("a\nb\u{1b}[0m"), "a\\nb\\u{1b}[0m");
        let long = "ä".repeat(100) + &"b".repeat(100);
        let short = shortened(&long);
        assert_eq!(short, format!("{} … 80 characters … {}", "ä".repeat(80), "b".repeat(40)));
        assert_eq!(shortened(&"c".repeat(120)), "c".repeat(120));
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_001), "2 kB");
        assert_eq!(bytes(4_155_000), "4.2 MB");
    }
}
