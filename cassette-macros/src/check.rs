//! Checks the literals in the attribute: names of cassettes, names of modes, and instants.
//!
//! The functions take the text of a literal, and return a message if the text is wrong. The library checks every value
//! again at run time. The checks here only report a mistake earlier, when the test is compiled.
//!
//! Must not know: tokens.

/// The modes that `mode = "…"` may name, in the order in which messages list them.
pub(crate) const MODES: [&str; 8] =
    ["replay", "record", "auto", "append", "verify", "accept", "off", "learn"];

/// Suffixes that no segment of a name may have: cassette's own files have them.
const RESERVED: [&str; 3] = [".bodies", ".recording", ".json"];

/// The placeholder for the path of the test.
const TEST: &str = "{test}";

/// Checks the name of a cassette: a relative path that is the same file on every system.
pub(crate) fn name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the name of a cassette cannot be empty; leave it out to name it after the test".into());
    }
    for segment in name.split('/') {
        let literal = segment.replace(TEST, "");
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let problem = if segment.is_empty() {
            "a segment is empty".to_owned()
        } else if segment.starts_with('.') {
            format!("`{segment}` starts with a dot")
        } else if segment.ends_with('.') {
            format!("`{segment}` ends in a dot")
        } else if let Some(c) = literal.chars().find(|&c| !allowed(c)) {
            format!("`{c}` is not allowed: use letters, digits, `.`, `_`, `-`, `/` and `{TEST}`")
        } else if let Some(end) = RESERVED.iter().find(|end| segment.ends_with(**end)) {
            format!("`{segment}` ends in `{end}`, which is kept for cassette's own files")
        } else {
            continue;
        };
        return Err(format!("not a name for a cassette: {problem}"));
    }
    Ok(())
}

/// Checks the name of a mode.
pub(crate) fn mode(mode: &str) -> Result<(), String> {
    if MODES.contains(&mode) {
        return Ok(());
    }
    let list = MODES.map(|m| format!("`{m}`")).join(", ");
    Err(format!("unknown mode `{mode}`: the modes are {list}"))
}

/// Checks an instant: `date-time` of RFC 3339, section 5.6, not before 1970, because a session's clock cannot show an
/// earlier time.
pub(crate) fn instant(text: &str) -> Result<(), String> {
    let fail =
        |why: &str| Err(format!("`{text}` is not an RFC 3339 instant such as `2024-05-06T07:08:09Z`: {why}"));
    let Some((date, rest)) = text.split_once(['T', 't']) else {
        return fail("there is no `T` between date and time");
    };
    let Some([year, month, day]) = numbers(date, '-', [4, 2, 2]) else {
        return fail("the date is not `YYYY-MM-DD`");
    };
    let Some(at) = rest.find(['Z', 'z', '+', '-']) else {
        return fail("the offset is missing: end it in `Z`");
    };
    let (clock, offset) = rest.split_at(at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let Some([hour, minute, second]) = numbers(clock, ':', [2, 2, 2]) else {
        return fail("the time is not `HH:MM:SS`");
    };
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return fail("the fraction of the second is not a number");
    }
    if !offset.eq_ignore_ascii_case("z")
        && !matches!(numbers(&offset[1..], ':', [2, 2]), Some([h, m]) if h < 24 && m < 60)
    {
        return fail("the offset is neither `Z` nor `+HH:MM`");
    }
    if year < 1970 {
        return fail("a clock cannot stand before 1970");
    }
    if !(1..=12).contains(&month) {
        return fail("there is no such month");
    }
    if day == 0 || day > days(year, month) {
        return fail("there is no such day in that month");
    }
    if hour > 23 || minute > 59 || second > 59 {
        return fail("there is no such time of day");
    }
    Ok(())
}

/// Parses `N` numbers with `separator` between them. Each number must have exactly as many digits as `widths` says.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    /// Checks that the message contains `expected`. An empty `expected` means that the text must be accepted.
    #[track_caller]
    fn check(result: Result<(), String>, expected: &str) {
        match result {
            Ok(()) => assert!(expected.is_empty(), "accepted, but should say: {expected}"),
            Err(e) => assert!(!expected.is_empty() && e.contains(expected), "said: {e}"),
        }
    }

    #[test]
    fn names() {
        use super::name;
        check(name("weather/berlin"), "");
        check(name("a.b-c_d/2"), "");
        check(name("{test}"), "");
        check(name("weather/{test}"), "");
        check(name("v1-{test}-x/y"), "");
        check(name(""), "cannot be empty");
        check(name("/weather"), "a segment is empty");
        check(name("weather/"), "a segment is empty");
        check(name("a//b"), "a segment is empty");
        check(name("../up"), "`..` starts with a dot");
        check(name("a/./b"), "`.` starts with a dot");
        check(name(".hidden"), "starts with a dot");
        check(name("a./b"), "ends in a dot");
        check(name("a b"), "` ` is not allowed");
        check(name("a\\b"), "`\\` is not allowed");
        check(name("größe"), "`ö` is not allowed");
        check(name("{tests}"), "`{` is not allowed");
        check(name("x.json"), "`x.json` ends in `.json`");
        check(name("x.bodies/y"), "`x.bodies` ends in `.bodies`");
        check(name("{test}.recording"), "ends in `.recording`");
    }

    #[test]
    fn modes() {
        use super::mode;
        check(mode("replay"), "");
        check(mode("record"), "");
        check(mode("auto"), "");
        check(mode("off"), "");
        check(
            mode("Record"),
            "unknown mode `Record`: the modes are `replay`, `record`, `auto`, `append`, `verify`, `accept`, `off`, `learn`",
        );
        check(mode(""), "unknown mode ``");
    }

    #[test]
    fn instants() {
        use super::instant;
        check(instant("2024-05-06T07:08:09Z"), "");
        check(instant("2024-05-06t07:08:09z"), "");
        check(instant("2024-05-06T07:08:09.123456789+05:30"), "");
        check(instant("2024-05-06T07:08:09-00:00"), "");
        check(instant("2024-02-29T00:00:00Z"), "");
        check(instant("2000-02-29T00:00:00Z"), "");
        check(instant("2024-05-06"), "no `T`");
        check(instant("2024-05-06 07:08:09Z"), "no `T`");
        check(instant("24-05-06T07:08:09Z"), "not `YYYY-MM-DD`");
        check(instant("2024-5-6T07:08:09Z"), "not `YYYY-MM-DD`");
        check(instant("2024-05-06-07T07:08:09Z"), "not `YYYY-MM-DD`");
        check(instant("2024-05-06T07:08Z"), "not `HH:MM:SS`");
        check(instant("2024-05-06T07:08:09"), "offset is missing");
        check(instant("2024-05-06T07:08:09."), "offset is missing");
        check(instant("2024-05-06T07:08:09.Z"), "fraction");
        check(instant("2024-05-06T07:08:09.1x2Z"), "fraction");
        check(instant("2024-05-06T07:08:09+0530"), "neither `Z` nor");
        check(instant("2024-05-06T07:08:09+24:00"), "neither `Z` nor");
        check(instant("2024-05-06T07:08:09Zulu"), "neither `Z` nor");
        check(instant("2024-05-06T07:08:09+é5:30"), "neither `Z` nor");
        check(instant("1969-12-31T23:59:59Z"), "before 1970");
        check(instant("2024-13-06T07:08:09Z"), "no such month");
        check(instant("2024-00-06T07:08:09Z"), "no such month");
        check(instant("2023-02-29T00:00:00Z"), "no such day");
        check(instant("2100-02-29T00:00:00Z"), "no such day");
        check(instant("2024-05-00T07:08:09Z"), "no such day");
        check(instant("2024-05-06T24:00:00Z"), "no such time");
        check(instant("2024-05-06T07:08:60Z"), "no such time");
    }
}
