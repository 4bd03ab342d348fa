//! Tests that a long body counts as the matcher of short bodies counts it, in whatever pieces it comes.

use proptest::prelude::*;

use super::*;
use crate::matcher::Matching;
use crate::meaning::PartContent;
use crate::tape::{Body, Request};

fn meaning(matching: &Matching, content_type: &str, body: &[u8], piece: usize) -> Option<Meaning> {
    let headers = [("content-type".parse().unwrap(), content_type.parse().unwrap())].into_iter().collect();
    let mut reader = matching.reader("https://h/", &headers).unwrap();
    body.chunks(piece).for_each(|piece| reader.write(piece));
    reader.finish()
}

fn short(content_type: &str, body: &[u8]) -> Request {
    Request {
        method: http::Method::POST,
        uri: "https://h/".to_owned(),
        headers: [("content-type".parse().unwrap(), content_type.parse().unwrap())].into_iter().collect(),
        body: Body::inline(body.to_vec()),
    }
}

/// Checks that two bodies are equal exactly if they are equal as short bodies.
#[track_caller]
fn check(matching: &Matching, content_type: &str, a: &str, b: &str, equal: bool) {
    let is_match =
        matching.compare(&short(content_type, a.as_bytes()), &short(content_type, b.as_bytes())).is_match();
    assert_eq!(is_match, equal, "short: {a} {b}");
    for piece in [1, 2, 7, 1000] {
        let [a, b] = [a, b].map(|body| match meaning(matching, content_type, body.as_bytes(), piece) {
            Some(Meaning::Json(summary) | Meaning::Form(summary)) => summary.hash,
            other => panic!("{body}: {other:?}"),
        });
        assert_eq!(a == b, equal, "in pieces of {piece}");
    }
}

#[test]
fn json() {
    let check = |a, b, equal| check(&Matching::default(), "application/json", a, b, equal);
    check(r#"{"a":1,"b":[1,2]}"#, r#" {"b" : [1.0, 2e0], "a":1}"#, true);
    check("[1,2]", "[2,1]", false);
    check(r#"{"a":1,"a":1}"#, r#"{"a":1}"#, false);
    check(r#"{"a":{"b":1}}"#, r#"{"a":{},"b":1}"#, false);
    check("[[],[1]]", "[[1],[]]", false);
    check(r#""\ud83d\ude00é""#, r#""😀\u00e9""#, true);
    check(r#"{"a":null}"#, "{}", false);
    check("12", "12.0", true);
    check("\"1\"", "1", false);
}

#[test]
fn ignored_places() {
    let matching = Matching::default().ignore_json("/at").ignore_json("/lines/*/key");
    let check = |a, b, equal| check(&matching, "application/json", a, b, equal);
    check(r#"{"at":1,"b":2}"#, r#"{"b":2,"at":{"c":[]}}"#, true);
    check(r#"{"at":1,"b":2}"#, r#"{"b":2}"#, true);
    check(r#"{"lines":[{"key":1,"n":2}]}"#, r#"{"lines":[{"n":2,"key":5}]}"#, true);
    check(r#"{"lines":[{"key":1,"n":2}]}"#, r#"{"lines":[{"n":3,"key":1}]}"#, false);
}

#[test]
fn forms() {
    let matching = Matching::default().ignore_form("csrf");
    let check = |a, b, equal| check(&matching, "application/x-www-form-urlencoded", a, b, equal);
    check("a=1&b=x+y", "b=x%20y&&a=1", true);
    check("a=1&a=1", "a=1", false);
    check("a&b=%41", "b=A&a=", true);
    check("a=1&csrf=2", "a=1", true);
    check("a=b", "b=a", false);
}

#[test]
fn parts_in_small_pieces() {
    let body = |b: &str| {
        format!(
            "preamble\r\n--{b}  \r\nA: b\r\n\r\none\r\n--{b}\r\n\r\n\r\n--x\r\n--{b}\r\n\r\n--{b}--\r\nend"
        )
    };
    let of = |b: &str, piece| {
        let kind = format!("multipart/mixed; boundary={b}");
        meaning(&Matching::default(), &kind, body(b).as_bytes(), piece)
    };
    let whole = of("b", 1000).unwrap();
    let Meaning::Multipart(parts) = &whole else { panic!("{whole:?}") };
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[0].content, PartContent::Short(b"one".to_vec()));
    for piece in 1..9 {
        assert_eq!(of("other", piece).as_ref(), Some(&whole), "in pieces of {piece}");
    }
    assert_eq!(
        meaning(&Matching::default(), "multipart/mixed; boundary=b", b"--b\r\nA: b\r\n\r\none", 5),
        None
    );
}

proptest! {
    /// A long string is hashed in pieces that do not depend on how it is escaped.
    #[test]
    fn escapes(text in "[a-cé😀\\\\\"\n]{0,40}", piece in 1usize..50) {
        let long = text.repeat(1 + 3 * TOKEN / text.len().max(1));
        let plain = serde_json::to_string(&long).unwrap();
        let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect::<String>();
        let escaped = format!("\"{}\"", long.chars().map(units).collect::<String>());
        let of = |body: &str, piece| meaning(&Matching::default(), "application/json", body.as_bytes(), piece);
        prop_assert!(of(&plain, 1 << 20).is_some());
        prop_assert_eq!(
            hash_of(of(&plain, 1000 * piece)),
            hash_of(of(&escaped, 997 * piece))
        );
    }
}

fn hash_of(meaning: Option<Meaning>) -> u128 {
    match meaning {
        Some(Meaning::Json(summary)) => summary.hash,
        other => panic!("{other:?}"),
    }
}
