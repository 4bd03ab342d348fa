//! Placeholders, which replace redacted values: `{{secret.NAME}}` for a named secret, `[name:1]` for a value that was
//! found, `[redacted]` for any other value. Only this file writes and parses them.
//!
//! In a response, the placeholder of a secret may name the encodings of its value: `{{secret.NAME|json|percent}}`.
//!
//! Must not know: values, rules, the names of encodings.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::percent_decode;

/// The length of the longest placeholder.
pub(crate) const LONGEST: usize = 160;

/// The placeholder for a value that has no name and no number.
pub(crate) const REDACTED: &str = "[redacted]";

/// Stands for every numbered placeholder in a comparison that ignores numbers.
pub(crate) const ANY: &str = "[*]";

const OPEN: &str = "{{secret.";
const CLOSE: &str = "}}";

/// The beginning of the names in placeholders for the values of headers: `[header.x-acme:1]`.
const OF_HEADER: &str = "header.";

/// The highest number of a placeholder. A text with a higher number is no placeholder.
const HIGHEST: u32 = 999_999;

/// A text that is a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder<'t> {
    /// The whole placeholder.
    pub(crate) text: &'t str,
    /// Name and number of a numbered placeholder: `[name:1]`.
    pub(crate) numbered: Option<(&'t str, u32)>,
}

/// The placeholder of a named secret. It leaves out each `#` of the name, because in a link the text after a `#` would
/// be a fragment.
pub(crate) fn of_secret(name: &str) -> String {
    let mut out = String::new();
    write_of_secret(name, &mut out);
    out
}

/// Appends the placeholder of a named secret to a text.
pub(crate) fn write_of_secret(name: &str, out: &mut String) {
    out.push_str(OPEN);
    out.extend(name.chars().filter(|c| *c != '#'));
    out.push_str(CLOSE);
}

/// An upper bound for the length of [`of_secret`].
pub(crate) fn length_of_secret(name: &str) -> usize {
    OPEN.len() + name.len() + CLOSE.len()
}

/// The placeholder of a value that was found.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    format!("[{name}:{number}]")
}

/// Returns the name in placeholders for values of this header. A rule may give these placeholders another name.
pub(crate) fn name_of_header(header: &str) -> String {
    OF_HEADER.chars().chain(header.chars().filter(|c| is_name_char(*c)).take(64)).collect()
}

/// Returns the name of the header whose value the placeholder replaces, if [`name_of_header`] made the name in the
/// placeholder.
pub(crate) fn header_of(placeholder: &str) -> Option<&str> {
    parse(placeholder.as_bytes())?;
    placeholder.strip_prefix('[')?.split_once(':')?.0.strip_prefix(OF_HEADER)
}

/// Whether [`name_of_header`] made this name.
pub(crate) fn is_name_of_header(name: &str) -> bool {
    name.starts_with(OF_HEADER)
}

/// Converts a placeholder to a host for a URL, because a host cannot contain brackets. Nobody can own a domain below
/// `.invalid` (RFC 2606 §2).
pub(crate) fn as_host(placeholder: &str) -> String {
    placeholder.trim_matches(['[', ']']).replace(':', "-") + ".invalid"
}

/// Adds the names of encodings to the placeholder of a secret, in the order in which they were applied to the value.
/// Returns any other placeholder unchanged.
pub(crate) fn with_encodings<'e>(placeholder: &str, steps: impl IntoIterator<Item = &'e str>) -> String {
    let Some(open) = placeholder.strip_suffix(CLOSE) else { return placeholder.to_owned() };
    let steps: String = steps.into_iter().map(|step| format!("|{step}")).collect();
    [open, &steps, CLOSE].concat()
}

/// Whether a secret can have this name: letters, digits and `_-.#`, and not only `#`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    name.bytes().all(|b| is_secret_byte(b) && b != b'|') && !name.bytes().all(|b| b == b'#')
}

/// Whether two names belong to the same secret. The names may differ in `#`, because a placeholder does not contain the
/// `#` of a name.
pub(crate) fn is_same_secret(one: &str, other: &str) -> bool {
    let letters = |b: &u8| *b != b'#';
    one.bytes().filter(letters).eq(other.bytes().filter(letters))
}

/// Whether the name of a numbered placeholder may have this character.
pub(crate) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Parses a text that consists of exactly one placeholder.
pub(crate) fn parse(text: &[u8]) -> Option<Placeholder<'_>> {
    if text.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    if within(text).is_some() {
        return Some(Placeholder { text, numbered: None });
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    match inner.split_once(':') {
        Some((name, number)) => {
            let number = number_of(number).filter(|_| !name.is_empty() && name.chars().all(is_name_char))?;
            Some(Placeholder { text, numbered: Some((name, number)) })
        }
        // Any other text in brackets may be a value.
        None => (text == REDACTED).then_some(Placeholder { text, numbered: None }),
    }
}

/// Parses a text that is the placeholder of a secret: the name, and the encodings of the value.
pub(crate) fn parse_secret(text: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let mut parts = within(text)?.split('|');
    Some((parts.next()?, parts))
}

/// Returns the text between `{{secret.` and `}}`, which may contain any characters. The definitions of a scaffolder
/// accept every such text.
pub(crate) fn parse_secret_loosely(text: &str) -> Option<&str> {
    text.strip_prefix(OPEN)?.strip_suffix(CLOSE)
}

/// The names of the secrets whose placeholders occur in a text, in order.
pub(crate) fn secrets_in(text: &str) -> impl Iterator<Item = &str> {
    spans_of_secrets(text).filter_map(|span| parse_secret(&text[span])).map(|(name, _)| name)
}

/// Does the same as [`secrets_in`], but also returns names that no secret can have, such as `API KEY`. Mode `verify`
/// uses this function: even a misspelt placeholder must not reach a real server.
pub(crate) fn secrets_in_loosely(text: &str) -> impl Iterator<Item = &str> {
    let inner = text.split(OPEN).skip(1).filter_map(|part| part.split_once(CLOSE)).map(|(inner, _)| inner);
    inner.filter_map(|inner| inner.split('|').next())
}

/// The ranges of the placeholders of secrets in a text.
pub(crate) fn spans_of_secrets(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(OPEN).filter_map(|(start, _)| {
        let end = start + text[start..].find(CLOSE)? + CLOSE.len();
        within(&text[start..end]).map(|_| start..end)
    })
}

/// The ranges of all placeholders in a text.
pub(crate) fn spans(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices(['[', '{']) {
        let end = if text[start..].starts_with('[') { "]" } else { CLOSE };
        if let Some(length) = text[start..].find(end).map(|at| at + end.len())
            && parse(&text.as_bytes()[start..start + length]).is_some()
        {
            found.push(start..start + length);
        }
    }
    found
}

/// The result of [`prefix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// The text may be the beginning of a placeholder. The text that follows decides.
    Open,
    /// The text is a complete placeholder.
    Whole,
    /// The text is not the beginning of a placeholder.
    Other,
}

/// Decides whether a text is the beginning of a secret's placeholder. [`Prefix`] explains the results.
pub(crate) fn prefix(text: &[u8]) -> Prefix {
    let Some(inner) = text.strip_prefix(OPEN.as_bytes()) else {
        return if OPEN.as_bytes().starts_with(text) { Prefix::Open } else { Prefix::Other };
    };
    let name = inner.strip_suffix(CLOSE.as_bytes()).or(inner.strip_suffix(b"}")).unwrap_or(inner);
    match inner.len() - name.len() {
        _ if !name.iter().all(|b| is_secret_byte(*b)) || text.len() > LONGEST => Prefix::Other,
        2 => Prefix::Whole,
        _ => Prefix::Open,
    }
}

/// Returns the range of the next `{{secret.` in the text. If the text ends with a part of `{{secret.`, returns the
/// range of this part. If there is neither, returns an empty range at the end of the text.
pub(crate) fn next_opening(text: &[u8]) -> Range<usize> {
    let open = OPEN.as_bytes();
    let partial =
        || (1..open.len().min(text.len() + 1)).rev().find(|n| text.ends_with(&open[..*n])).unwrap_or(0);
    let at = memchr::memmem::find(text, open).unwrap_or_else(|| text.len() - partial());
    at..text.len().min(at + open.len())
}

/// Replaces every numbered placeholder for whose name `is_ours` returns true by [`ANY`]. So two texts that differ only
/// in the numbers of placeholders become equal. The numbers depend on the order of events.
pub(crate) fn without_numbers<'t>(text: &'t [u8], is_ours: &dyn Fn(&str) -> bool) -> Cow<'t, [u8]> {
    replace_numbered(text, |_, name| is_ours(name).then(|| ANY.as_bytes().to_vec()))
}

/// Removes each `#` from the placeholders of secrets. Cassettes of older versions have a `#` there.
pub(crate) fn without_marks(text: &[u8]) -> Cow<'_, [u8]> {
    let (mut out, mut done) = (Vec::new(), 0);
    for start in memchr::memmem::find_iter(text, OPEN) {
        let name = text[start + OPEN.len()..].iter().take_while(|b| is_secret_byte(**b)).count();
        let end = start + OPEN.len() + name;
        if text[start..end].contains(&b'#') && text[end..].starts_with(CLOSE.as_bytes()) {
            out.extend_from_slice(&text[done..start]);
            out.extend(text[start..end].iter().filter(|b| **b != b'#'));
            done = end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[done..]);
    Cow::Owned(out)
}

/// The length of the beginning of a text that has only whole placeholders, for a text that goes on.
pub(crate) fn whole_placeholders(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(open) = memchr::memchr3(b'[', b'%', b'{', &text[at..]) {
        let start = at + open;
        // The brackets of a placeholder may be percent-encoded.
        if start + LONGEST + 6 > text.len() {
            return start;
        }
        at = start + 1;
        if let Some((bracketed, length)) = bracketed(&text[start..])
            && parse(&bracketed).is_some()
        {
            at = start + length;
        }
    }
    text.len()
}

/// Calls `by` with the text and the name of each numbered placeholder, and replaces each placeholder for which `by`
/// returns a text. In a URL or a form, a client may have percent-encoded the brackets of a placeholder.
pub(crate) fn replace_numbered<'t>(
    text: &'t [u8],
    by: impl Fn(&str, &str) -> Option<Vec<u8>>,
) -> Cow<'t, [u8]> {
    let (mut out, mut done, mut at) = (Vec::new(), 0, 0);
    while let Some(open) = memchr::memchr2(b'[', b'%', &text[at..]) {
        let start = at + open;
        at = start + 1;
        let Some((bracketed, length)) = bracketed(&text[start..]) else { continue };
        let Some(Placeholder { text: placeholder, numbered: Some((name, _)) }) = parse(&bracketed) else {
            continue;
        };
        if let Some(other) = by(placeholder, name) {
            out.extend_from_slice(&text[done..start]);
            out.extend_from_slice(&other);
            done = start + length;
            at = done;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[done..]);
    Cow::Owned(out)
}

/// Returns the text from the bracket at the beginning to the closing bracket, decoded, and the length of this text
/// before decoding.
fn bracketed(text: &[u8]) -> Option<(Cow<'_, [u8]>, usize)> {
    if text[0] == b'[' {
        // JSON contains many brackets. This check quickly excludes most of them.
        text.get(1).filter(|b| b.is_ascii_alphanumeric())?;
        let end = memchr::memchr(b']', &text[..text.len().min(LONGEST)])?;
        return Some((Cow::Borrowed(&text[..=end]), end + 1));
    }
    text.get(..3).filter(|open| open.eq_ignore_ascii_case(b"%5B"))?;
    let window = &text[..text.len().min(LONGEST + 6)];
    let end = window.windows(3).position(|close| close.eq_ignore_ascii_case(b"%5D"))? + 3;
    Some((percent_decode(&text[..end]).into(), end))
}

/// The text between the braces of a secret's placeholder: its name and encodings.
fn within(text: &str) -> Option<&str> {
    let inner = parse_secret_loosely(text)?;
    (!inner.is_empty() && inner.bytes().all(is_secret_byte)).then_some(inner)
}

/// Whether a name, or the encodings after it, may have this byte.
fn is_secret_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_-.#|".contains(&b)
}

fn number_of(text: &str) -> Option<u32> {
    let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| plain && *n <= HIGHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let placeholder = numbered(&name_of_header("x-acme!"), 1);
        assert_eq!((placeholder.as_str(), header_of(&placeholder)), ("[header.x-acme:1]", Some("x-acme")));
        assert_eq!(
            (header_of("[token:1]"), header_of("header.x"), header_of("{{secret.a}}")),
            (None, None, None)
        );
        assert!(is_name_of_header("header.x-acme") && !is_name_of_header("header"));
    }

    #[test]
    fn placeholders() {
        for text in
            ["[token:1]", "[x-api-key:12]", "{{secret.A_b-c.#d}}", "{{secret.A|json|percent}}", "[redacted]"]
        {
            assert!(parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "[]",
            "[:1]",
            "[token:]",
            "[token:0]",
            "[token:01]",
            "[to ken:1]",
            "x[token:1]",
            "{{secret.}}",
            "[hunter2]",
        ] {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn names_without_encodings() {
        let text =
            "{{secret.A}} {{secret.db.b|json|percent}} {{secret.}} {{secret.a b}} {{secret.{{secret.#c}}";
        assert_eq!(secrets_in(text).collect::<Vec<_>>(), ["A", "db.b", "#c"]);
        assert_eq!(secrets_in_loosely(text).collect::<Vec<_>>(), ["A", "db.b", "", "a b", "#c"]);
        let (name, encodings) = parse_secret("{{secret.A|json|percent}}").unwrap();
        assert_eq!((name, encodings.collect::<Vec<_>>()), ("A", vec!["json", "percent"]));
        assert!(parse_secret("x{{secret.A}}").is_none());
        assert_eq!(parse_secret_loosely("{{secret.a b|json}}"), Some("a b|json"));
        assert_eq!(parse_secret_loosely("x{{secret.A}}"), None);
    }

    /// The functions of this module can parse the placeholders that they write.
    #[test]
    fn written_and_read() {
        assert_eq!(of_secret("p.#t"), "{{secret.p.t}}");
        assert!(length_of_secret("p.#t") >= of_secret("p.#t").len());
        assert_eq!(with_encodings("{{secret.t}}", ["json", "hex"]), "{{secret.t|json|hex}}");
        assert_eq!(with_encodings("[t:1]", ["json"]), "[t:1]");
        let text = numbered("x-key", 12);
        let parsed = Placeholder { text: "[x-key:12]", numbered: Some(("x-key", 12)) };
        assert_eq!(parse(text.as_bytes()), Some(parsed));
        assert_eq!(as_host(&text), "x-key-12.invalid");
    }

    #[test]
    fn marks_are_left_out() {
        let check = |text: &str, expected: &str| {
            assert_eq!(std::str::from_utf8(&without_marks(text.as_bytes())).unwrap(), expected);
        };
        check("?a={{secret.p.#t}}&b={{secret.#c}}#d", "?a={{secret.p.t}}&b={{secret.c}}#d");
        check("{{secret.{{secret.#a}}", "{{secret.{{secret.a}}");
        for text in ["", "a#b", "{{secret.a}}#b", "{{secret.#a", "{{secret.a #b}}", "{{other.#a}}"] {
            check(text, text);
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let out = without_numbers(text.as_bytes(), &|name| name == "token");
        assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
        assert_eq!(matches!(out, Cow::Borrowed(_)), text == expected);
    }

    #[test]
    fn numbers_are_left_out() {
        check("[token:1] [token:22]", "[*] [*]");
        check("[[token:1]", "[[*]");
        check("[main:1] [a:1, 2] [1:2]", "[main:1] [a:1, 2] [1:2]");
        check(r#"{"a":[1,[],["token:1"]]}"#, r#"{"a":[1,[],["token:1"]]}"#);
        check("[token:1", "[token:1");
        check("a%5Btoken%3A1%5Db%5btoken:22%5D%5B", "a[*]b[*]%5B");
        check("%5Btoken%5D%5Bmain%3A1%5D%5", "%5Btoken%5D%5Bmain%3A1%5D%5");
        check("", "");
    }
}
