//! Tests with pairs of requests, which are equal or different. Each check tests the keys and the explanation.

mod graphql;
mod laws;
mod options;
mod xml;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::tape::{Body, BodyFile, Content, Request};

fn get(uri: &str) -> Request {
    Request { method: Method::GET, uri: uri.to_owned(), headers: HeaderMap::new(), body: Body::default() }
}

fn post(content_type: &str, body: &str) -> Request {
    let mut request = get("https://api.example.com/");
    request.method = Method::POST;
    if !content_type.is_empty() {
        request.headers.insert("content-type", content_type.parse().unwrap());
    }
    request.body = Body::inline(body.to_owned());
    request
}

fn with(mut request: Request, headers: &[(&'static str, &'static str)]) -> Request {
    for (name, value) in headers {
        request.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    request
}

/// Checks the differences between two requests. `expected` has one difference on each line, or is `=` if there are
/// none. Also checks that the keys agree with the differences, and that a comparison in the other direction gives the
/// same result.
#[track_caller]
fn check(matching: &Matching, actual: &Request, recorded: &Request, expected: &str) {
    let mismatch = matching.compare(actual, recorded);
    let lines: Vec<_> = mismatch.differences().iter().map(line).collect();
    let text = if lines.is_empty() { "=".to_owned() } else { lines.join("\n") };
    assert_eq!(text, expected, "{actual:?}\n{recorded:?}");
    assert_eq!(matching.key(actual) == matching.key(recorded), mismatch.is_match());
    assert_eq!(matching.compare(recorded, actual).is_match(), mismatch.is_match());
    assert_eq!(mismatch.distance() == 0, mismatch.is_match());
}

fn line(difference: &Difference) -> String {
    let or_absent = |value: &Option<String>| value.clone().unwrap_or("-".into());
    match difference {
        Difference::Uri { actual, recorded } => format!("uri {actual} | {recorded}"),
        Difference::Method { actual, recorded } => format!("method {actual} | {recorded}"),
        Difference::Scheme { actual, recorded } => format!("scheme {actual} | {recorded}"),
        Difference::Host { actual, recorded } => format!("host {actual} | {recorded}"),
        Difference::Path { actual, recorded } => format!("path {actual} | {recorded}"),
        Difference::Query { key, actual, recorded } => format!("query {key}: {actual:?} | {recorded:?}"),
        Difference::Header { name, actual, recorded } => {
            format!("header {name}: {} | {}", or_absent(actual), or_absent(recorded))
        }
        Difference::Body { actual, recorded } => format!("kind {actual:?} | {recorded:?}"),
        Difference::Json { pointer, actual, recorded } => {
            format!("json {pointer}: {} | {}", or_absent(actual), or_absent(recorded))
        }
        Difference::Form { key, actual, recorded } => format!("form {key}: {actual:?} | {recorded:?}"),
        Difference::Multipart { part, difference } => match difference {
            PartDifference::Header { name, actual, recorded } => {
                format!("part {part} {name}: {} | {}", or_absent(actual), or_absent(recorded))
            }
            PartDifference::Body(difference) => format!("part {part} {}", line(difference)),
            other => format!("part {part} {other:?}"),
        },
        Difference::Xml { path, actual, recorded } => {
            format!("xml {path}: {} | {}", or_absent(actual), or_absent(recorded))
        }
        Difference::Custom { matcher } => format!("custom {matcher}"),
        Difference::Bytes { offset, actual, recorded, .. } => {
            format!("bytes {offset:?}: {actual} | {recorded}")
        }
    }
}

#[track_caller]
fn uris(actual: &str, recorded: &str, expected: &str) {
    check(&Matching::default(), &get(actual), &get(recorded), expected);
}

#[test]
fn uri() {
    uris("https://h/a?b=1&c=2", "HTTPS://H:443/x/../a?c=2&b=1#f", "=");
    uris("https://h/a", "http://h/a", "scheme https | http");
    uris("https://h/a", "https://h:8443/a", "host h | h:8443");
    uris("http://h:443/", "https://h/", "scheme http | https\nhost h:443 | h");
    uris("https://h/a/", "https://h/a", "path /a/ | /a");
    uris("https://h/A", "https://h/a", "path /A | /a");
    uris("https://h/a%2Fb", "https://h/a/b", "path /a%2Fb | /a/b");
    uris("https://h?page=1&page=2", "https://h/?page=2&page=1", "=");
    uris("https://h?page=1", "https://h?page=1&page=1", r#"query page: ["1"] | ["1", "1"]"#);
    uris("https://h?q=a+b", "https://h?q=a%20b", "=");
    uris("https://h?q=a%2Bb", "https://h?q=a+b", r#"query q: ["a+b"] | ["a b"]"#);
    uris("https://h?a=1&b=2", "https://h?b=2&c=3", "query a: [\"1\"] | []\nquery c: [] | [\"3\"]");
    uris("https://h?a=%FF", "https://h?a=%FE", r#"query a: ["%FF"] | ["%FE"]"#);
    uris("/relative", "/relative", "=");
    uris("/relative", "https://h/relative?x", "uri /relative | https://h/relative");
}

#[test]
fn method() {
    let mut head = get("https://h/");
    head.method = Method::HEAD;
    check(&Matching::default(), &head, &get("https://h/"), "method HEAD | GET");
}

#[test]
fn ignored_query() {
    let matching = Matching::default().ignore_query("sig nature").ignore_query("t");
    check(&matching, &get("https://h/?a=1&sig%20nature=x&t=1&t=2"), &get("https://h/?a=1"), "=");
    check(&matching, &get("https://h/?T=1"), &get("https://h/"), r#"query T: ["1"] | []"#);
}

#[test]
fn required_headers() {
    let matching = Matching::default().require_header("Accept").require_header("cookie");
    let plain = get("https://h/");
    let accept = |value| with(plain.clone(), &[("accept", value)]);
    check(&Matching::default(), &accept("a"), &accept("b"), "=");
    check(&matching, &plain, &plain, "=");
    check(&matching, &accept("a"), &accept("b"), "header accept: a | b");
    check(&matching, &plain, &accept("b"), "header accept: - | b");
    check(&matching, &plain, &accept(""), "header accept: - | ");
    check(&matching, &with(plain.clone(), &[("accept", "a"), ("accept", "b")]), &accept("a, b"), "=");
    let cookies = with(plain.clone(), &[("cookie", "a=1"), ("cookie", "b=2")]);
    check(&matching, &cookies, &with(plain.clone(), &[("cookie", "a=1; b=2")]), "=");
}

/// By default, matching compares headers that select what a request asks for. Requests that both lack the header are
/// equal.
#[test]
fn selecting_headers() {
    let plain = get("https://h/");
    let of = |name, value| with(plain.clone(), &[(name, value)]);
    let default = Matching::default();
    check(&default, &of("range", "bytes=0-9"), &of("range", "bytes=0-9"), "=");
    check(
        &default,
        &of("range", "bytes=0-9"),
        &of("range", "bytes=10-19"),
        "header range: bytes=0-9 | bytes=10-19",
    );
    check(&default, &of("range", "bytes=0-9"), &plain, "header range: bytes=0-9 | -");
    check(&default, &plain, &of("x-amz-target", "Kms.Sign"), "header x-amz-target: - | Kms.Sign");
    check(
        &default,
        &of("x-acme-tenant-id", "a"),
        &of("x-acme-tenant-id", "b"),
        "header x-acme-tenant-id: a | b",
    );
    check(&default, &of("user-agent", "a"), &of("user-agent", "b"), "=");
    // Options exclude headers and include them again.
    for matching in [default.clone().ignore_header("range"), default.clone().ignore_header("*")] {
        check(&matching, &of("range", "bytes=0-9"), &plain, "=");
        check(&matching.require_header("range"), &of("range", "1"), &plain, "header range: 1 | -");
    }
    let scoped = default.within("g", |m| m.ignore_header("range"));
    check(&scoped, &of("range", "bytes=0-9"), &plain, "header range: bytes=0-9 | -");
}

#[track_caller]
fn bodies(content_type: &str, actual: &str, recorded: &str, expected: &str) {
    check(&Matching::default(), &post(content_type, actual), &post(content_type, recorded), expected);
}

#[test]
fn json() {
    let json = "application/json; charset=utf-8";
    bodies(json, r#"{"a": 1, "b": [true, null]}"#, r#"{"b":[true,null],"a":1.0}"#, "=");
    bodies(json, "[1e2, -0.0, 0.5]", "[100, 0, 5e-1]", "=");
    bodies(json, r#""caf\u00e9""#, r#""café""#, "=");
    bodies(
        json,
        "[12345678901234567890]",
        "[12345678901234567891]",
        "json /0: 12345678901234567890 | 12345678901234567891",
    );
    bodies(json, "[1, 2]", "[2, 1]", "json /0: 1 | 2\njson /1: 2 | 1");
    bodies(json, "[1]", "[1, {\"a\": \"x\"}]", r#"json /1: - | {"a": "x"}"#);
    bodies(json, r#"{"a": null}"#, "{}", "json /a: null | -");
    bodies(json, r#"{"a/b": {"~": 1}}"#, r#"{"a/b": {"~": 2}}"#, "json /a~1b/~0: 1 | 2");
    bodies(json, r#"{"a": 1}"#, r#"{"a": "1"}"#, r#"json /a: 1 | "1""#);
    bodies(json, "[]", "{}", "json : [] | {}");
    bodies(json, "false", "true", "json : false | true");
    bodies(json, "[null, false]", "[false, null]", "json /0: null | false\njson /1: false | null");
    // If several members have the same name, some parsers use the first member and others the last. So their order
    // makes a difference.
    bodies(json, r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "a": 2}"#, "=");
    bodies(json, r#"{"a": 1, "a": 2}"#, r#"{"a": 2, "a": 1}"#, "json /a: 1 | 2\njson /a: 2 | 1");
    bodies(json, r#"{"a": 1, "b": 3, "a": 2}"#, r#"{"b": 3, "a": 1}"#, "json /a: 2 | -");
    bodies(json, "{broken", "{broken ", "bytes Some(7): 7 | 8");
}

#[test]
fn json_by_its_first_character() {
    bodies("", r#"{"a": 1}"#, r#"{"a":1.0}"#, "=");
    bodies("text/plain", " [1]", "[1]", "=");
    bodies("application/vnd.api+json", "1.0", "1", "=");
    bodies("text/plain", "1.0", "1", "bytes Some(1): 3 | 1");
    check(&Matching::default(), &post("", "{}"), &post("application/json", "{ }"), "=");
}

#[test]
fn ignored_json() {
    let matching = Matching::default().ignore_json("/at").ignore_json("/items/*/id").ignore_json("/list/1");
    let check = |actual, recorded, expected| {
        check(&matching, &post("", actual), &post("", recorded), expected);
    };
    check(r#"{"at": 1, "x": 1}"#, r#"{"x": 1}"#, "=");
    check(r#"{"x": {"at": 1}}"#, r#"{"x": {"at": 2}}"#, "json /x/at: 1 | 2");
    check(r#"{"items": [{"id": 1, "n": 1}, {"id": 2}]}"#, r#"{"items": [{"n": 1}, {"id": 9}]}"#, "=");
    check(r#"{"items": {"k": {"id": 1}}}"#, r#"{"items": {"k": {}}}"#, "=");
    check(r#"{"list": [1, 2, 3]}"#, r#"{"list": [1, "x", 3]}"#, "=");
    check(r#"{"list": [1, 2]}"#, r#"{"list": [1]}"#, "json /list/1: (ignored) | -");
    let all = Matching::default().ignore_json("");
    super::tests::check(&all, &post("", "[1]"), &post("", "{}"), "=");
}

#[test]
#[should_panic(expected = r#""$.at" is not a JSON pointer"#)]
fn a_wrong_pointer_is_not_ignored() {
    let _ = Matching::default().ignore_json("$.at");
}

#[test]
fn forms() {
    let form = "application/x-www-form-urlencoded";
    bodies(form, "a=1&b=x+y", "b=x%20y&a=1", "=");
    bodies(form, "a=1&a=2", "a=2&a=1", "=");
    bodies(form, "a=1", "a=2&b=3", "form a: [\"1\"] | [\"2\"]\nform b: [] | [\"3\"]");
    bodies("text/plain", "a=1&b=2", "b=2&a=1", "bytes Some(0): 7 | 7");
    check(&Matching::default(), &post(form, "a=1"), &post("text/plain", "a=1"), "kind Form | Bytes");
}

fn multipart(boundary: &str, parts: &[(&str, &str)]) -> Request {
    let mut body = String::new();
    for (head, content) in parts {
        let head = head.replace('\n', "\r\n");
        body.push_str(&format!("--{boundary}\r\n{head}\r\n\r\n{content}\r\n"));
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    post(&format!("multipart/form-data; boundary=\"{boundary}\""), &body)
}

#[test]
fn multiparts() {
    let check = |actual, recorded, expected| check(&Matching::default(), &actual, &recorded, expected);
    let name = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"");
    let (a, b) = (name("a"), name("b"));
    let json = format!("{a}\nContent-Type: application/json");
    check(multipart("x y", &[(&a, "1"), (&b, "2")]), multipart("zz", &[(&b, "2"), (&a, "1")]), "=");
    check(
        multipart("x", &[("content-disposition: form-data;name=a", "1")]),
        multipart("x", &[(&a, "1")]),
        "=",
    );
    check(multipart("x", &[(&json, "{\"n\": 1.0}")]), multipart("y", &[(&json, "{\"n\":1}")]), "=");
    check(
        multipart("x", &[(&json, "{\"n\": 1}")]),
        multipart("y", &[(&json, "{\"n\": 2}")]),
        "part a json /n: 1 | 2",
    );
    check(
        multipart("x", &[(&a, "1"), (&a, "2")]),
        multipart("x", &[(&a, "2"), (&a, "1"), (&b, "")]),
        "part a bytes Some(0): 1 | 1\npart a #2 bytes Some(0): 1 | 1\npart b OnlyRecorded",
    );
    check(
        multipart("x", &[(&json, "1")]),
        multipart("x", &[(&a, "1")]),
        "part a content-type: application/json | -\npart a kind Json | Bytes",
    );
    check(multipart("x", &[]), multipart("y", &[]), "=");
}

#[test]
fn multiparts_that_are_not_forms() {
    let mixed = |boundary: &str, body: &str| {
        let body = body.replace("BB", boundary).replace('\n', "\r\n");
        post(&format!("multipart/mixed; boundary={boundary}"), &body)
    };
    let check = |actual: &str, recorded: &str, expected| {
        check(&Matching::default(), &mixed("xx", actual), &mixed("yyy", recorded), expected);
    };
    // A shortened version of the example in RFC 2046 §5.1.1.
    check(
        "preamble\n--BB\n\nimplicit\n--BB  \nContent-type: text/plain\n\nexplicit\n\n--BB--\nepilogue",
        "--BB\n\nimplicit\n--BB\nContent-Type:text/plain\n\nexplicit\n\n--BB--",
        "=",
    );
    check("--BB\n\none\n--BB\n\ntwo\n--BB--", "--BB\n\none\n--BB--", "part #2 OnlyActual");
    check(
        "--BB\n\none\n--BB\n\ntwo\n--BB--",
        "--BB\n\none\n--BB\n\nTWO\n--BB--",
        "part #2 bytes Some(0): 3 | 3",
    );
    check("--BB\n--BB--", "--BB\n\n\n--BB--", "=");
    let nested = |inner: &str| {
        format!(
            "--BB\nContent-Type: multipart/mixed; boundary={inner}\n\n--{inner}\n\nx\n--{inner}--\n--BB--"
        )
    };
    check(&nested("one"), &nested("two"), "=");
    // A body that is not well-formed is compared as bytes.
    check("--BB\n\nnever closed", "--BB\n\nnever closed", "bytes Some(2): 20 | 21");
}

#[test]
fn nothing_hostile_recurses_without_end() {
    let mut body = "x".to_owned();
    for depth in 0..2000 {
        body = format!(
            "--b{depth}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n{body}\r\n--b{depth}--",
            depth - 1
        );
    }
    let request = post("multipart/mixed; boundary=b1999", &body);
    check(&Matching::default(), &request, &request, "=");
    let deep = post("application/json", &"[".repeat(100_000));
    check(&Matching::default(), &deep, &deep, "=");
}

#[test]
fn empty_bodies() {
    let empty = |content_type| post(content_type, "");
    check(&Matching::default(), &empty("application/json"), &empty(""), "=");
    check(&Matching::default(), &post("", "{}"), &empty(""), "kind Json | Empty");
}

#[test]
fn ignored_bodies() {
    let matching = Matching::default().ignore_body();
    check(&matching, &post("", "{}"), &post("text/plain", "x"), "=");
}

#[test]
fn bodies_in_files() {
    let in_file = |sha256: &str, size| {
        let mut request = post("application/octet-stream", "");
        let file = BodyFile { name: format!("{sha256}.bin"), size, sha256: sha256.to_owned(), meaning: None };
        request.body = Body { content: Content::File(file), ..Body::default() };
        request
    };
    // SHA-256 of "abc" (FIPS 180-4, example).
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let other = "0".repeat(64);
    let check = |actual, recorded, expected| check(&Matching::default(), &actual, &recorded, expected);
    check(in_file(abc, 3), in_file(abc, 3), "=");
    check(in_file(abc, 3), in_file(&other, 3), "bytes None: 3 | 3");
    // A body in a file can equal an inline body, because the inline limit may have changed since the recording.
    check(in_file(abc, 3), post("application/octet-stream", "abc"), "=");
    check(in_file(abc, 3), post("application/octet-stream", "abcd"), "bytes None: 3 | 4");
    check(in_file(abc, 3), post("application/json", "1"), "kind Bytes | Json");
}

#[test]
fn nearest() {
    let recorded = [
        get("https://other.example.com/v1/items?page=2"),
        post("", "{\"page\": 2}"),
        get("https://h/v1/orders?page=2"),
        get("https://h/v1/items?page=1&size=10"),
        get("https://h/v1/items?page=1"),
        get("https://h/v1/items?page=3"),
    ];
    let nearest = |uri, most| {
        let found = Matching::default().nearest(&get(uri), recorded.iter().enumerate(), most);
        found.iter().map(|(index, mismatch)| (*index, mismatch.differences().len())).collect::<Vec<_>>()
    };
    assert_eq!(nearest("https://h/v1/items?page=2", 3), [(4, 1), (5, 1), (3, 2)]);
    assert_eq!(nearest("https://h/v1/items?page=2&size=10", 1), [(3, 1)]);
    assert_eq!(nearest("https://h/v1/items?page=3", 1), [(5, 0)]);
    assert_eq!(nearest("https://h/v2/orders?page=2", 1), [(2, 1)]);
    assert_eq!(nearest("https://other.example.com/", 1), [(0, 2)]);
    assert_eq!(nearest("https://h/", 9).len(), 6);
    assert_eq!(nearest("https://h/", 0), []);

    let recorded = [post("", r#"{"a": 1, "b": 2, "c": 3}"#), post("", r#"{"a": 1, "b": 2, "c": 4}"#)];
    let asked = post("", r#"{"a": 9, "b": 2, "c": 4}"#);
    let found = Matching::default().nearest(&asked, recorded.iter().enumerate(), 1);
    assert_eq!((found[0].0, found[0].1.differences().len()), (1, 1));
}

/// The likeness of sketches ranks recordings in the same order as an exact comparison.
#[test]
fn sketches() {
    let matching = Matching::default();
    let likeness =
        |a: &Request, b: &Request| matching.key_and_sketch(a).1.likeness(&matching.key_and_sketch(b).1);
    let asked = Request { uri: "https://h/v1/a".into(), ..post("", r#"{"x": 1, "y": [2, 3], "z": "w"}"#) };
    let at = |uri: &str, body: &str| Request { uri: uri.to_owned(), ..post("", body) };
    let ranked = [
        asked.clone(),
        at("https://h/v1/a", r#"{"z": "w", "y": [2, 3], "x": 9}"#),
        at("https://h/v1/a", r#"{"z": "w"}"#),
        at("https://h/v1/a", r#"{"q": "w"}"#),
        at("https://h/v1/b", r#"{"x": 1, "y": [2, 3], "z": "w"}"#),
        at("https://h/v2/c/d", r#"{"x": 1}"#),
        at("https://g/v1/a", r#"{"x": 1, "y": [2, 3], "z": "w"}"#),
    ];
    let ranks: Vec<_> = ranked.iter().map(|other| likeness(&asked, other)).collect();
    assert!(ranks.is_sorted_by(|a, b| a > b), "{ranks:?}");
}
