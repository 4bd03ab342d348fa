//! Finds where links begin in a text. A link begins with two slashes in any encoding, after a scheme or after a
//! character that may enclose a link. A reference without a host is found by the question mark of its query.
//!
//! Must not know: what is redacted in a link.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// The beginning of a link: its two slashes, or the question mark of a reference without a host.
#[derive(Clone, Debug)]
pub(super) struct Beginning {
    /// Offset of the scheme.
    pub(super) start: usize,
    /// Offset after the slashes or the question mark.
    pub(super) end: usize,
    /// The scheme without its colon; empty for a link without a scheme: `//cdn.example.com/a`.
    pub(super) scheme: String,
    /// Whether the link is percent-encoded.
    pub(super) encoded: bool,
    /// Whether the link has no scheme.
    pub(super) relative: bool,
    /// Whether the link is a reference without a host, such as `/items?page=2`. Then its query follows.
    pub(super) query: bool,
    /// Whether the link stands in parentheses. Then it ends before the closing parenthesis.
    pub(super) in_parentheses: bool,
    /// Whether no quotes or tags enclose the link, so that its end is uncertain.
    pub(super) bare: bool,
}

/// How many bytes on each side of the boundary between two writes are searched for a beginning. A scheme, its colon, and
/// two slashes with the backslashes that escape them in nested JSON take at most 35. A reference needs the rest: its path
/// ([`PATH`]), its question mark, and the character before it.
pub(super) const LONGEST: usize = 64;

const LONGEST_SCHEME: usize = 16;

/// The most backslashes before one slash: JSON in JSON in JSON has seven.
const BACKSLASHES: usize = 7;

/// How many bytes of a reference's path are examined.
const PATH: usize = LONGEST - 4;

/// The length of the longest encoding of both slashes.
const SLASHES: usize = 2 * (BACKSLASHES + 1);

/// A search through one text. A mark is a text at which a link may begin: `//`, `/\`, `?`, or an encoded slash or
/// question mark. The search remembers the next offset of each kind of mark.
pub(super) struct Beginnings {
    next: [usize; 4],
}

impl Beginnings {
    pub(super) fn new() -> Beginnings {
        Beginnings { next: [0; 4] }
    }

    /// The first beginning that ends after `from`. Successive calls must not lower `from`.
    pub(super) fn find(&mut self, text: &[u8], from: usize) -> Option<Beginning> {
        let least = from.saturating_sub(SLASHES);
        for kind in 0..self.next.len() {
            if self.next[kind] <= least {
                self.next[kind] = mark(kind, text, least);
            }
        }
        loop {
            let kind = (0..self.next.len()).min_by_key(|kind| self.next[*kind])?;
            let at = self.next[kind];
            if at >= text.len() {
                return None;
            }
            if let Some(found) = beginning(text, at).filter(|found| found.end > from) {
                return Some(found);
            }
            self.next[kind] = mark(kind, text, at + 1);
        }
    }
}

static BARE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("//"));
static ESCAPED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("/\\"));

/// The offset of the next mark of a kind, or the length of the text.
fn mark(kind: usize, text: &[u8], from: usize) -> usize {
    let Some(rest) = text.get(from..) else { return text.len() };
    let found = match kind {
        0 => BARE.find(rest),
        1 => ESCAPED.find(rest),
        2 => memchr::memchr_iter(b'%', rest).find(|at| is_slash(&rest[*at..]) || is_question(&rest[*at..])),
        _ => memchr::memchr(b'?', rest),
    };
    found.map_or(text.len(), |at| from + at)
}

fn is_slash(text: &[u8]) -> bool {
    text.get(..3).is_some_and(|escape| escape.eq_ignore_ascii_case(b"%2F"))
}

fn is_question(text: &[u8]) -> bool {
    text.get(..3).is_some_and(|escape| escape.eq_ignore_ascii_case(b"%3F"))
}

/// The beginning of a reference whose question mark is at `at`. `None` if the text is no reference. A reference that is
/// not encoded needs more evidence, because a conditional expression of a script has a question mark, too: `a ?token=b
/// : c`.
fn reference(text: &[u8], at: usize, encoded: bool) -> Option<Beginning> {
    let is_path = |b: &&u8| b.is_ascii_alphanumeric() || b"/\\._~-%+:@".contains(b);
    let length = text[..at].iter().rev().take(PATH).take_while(is_path).count();
    let (before, path) = text[..at].split_at(at - length);
    let begins = match before {
        _ if encoded || memchr::memchr(b'/', path).is_some() => true,
        _ if length == PATH => false,
        [] => true,
        [.., b, b'"' | b'\''] if path.iter().all(|b| *b == b'\\') => *b <= b' ' || b":,[=({\\".contains(b),
        [.., b'"' | b'\''] => true,
        _ => false,
    };
    let in_parentheses = before.last() == Some(&b'(');
    let end = at + if encoded { 3 } else { 1 };
    let (scheme, bare) = (String::new(), !encoded && is_bare(before.last()));
    begins.then_some(Beginning {
        start: at,
        end,
        scheme,
        encoded,
        relative: true,
        query: true,
        in_parentheses,
        bare,
    })
}

/// The link that begins with the slash or the question mark at `at`.
fn beginning(text: &[u8], at: usize) -> Option<Beginning> {
    let rest = &text[at..];
    if rest[0] == b'?' || is_question(rest) {
        return reference(text, at, rest[0] == b'%');
    }
    let encoded = rest[0] == b'%';
    let end = match encoded {
        true => is_slash(&rest[3..]).then_some(at + 6)?,
        false => {
            let escapes = rest[1..].iter().take_while(|b| **b == b'\\').count();
            (escapes <= BACKSLASHES && rest.get(1 + escapes) == Some(&b'/')).then_some(at + escapes + 2)?
        }
    };
    let before = &text[..at];
    let escapes = before.iter().rev().take(BACKSLASHES).take_while(|b| **b == b'\\').count();
    let before = &before[..before.len() - escapes];
    let colon = match before {
        [.., b':'] => 1,
        [.., b'%', b'3', b'A' | b'a'] => 3,
        _ => {
            let (relative, in_parentheses) = match before.last() {
                None => (true, false),
                Some(b) => (*b <= b' ' || b"\"'(=".contains(b), *b == b'('),
            };
            let start = before.len();
            return relative.then_some(Beginning {
                start,
                end,
                scheme: String::new(),
                encoded,
                relative,
                query: false,
                in_parentheses,
                bare: !encoded && is_bare(before.last()),
            });
        }
    };
    let encoded = encoded || colon == 3;
    let before = &before[..before.len() - colon];
    let is_scheme = |b: &&u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
    let mut length = before.iter().rev().take(LONGEST_SCHEME).take_while(is_scheme).count();
    // The characters that look like the scheme's first letters may be the end of an escape.
    let escape = match (before[..before.len() - length].last(), before[before.len() - length..].first()) {
        (Some(b'%'), _) => 2,
        (Some(b'\\'), Some(b'u')) => 5,
        (Some(b'\\'), _) => 1,
        _ => 0,
    };
    length = length.saturating_sub(escape);
    let start = before.len() - length;
    let scheme = String::from_utf8_lossy(&before[start..]).into_owned();
    let bare = !encoded && is_bare(before[..start].last());
    Some(Beginning {
        start,
        end,
        scheme,
        encoded,
        relative: false,
        query: false,
        in_parentheses: false,
        bare,
    })
}

/// Whether the end of a link is uncertain. It is uncertain if the character before the link is no quote and no bracket
/// of a tag.
fn is_bare(before: Option<&u8>) -> bool {
    before.is_none_or(|b| !b"\"'<>`".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let (mut search, mut at) = (Beginnings::new(), 0);
        let mut found = Vec::new();
        while let Some(beginning) = search.find(text.as_bytes(), at) {
            let how = match (beginning.relative, beginning.encoded) {
                (true, _) if beginning.query => "query",
                (true, _) => "relative",
                (false, true) => "encoded",
                (false, false) => "plain",
            };
            assert_eq!(&text[beginning.start..][..beginning.scheme.len()], beginning.scheme);
            found.push((&text[beginning.start..beginning.end], how));
            at = beginning.end;
        }
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn encodings_of_slashes() {
        check("https://h ftp://h", &[("https://", "plain"), ("ftp://", "plain")]);
        check(
            r"a\nhttps:\/\/h \u003dhttp:\\\/\\\/h",
            &[(r"https:\/\/", "plain"), (r"http:\\\/\\\/", "plain")],
        );
        check(
            "u=https%3A%2F%2Fh&v=%22http%3a//h",
            &[("https%3A%2F%2F", "encoded"), ("http%3a//", "encoded")],
        );
        check("u=http:%2f%2Fh", &[("http:%2f%2F", "encoded")]);
        check("\"//h\" (//h) a=//h x //h", &[("//", "relative"); 4]);
        check(r#""\/\/h" =%2F%2Fh"#, &[(r"\/\/", "relative"), ("%2F%2F", "relative")]);
        check("//h", &[("//", "relative")]);
        check("a//b;//c *// 1/2/2026 %2F %2 / / /\\ \\/ \\/a\\/", &[]);
        check("file:///a", &[("file://", "plain")]);
        check("%2F%2", &[]);
    }

    #[test]
    fn references() {
        check(
            r#""/a/b?c" '?c' "?c" "a?c" </a?c> (/a?c) "\/a?c" \"?c\" {"a":"?c"} ["?c"]"#,
            &[("?", "query"); 10],
        );
        check("/a?b", &[("?", "query")]);
        check("?b", &[("?", "query")]);
        check("u=%2Fa%3fb %3Fa", &[("%3f", "query"), ("%3F", "query")]);
        check("a ?b:c; x=a?b:c; (a?b:c); a==\"x\"?b:c; what? a(b)?c:d", &[]);
        let long = "a".repeat(PATH + 1);
        check(&format!("\"{long}?a"), &[]);
        check(&format!("{}?a", &long[1..]), &[]);
        check(&format!("\"{}?a", &long[2..]), &[("?", "query")]);
    }
}
