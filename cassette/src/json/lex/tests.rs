//! Tests the lexer on whole documents and on all ways to cut them in two, and compares skimming with plain reading.

use super::*;

/// The complete tokens of the chunks as texts, or the offset of the error.
fn lex(mut lexer: Lexer, chunks: &[&[u8]]) -> Result<Vec<(Kind, Vec<u8>)>, u64> {
    let mut tokens: Vec<(Kind, Vec<u8>)> = Vec::new();
    for chunk in chunks {
        let mut at = 0;
        while let Some(piece) = lexer.next(chunk, at).map_err(|e| e.offset)? {
            assert_eq!(piece.span.start, at, "no gaps");
            at = piece.span.end;
            let text = &chunk[piece.span];
            match tokens.last_mut() {
                Some((kind, last)) if !piece.first || (*kind, piece.kind) == (Kind::Whitespace, *kind) => {
                    last.extend_from_slice(text);
                }
                _ => tokens.push((piece.kind, text.to_vec())),
            }
        }
    }
    lexer.finish().map_err(|e| e.offset)?;
    Ok(tokens)
}

#[track_caller]
fn check(input: &[u8], error_at: Option<u64>) {
    let whole = lex(Lexer::new(), &[input]);
    assert_eq!(whole.as_ref().err().copied(), error_at, "{}", input.escape_ascii());
    if let Ok(tokens) = &whole {
        let joined: Vec<u8> = tokens.iter().flat_map(|(_, t)| t.clone()).collect();
        assert_eq!(joined, input);
    }
    for cut in 0..=input.len() {
        let (a, b) = input.split_at(cut);
        assert_eq!(lex(Lexer::new(), &[a, b]), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(lex(Lexer::new(), &bytes), whole, "byte by byte: {}", input.escape_ascii());
}

#[test]
fn documents() {
    check(b"null", None);
    check(b" true ", None);
    check(b"-0", None);
    check(b"1.50e+10", None);
    check(br#"{"a":[1,2,{"b":"c\"\\\/\b\f\n\r\t\u00e9\ud800"}],"a":false}"#, None);
    check("{\"é\": [ ] , \"x\" : { } }\r\n".as_bytes(), None);
    check(b"\"\xff\xfe\"", None);
    check(b"[[],{},\"\"]", None);
}

#[test]
fn errors_say_where() {
    check(b"", Some(0));
    check(b"  ", Some(2));
    check(b"nul", Some(3));
    check(b"nulL", Some(3));
    check(b"01", Some(1));
    check(b"-", Some(1));
    check(b"1.", Some(2));
    check(b"1.e3", Some(2));
    check(b"+1", Some(0));
    check(b"[1,]", Some(3));
    check(b"[1 2]", Some(3));
    check(b"{\"a\":1,}", Some(7));
    check(b"{\"a\" 1}", Some(5));
    check(b"{a:1}", Some(1));
    check(b"[}", Some(1));
    check(b"{]", Some(1));
    check(b"[1}", Some(2));
    check(b"{\"a\":1]", Some(6));
    check(b"]", Some(0));
    check(b"1 2", Some(2));
    check(b"\"a\nb\"", Some(2));
    check(b"\"\\x\"", Some(2));
    check(b"\"\\u12g4\"", Some(5));
    check(b"\"abc", Some(4));
    check(b"\xef\xbb\xbf1", Some(0));
    check(b"[1", Some(2));
    check(b"'a'", Some(0));
}

#[test]
fn lenient() {
    for (input, ok) in [("1 2\n{}\n[]{}", true), ("", true), ("1\n", true), ("{} x", false), ("[", false)] {
        assert_eq!(lex(Lexer::lenient(), &[input.as_bytes()]).is_ok(), ok, "{input}");
    }
}

type Tokens = Vec<(Kind, Vec<u8>)>;

/// Reads the chunks, and calls `skim` wherever it may be called. Returns the names that `skim` left to the lexer, and
/// the final depth or the offset of the error.
fn skimmed(chunks: &[&[u8]], plain: impl Fn(&[u8]) -> bool) -> (Tokens, Result<usize, u64>) {
    let (mut lexer, mut looked_at) = (Lexer::lenient(), Vec::new());
    for chunk in chunks {
        let mut at = 0;
        loop {
            at = lexer.skim(chunk, at, &plain);
            match lexer.next(chunk, at) {
                Ok(None) => break,
                Err(e) => return (looked_at, Err(e.offset)),
                Ok(Some(piece)) => {
                    at = piece.span.end;
                    if piece.kind == Kind::Key && piece.first && piece.done {
                        looked_at.push((piece.kind, chunk[piece.span].to_vec()));
                    }
                }
            }
        }
    }
    (looked_at, lexer.finish().map(|()| lexer.depth()).map_err(|e| e.offset))
}

#[track_caller]
fn check_skim(input: &[u8], cut: usize) {
    let (a, b) = input.split_at(cut);
    let expected = lex(Lexer::lenient(), &[a, b]);
    let (names, result) = skimmed(&[a, b], |_| true);
    assert_eq!(result.err(), expected.as_ref().err().copied(), "cut at {cut}: {}", input.escape_ascii());
    assert!(names.iter().all(|(_, name)| name.contains(&b'\\')), "{}", input.escape_ascii());
    let (names, result) = skimmed(&[input], |name| name != b"a");
    assert_eq!(result.err(), expected.as_ref().err().copied(), "{}", input.escape_ascii());
    let wanted =
        expected.unwrap_or_default().into_iter().filter(|token| *token == (Kind::Key, b"\"a\"".into()));
    let names = names.into_iter().filter(|(_, name)| !name.contains(&b'\\'));
    if result.is_ok() {
        assert_eq!(names.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "{}", input.escape_ascii());
    }
}

proptest::proptest! {
    #[test]
    fn skimming_changes_nothing(
        tokens in proptest::collection::vec(proptest::sample::select(&[
            "{", "}", "[", "]", ":", ",", ",", "\"a\"", "\"a\":", "\"long name, longer than a word\":",
            "\"b\\\"\":1", "\"c\\\\\"", "\"\n\x01\"", " ", "\r\n\t", "0", "01", "-", "-1.50", "1.", "1e5",
            "2E+7", "123456789", "true", "tru", "false", "null", "x", "{\"a\":[1,{\"a\":\"b\"}],\"n\":null}",
            "\"", "\\", "\u{e9}",
        ][..]), 0..24),
        cut in proptest::arbitrary::any::<proptest::sample::Index>(),
    ) {
        let input = tokens.concat().into_bytes();
        check_skim(&input, cut.index(input.len() + 1));
    }

    #[test]
    fn skimming_lists_of_anything(
        tokens in proptest::collection::vec(proptest::sample::select(&[
            "0", "-0", "12.5", "3e1", "1.e", "\"a\"", "{}", "{\"a\":0}", "{\"b\":[],\"a\" : [ ] }", "[true]", "nul", "{,}",
        ][..]), 0..12),
        cut in proptest::arbitrary::any::<proptest::sample::Index>(),
    ) {
        let input = format!("[{}]", tokens.join(",")).into_bytes();
        check_skim(&input, cut.index(input.len() + 1));
    }
}

#[test]
fn a_million_levels() {
    let mut deep = vec![b'['; 1_000_000];
    deep.extend(vec![b']'; 1_000_000]);
    assert_eq!(lex(Lexer::new(), &[&deep]).map(|t| t.len()), Ok(2_000_000));
    assert_eq!(lex(Lexer::new(), &[&deep[..1_000_000]]), Err(1_000_000));
}

#[test]
fn position_of_an_error() {
    let input = b"{\n  \"a\": x}";
    let mut lexer = Lexer::new();
    let mut at = 0;
    let error = loop {
        match lexer.next(input, at) {
            Ok(piece) => at = piece.expect("it is broken before its end").span.end,
            Err(e) => break e,
        }
    };
    assert_eq!(error.position(input), (2, 8));
    assert_eq!(error.to_string(), "invalid JSON at byte 9: expected a value");
}
