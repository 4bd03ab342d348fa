//! Formats values for people. Escapes control characters in foreign text, shortens long text, and formats sizes and
//! counts.
//!
//! Must not know: which report the text is for.

use std::borrow::Cow;

/// How many characters of a value a report shows.
pub(super) const VALUE: usize = 120;
/// How many characters of a URI a report shows. URIs are longer than other values, and readers need the whole URI.
pub(super) const URI: usize = 300;
/// If two long values differ, the report shows this number of characters before the first difference.
const CONTEXT: usize = 30;

/// The text as one line that has no effect on a terminal. Control characters, and characters that change the direction
/// of text, are escaped.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_harmful(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_harmful(c: char) -> bool {
    // The bidirectional controls of Unicode (UAX #9 §2) and the line separators.
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text after [`clean`]. If it is longer than `max` characters, its middle is left out.
pub(super) fn short(text: &str, max: usize) -> String {
    let length = text.chars().count();
    if length <= max {
        return clean(text).into_owned();
    }
    let (head, tail) = (max * 2 / 3, max / 3);
    let left_out = length - head - tail;
    format!(
        "{}…({left_out} characters)…{}",
        clean(slice(text, 0, head)),
        clean(slice(text, length - tail, tail))
    )
}

/// Two different values after [`clean`]. If one of them is long, each of them is reduced to the part around the first
/// difference.
pub(super) fn short_pair(a: &str, b: &str) -> (String, String) {
    if a.chars().count() <= VALUE && b.chars().count() <= VALUE {
        return (clean(a).into_owned(), clean(b).into_owned());
    }
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let start = if same <= 2 * CONTEXT { 0 } else { same - CONTEXT };
    (window(a, start, VALUE), window(b, start, VALUE))
}

/// `width` characters of the text from `start` on. A `…` shows where text is left out before or after them.
pub(super) fn window(text: &str, start: usize, width: usize) -> String {
    let length = text.chars().count();
    // If only one character would be left out at the end, it is shown, because a `…` takes the same space.
    let width = if length <= start + width + 1 { width + 1 } else { width };
    let before = if start > 0 { "…" } else { "" };
    let after = if length > start + width { "…" } else { "" };
    format!("{before}{}{after}", clean(slice(text, start, width)))
}

/// The names as a list in backticks, such as `` `a`, `b` and `c` ``.
pub(super) fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", clean(name))).collect();
    match &*names {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

/// `length` characters of the text from `start` on.
fn slice(text: &str, start: usize, length: usize) -> &str {
    let at = |n: usize, text: &str| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    let rest = &text[at(start, text)..];
    &rest[..at(length, rest)]
}

/// The bytes around `offset` as text. Bytes that are not valid UTF-8 are escaped.
pub(super) fn excerpt(bytes: &[u8], offset: usize) -> String {
    let start = bytes.len().min(offset).saturating_sub(CONTEXT);
    let end = bytes.len().min(start + VALUE / 2);
    let mut out = String::from(if start > 0 { "…" } else { "" });
    for chunk in bytes[start..end].utf8_chunks() {
        out.push_str(&clean(chunk.valid()));
        out.extend(chunk.invalid().iter().map(|b| format!("\\x{b:02x}")));
    }
    out.push_str(if end < bytes.len() { "…" } else { "" });
    out
}

/// `1 request`, `2 requests`.
pub(super) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// The text `… and 3 more`, or `… and 3 more requests` with a noun. `None` if all items are shown.
pub(super) fn more(all: usize, shown: usize, noun: &str) -> Option<String> {
    let left = all.checked_sub(shown).filter(|left| *left > 0)?;
    Some(match noun {
        "" => format!("… and {left} more"),
        noun => format!("… and {}", count(left, &format!("more {noun}"))),
    })
}

/// A size with a unit, such as `812 B`, `1.2 kB`, `48 kB` or `3.4 MB`. Units are powers of 1000 (SI).
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit < 3 {
        tenths /= 1000;
        unit += 1;
    }
    let unit = ["kB", "MB", "GB", "TB"][unit];
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// The entry of `valid` that the user probably meant by `word`. `None` if no entry is similar.
pub(super) fn nearest<'v>(word: &str, valid: &'v [String]) -> Option<&'v str> {
    let word = word.trim().to_lowercase();
    let ranked = valid.iter().map(|v| (edits(&word, v), v));
    ranked
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, v)| edits * 3 <= v.chars().count())
        .map(|(_, v)| v.as_str())
}

/// The number of insertions, removals, replacements and swaps of neighbours that turn one word into the other (optimal
/// string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: PartialEq<str> + std::fmt::Debug>(actual: T, expected: &str) {
        assert!(actual == *expected, "{actual:?}, expected {expected:?}");
    }

    #[test]
    fn cleaning() {
        check(clean("plain é"), "plain é");
        check(clean("a\nb\r\t\u{1b}[31m\0"), "a\\nb\\r\\t\\u{1b}[31m\\u{0}");
        check(clean("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
    }

    #[test]
    fn shortening() {
        check(short("short", 5), "short");
        check(short("0123456789abcdef", 6), "0123…(10 characters)…ef");
        check(short(&"é".repeat(200), 6), "éééé…(194 characters)…éé");
    }

    #[test]
    fn pairs_show_where_they_differ() {
        let (a, b) = short_pair("x", "y");
        check(a, "x");
        check(b, "y");
        let common = "-".repeat(500);
        let (a, b) = short_pair(&format!("{common}1{common}"), &format!("{common}2"));
        check(a, &format!("…{}1{}…", "-".repeat(30), "-".repeat(89)));
        check(b, &format!("…{}2", "-".repeat(30)));
        let (a, b) = short_pair(&format!("1{common}"), "2");
        check(a, &format!("1{}…", "-".repeat(119)));
        check(b, "2");
    }

    #[test]
    fn excerpts() {
        check(excerpt(b"hello", 2), "hello");
        check(excerpt(b"a\xff\n", 0), "a\\xff\\n");
        check(excerpt(&[b'x'; 100], 70), &format!("…{}", "x".repeat(60)));
        check(excerpt(&[b'x'; 200], 70), &format!("…{}…", "x".repeat(60)));
        check(excerpt(b"", 10), "");
    }

    #[test]
    fn sizes() {
        check(size(0), "0 B");
        check(size(999), "999 B");
        check(size(1000), "1.0 kB");
        check(size(1290), "1.2 kB");
        check(size(48_900), "48 kB");
        check(size(999_999), "999 kB");
        check(size(1_000_000), "1.0 MB");
        check(size(3_456_000_000), "3.4 GB");
        check(size(u64::MAX), "18446744 TB");
    }

    #[test]
    fn counts() {
        check(count(0, "request"), "0 requests");
        check(count(1, "request"), "1 request");
        check(count(2, "request"), "2 requests");
    }

    #[test]
    fn what_is_left_out() {
        assert_eq!(more(5, 5, ""), None);
        assert_eq!(more(4, 5, ""), None);
        assert_eq!(more(7, 5, "").as_deref(), Some("… and 2 more"));
        assert_eq!(more(6, 5, "request").as_deref(), Some("… and 1 more request"));
    }

    #[test]
    fn nearest_words() {
        let valid = ["replay", "record", "auto", "off"].map(str::to_owned);
        assert_eq!(nearest("recrod", &valid), Some("record"));
        assert_eq!(nearest(" RECORD ", &valid), Some("record"));
        assert_eq!(nearest("reply", &valid), Some("replay"));
        assert_eq!(nearest("of", &valid), Some("off"));
        assert_eq!(nearest("yes", &valid), None);
    }
}
