//! The whitespace of JSON documents: pretty-prints a body for a cassette and restores its exact bytes. Only whitespace
//! between tokens is changed.

mod walk;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use self::walk::walk;
use super::SyntaxError;
use super::lex::{Kind, Lexer};

/// How a document places whitespace. Together with the tokens this is enough to rebuild the document byte for byte.
///
/// A cassette names the style: `compact`, `spaced`, `indent-2`, `indent-4`, `indent-tab`, each with `+newline` appended
/// if the document ends with one line feed.
///
/// ```
/// use cassette::__support::style::{Style, detect};
///
/// let style = detect(b"{\"a\": 1}\n", 64).unwrap();
/// assert_eq!(style.to_string(), "spaced+newline");
/// assert_eq!("spaced+newline".parse::<Style>().unwrap(), style);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Style {
    /// The whitespace between tokens.
    pub layout: Layout,
    /// Whether the document ends with one `\n`.
    pub newline: bool,
}

/// Whitespace between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// No whitespace: `{"a":1,"b":[]}`.
    Compact,
    /// One space after `,` and `:`, as Python's `json.dumps` does.
    Spaced,
    /// One line for each item, indented by two spaces for each level. Empty containers have no whitespace.
    Indent2,
    /// Like `Indent2`, but with four spaces for each level.
    Indent4,
    /// Like `Indent2`, but with a tab for each level.
    IndentTab,
}

impl Layout {
    /// Every layout with its name, in the order in which [`detect`] prefers them.
    pub const NAMES: [(Layout, &'static str); 5] = [
        (Layout::Compact, "compact"),
        (Layout::Spaced, "spaced"),
        (Layout::Indent2, "indent-2"),
        (Layout::Indent4, "indent-4"),
        (Layout::IndentTab, "indent-tab"),
    ];
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Layout::NAMES.iter().find(|(l, _)| *l == self.layout).map_or("compact", |(_, n)| n);
        write!(f, "{name}{}", if self.newline { "+newline" } else { "" })
    }
}

impl FromStr for Style {
    type Err = UnknownStyle;

    fn from_str(s: &str) -> Result<Style, UnknownStyle> {
        let (name, newline) = s.strip_suffix("+newline").map_or((s, false), |name| (name, true));
        let found = Layout::NAMES.iter().find(|(_, n)| *n == name);
        found.map(|(layout, _)| Style { layout: *layout, newline }).ok_or_else(|| UnknownStyle(s.to_owned()))
    }
}

/// A name that no [`Style`] has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStyle(String);

impl fmt::Display for UnknownStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown JSON style {:?}: expected one of", self.0)?;
        for (i, (_, name)) in Layout::NAMES.iter().enumerate() {
            write!(f, "{} `{name}`", if i == 0 { "" } else { "," })?;
        }
        write!(f, ", each with or without `+newline`")
    }
}

impl std::error::Error for UnknownStyle {}

/// Finds the style in which the tokens of a document give exactly these bytes. `None` if there is no such style, the
/// bytes are not one JSON document in UTF-8, or the document nests deeper than `max_depth`.
pub fn detect(bytes: &[u8], max_depth: usize) -> Option<Style> {
    let text = std::str::from_utf8(bytes).ok()?;
    if let Some(end) = walk(bytes, max_depth, |_, _| false) {
        // The document has no whitespace between its tokens. If several layouts fit, the first in `NAMES` is preferred.
        return match &bytes[end..] {
            b"" => Some(Style { layout: Layout::Compact, newline: false }),
            b"\n" => Some(Style { layout: Layout::Compact, newline: true }),
            _ => None,
        };
    }
    let mut possible = Layout::NAMES.map(|(layout, _)| Some(layout));
    let mut newline = false;
    let tokens = tokens(text, |token| {
        if token.depth == max_depth && matches!(token.kind, Kind::ObjectStart | Kind::ArrayStart) {
            possible = [None; 5];
        }
        for slot in &mut possible {
            if slot.is_some_and(|layout| !token.gap().is(layout, token.whitespace)) {
                *slot = None;
            }
        }
        possible.iter().any(Option::is_some)
    });
    match tokens.ok()? {
        "" => {}
        "\n" => newline = true,
        _ => return None,
    }
    possible.into_iter().flatten().next().map(|layout| Style { layout, newline })
}

/// Appends the document's tokens verbatim, with two-space indentation. The first token is appended directly to `out`;
/// the following lines start at level `indent` (`2 * indent` spaces) and deeper. There is no newline at the end.
///
/// ```
/// let mut out = String::from("\"json\": ");
/// cassette::__support::style::pretty(b"{\"n\":1.0,\"e\":[]}", 1, &mut out)?;
/// assert_eq!(out, "\"json\": {\n    \"n\": 1.0,\n    \"e\": []\n  }");
/// # Ok::<(), cassette::TestError>(())
/// ```
///
/// # Errors
///
/// `bytes` is not one JSON document in UTF-8 (which [`detect`] never accepts). Then `out` has the first part of the
/// document.
pub fn pretty(bytes: &[u8], indent: usize, out: &mut String) -> Result<(), SyntaxError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| SyntaxError { offset: e.valid_up_to() as u64, message: "invalid UTF-8" })?;
    emit(text, Layout::Indent2, indent, out)
}

/// The original bytes, restored from any pretty-printing of their tokens.
///
/// # Errors
///
/// `text` is not one JSON document.
pub fn restore(text: &str, style: Style) -> Result<Vec<u8>, SyntaxError> {
    let fast = if style.layout == Layout::Compact { without_gaps(text.as_bytes()) } else { None };
    let mut out = match fast {
        Some(out) => out,
        None => {
            let mut out = String::with_capacity(text.len() + 1);
            emit(text, style.layout, 0, &mut out)?;
            out.into_bytes()
        }
    };
    if style.newline {
        out.push(b'\n');
    }
    Ok(out)
}

/// The style of a document, and its tokens without whitespace between them. `None` if [`detect`] finds no style.
pub(crate) fn compact(bytes: &[u8], max_depth: usize) -> Option<(Style, Cow<'_, [u8]>)> {
    let style = detect(bytes, max_depth)?;
    let document = if style.newline { &bytes[..bytes.len() - 1] } else { bytes };
    if style.layout == Layout::Compact {
        return Some((style, Cow::Borrowed(document)));
    }
    let text = std::str::from_utf8(document).ok()?;
    let tokens = restore(text, Style { layout: Layout::Compact, newline: false }).ok()?;
    Some((style, Cow::Owned(tokens)))
}

/// The tokens of a document without whitespace, if [`walk`] accepts it.
fn without_gaps(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() + 1);
    let mut from = 0;
    let end = walk(text, usize::MAX, |start, end| {
        out.extend_from_slice(&text[from..start]);
        from = end;
        true
    })?;
    out.extend_from_slice(&text[from..end]);
    text[end..].iter().all(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).then_some(out)
}

fn emit(text: &str, layout: Layout, indent: usize, out: &mut String) -> Result<(), SyntaxError> {
    tokens(text, |token| {
        token.gap().write(layout, indent, out);
        out.push_str(token.text);
        true
    })?;
    Ok(())
}

/// A token with the whitespace before it.
struct Token<'a> {
    before: Option<Kind>,
    whitespace: &'a str,
    kind: Kind,
    text: &'a str,
    /// The number of open containers before this token, without the container that this token closes.
    depth: usize,
}

/// Calls `on` for each token until it returns `false`. Returns the whitespace after the last token.
fn tokens<'a>(text: &'a str, mut on: impl FnMut(Token<'a>) -> bool) -> Result<&'a str, SyntaxError> {
    let mut lexer = Lexer::new();
    let (mut at, mut end) = (0, 0);
    let mut before = None;
    loop {
        let open = lexer.depth();
        let Some(piece) = lexer.next(text.as_bytes(), at)? else { break };
        at = piece.span.end;
        if piece.kind == Kind::Whitespace {
            continue;
        }
        let token = Token {
            before,
            whitespace: &text[end..piece.span.start],
            kind: piece.kind,
            text: &text[piece.span],
            depth: open.min(lexer.depth()),
        };
        if !on(token) {
            return Ok("");
        }
        before = Some(piece.kind);
        end = at;
    }
    lexer.finish()?;
    Ok(&text[end..])
}

impl Token<'_> {
    fn gap(&self) -> Gap {
        use Kind::*;
        match (self.before, self.kind) {
            (None, _) | (Some(ObjectStart), ObjectEnd) | (Some(ArrayStart), ArrayEnd) => Gap::Never,
            (Some(ObjectStart | ArrayStart), _) | (_, ObjectEnd | ArrayEnd) => Gap::Line(self.depth),
            (Some(Comma), _) => Gap::SpaceOrLine(self.depth),
            (Some(Colon), _) => Gap::Space,
            _ => Gap::Never,
        }
    }
}

/// The whitespace that a layout puts between two tokens, as far as the tokens decide it.
#[derive(Clone, Copy)]
enum Gap {
    Never,
    /// A space, except in the compact layout.
    Space,
    /// A line break in indented layouts, at this depth.
    Line(usize),
    /// A line break as for `Line`; a space in the spaced layout.
    SpaceOrLine(usize),
}

impl Gap {
    /// Returns `(head, unit, times)`: the whitespace is `head`, followed by `times` copies of `unit`.
    fn parts(self, layout: Layout) -> (&'static str, &'static str, usize) {
        let unit = match layout {
            Layout::Compact => return ("", "", 0),
            Layout::Spaced => "",
            Layout::Indent2 => "  ",
            Layout::Indent4 => "    ",
            Layout::IndentTab => "\t",
        };
        match self {
            Gap::Never => ("", "", 0),
            Gap::Space => (" ", "", 0),
            Gap::SpaceOrLine(_) if layout == Layout::Spaced => (" ", "", 0),
            Gap::Line(_) if layout == Layout::Spaced => ("", "", 0),
            Gap::Line(depth) | Gap::SpaceOrLine(depth) => ("\n", unit, depth),
        }
    }

    fn is(self, layout: Layout, whitespace: &str) -> bool {
        let (head, unit, times) = self.parts(layout);
        whitespace.len() == head.len() + unit.len() * times
            && whitespace.strip_prefix(head).is_some_and(|rest| match unit.bytes().next() {
                Some(unit) => rest.bytes().all(|b| b == unit),
                None => true,
            })
    }

    fn write(self, layout: Layout, indent: usize, out: &mut String) {
        /// Enough spaces for most depths. So one copy replaces a separate copy for each level.
        const SPACES: &str = "                                                                ";

        let (head, unit, times) = self.parts(layout);
        out.push_str(head);
        let levels = if unit.is_empty() { 0 } else { times + indent };
        match SPACES.get(..unit.len() * levels) {
            Some(spaces) if unit != "\t" => out.push_str(spaces),
            _ => (0..levels).for_each(|_| out.push_str(unit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(bytes: &[u8], style: Option<&str>) {
        let found = detect(bytes, 64);
        assert_eq!(found.map(|s| s.to_string()).as_deref(), style, "{}", bytes.escape_ascii());
        if let Some(found) = found {
            assert_eq!(round_trip(bytes, found), bytes, "{}", bytes.escape_ascii());
        }
    }

    fn round_trip(bytes: &[u8], style: Style) -> Vec<u8> {
        let mut out = String::new();
        pretty(bytes, 3, &mut out).unwrap();
        restore(&out, style).unwrap()
    }

    #[test]
    fn styles() {
        check(b"{}", Some("compact"));
        check(b"[]\n", Some("compact+newline"));
        check(b"1.0", Some("compact"));
        check(b"\"x\"\n", Some("compact+newline"));
        check(b"[1]", Some("compact"));
        check(b"{\"a\":1,\"a\":[1,2]}", Some("compact"));
        check(b"{\"a\": 1}", Some("spaced"));
        check(b"[1, 2, {}]", Some("spaced"));
        check(b"[\n  1,\n  2\n]", Some("indent-2"));
        check(b"{\n    \"a\": [\n        1\n    ],\n    \"b\": {}\n}\n", Some("indent-4+newline"));
        check(b"{\n\t\"a\": 1\n}", Some("indent-tab"));
        check(br#"["\ud800","\u00E9",-0,1e2,123456789012345678901234567890]"#, Some("compact"));
    }

    #[test]
    fn others_have_none() {
        check(b"", None);
        check(b"\n", None);
        check(b" {}", None);
        check(b"{}\r\n", None);
        check(b"{}\n\n", None);
        check(b"{ }", None);
        check(b"[ ]", None);
        check(b"[\n]", None);
        check(b"{\"a\" : 1}", None);
        check(b"{\"a\": 1,\"b\": 2}", None);
        check(b"[1,2, 3]", None);
        check(b"[\n   1\n]", None);
        check(b"[\n\t  1\n]", None);
        check(b"[\n\t\t1\n]", None);
        check(b"[\n \t1\n]", None);
        check(b"\xef\xbb\xbf{}", None);
        check(b"{\"a\":\"\xff\"}", None);
        check(b"{\"a\":1", None);
        check(b"{} {}", None);
        check(b"hello", None);
    }

    #[test]
    fn depth_is_limited() {
        let nest = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(detect(nest(64).as_bytes(), 64).is_some());
        assert!(detect(nest(65).as_bytes(), 64).is_none());
        assert!(detect(nest(1_000_000).as_bytes(), 64).is_none());
    }

    #[test]
    fn unknown_names() {
        for name in ["", "indent-3", "compact+", "+newline", "compact+newline+newline"] {
            let message = name.parse::<Style>().unwrap_err().to_string();
            assert!(message.contains("`indent-tab`"), "{message}");
        }
        for (layout, _) in Layout::NAMES {
            for newline in [false, true] {
                let style = Style { layout, newline };
                assert_eq!(style.to_string().parse(), Ok(style));
            }
        }
    }

    fn string() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[a-zé€😀 ,:{}\\[\\]/]{0,4}",
            Just(r"\u00e9".to_owned()),
            Just(r"\uD800".to_owned()),
            Just(r#"\""#.to_owned()),
            Just(r"\\".to_owned()),
            Just(r"\/\n".to_owned()),
        ];
        prop::collection::vec(part, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()))
    }

    /// Compact documents.
    fn document() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            string(),
            "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
            Just("true".to_owned()),
            Just("null".to_owned()),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(|v| format!("[{}]", v.join(","))),
                prop::collection::vec((prop_oneof![Just("\"k\"".to_owned()), string()], inner), 0..5)
                    .prop_map(|v| v.into_iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>())
                    .prop_map(|v| format!("{{{}}}", v.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn restored_byte_for_byte(compact in document(), layout in 0usize..5, newline: bool) {
            let style = Style { layout: Layout::NAMES[layout].0, newline };
            let styled = restore(&compact, style).unwrap();
            let found = detect(&styled, 64).expect("an emitted style is found again");
            prop_assert_eq!(round_trip(&styled, found), styled.clone());
            prop_assert_eq!(restore(std::str::from_utf8(&styled).unwrap(), Style { layout: Layout::Compact, newline: false }).unwrap(), compact.into_bytes());
        }

        #[test]
        fn whitespace_anywhere_is_exact_or_refused(compact in document(), at: prop::sample::Index, space in "[ \n\t]{1,2}") {
            let mut text = compact;
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) { at -= 1 }
            text.insert_str(at, &space);
            if let Some(style) = detect(text.as_bytes(), 64) {
                prop_assert_eq!(round_trip(text.as_bytes(), style), text.into_bytes());
            }
        }
    }
}
