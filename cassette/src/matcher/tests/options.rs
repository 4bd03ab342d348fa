//! Tests of the options of matching: general options and options of a scope.

use std::borrow::Cow;

use super::*;

#[test]
fn queries() {
    let matching = Matching::default().ignore_query("utm_*");
    check(&matching, &get("https://h/?utm_source=a&x=1"), &get("https://h/?x=1"), "=");
    let matching = Matching::default().ignore_query("*").require_query("page");
    check(&matching, &get("https://h/?page=1&x=1"), &get("https://h/?page=1"), "=");
    check(&matching, &get("https://h/?page=1"), &get("https://h/?page=2"), r#"query page: ["1"] | ["2"]"#);
    let matching = matching.ignore_query("page");
    check(&matching, &get("https://h/?page=1"), &get("https://h/?page=2"), "=");
}

#[test]
fn headers() {
    let matching = Matching::default().require_header("x-*").ignore_header("X-Request-Id");
    let plain = get("https://h/");
    let of = |headers| with(plain.clone(), headers);
    check(&matching, &of(&[("x-request-id", "1"), ("accept", "a")]), &plain, "=");
    check(
        &matching,
        &of(&[("x-b", "1"), ("x-a", "1")]),
        &of(&[("x-a", "2")]),
        "header x-a: 1 | 2\nheader x-b: 1 | -",
    );
}

#[test]
fn json() {
    let check = |matching: &Matching, actual: &str, recorded: &str, expected: &str| {
        check(matching, &post("", actual), &post("", recorded), expected);
    };
    let only = Matching::default().ignore_json("").require_json("/order/id").require_json("/items/*/sku");
    check(&only, r#"{"order": {"id": 1, "at": 1}, "x": 1}"#, r#"{"order": {"id": 1}}"#, "=");
    check(&only, r#"{"order": {"id": 1}}"#, r#"{"order": {"id": 2}}"#, "json /order/id: 1 | 2");
    check(&only, r#"{"items": [{"sku": 1, "n": 1}, 7]}"#, r#"{"items": [{"sku": 1}]}"#, "=");
    check(
        &only,
        r#"{"items": [0, {"sku": 1}]}"#,
        r#"{"items": [{"sku": 1}]}"#,
        "json /items/0: (ignored) | {\"sku\": 1}\njson /items/1: {\"sku\": 1} | -",
    );
    check(&only, r#"{"order": {}}"#, "[1]", "=");
    // The option with the longer pointer applies, whatever the order of the options. If two pointers are equal, the
    // last option applies.
    let deeper = Matching::default().require_json("/a/b").ignore_json("/a");
    check(&deeper, r#"{"a": {"b": 1, "c": 1}}"#, r#"{"a": {"b": 1, "c": 2}}"#, "=");
    check(&deeper, r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 2}}"#, "json /a/b: 1 | 2");
    check(&deeper.ignore_json("/a/b"), r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 2}}"#, "=");
}

#[test]
fn forms() {
    let form = |body: &str| post("application/x-www-form-urlencoded", body);
    let matching = Matching::default().ignore_form("csrf");
    check(&matching, &form("csrf=1&a=1"), &form("a=1&csrf=2"), "=");
    let name = |name: &str| format!("content-disposition: form-data; name={name}");
    let of = |csrf| multipart("x", &[(&name("csrf"), csrf), (&name("a"), "1")]);
    check(&matching, &of("1"), &of("2"), "=");
    check(&Matching::default().ignore_form("*").require_form("a"), &of("1"), &of("2"), "=");
}

#[test]
fn paths() {
    let matching = Matching::default().ignore_path(r"/orders/(\d+)");
    check(&matching, &get("https://h/orders/1/lines"), &get("https://h/orders/2/lines"), "=");
    check(
        &matching,
        &get("https://h/orders/1/a"),
        &get("https://h/orders/2/b"),
        "path /orders/…/a | /orders/…/b",
    );
    check(
        &matching,
        &get("https://h/orders/1"),
        &get("https://h/orders/new"),
        "path /orders/… | /orders/new",
    );
}

#[test]
fn scopes() {
    let matching = Matching::default()
        .require_header("accept")
        .within("h/v1/**", |m| m.ignore_body().ignore_query("t").ignore_header("accept"))
        .within("h/v1/orders", |m| m.require_body());
    let at = |uri: &str, body: &str| Request { uri: uri.to_owned(), ..post("", body) };
    check(&matching, &at("https://h/v1/a?t=1", "{}"), &at("https://h/v1/a", "[]"), "=");
    check(&matching, &at("https://h/v2/a?t=1", "{}"), &at("https://h/v2/a", "{}"), r#"query t: ["1"] | []"#);
    check(
        &matching,
        &at("https://h/v1/orders?t=1", "{}"),
        &at("https://h/v1/orders", "[]"),
        "json : {} | []",
    );
    let accept = |uri: &str| with(get(uri), &[("accept", "a")]);
    check(&matching, &accept("https://h/v1/a"), &get("https://h/v1/a"), "=");
    check(&matching, &accept("https://g/v1/a"), &get("https://g/v1/a"), "header accept: a | -");
}

#[test]
fn matchers() {
    let same_length = |a: &Request, r: &Request| a.body.size() == r.body.size();
    let matching = Matching::default().ignore_body().matcher("same length", same_length);
    check_custom(&matching, &post("", "abc"), &post("", "xyz"), "=");
    check_custom(&matching, &post("", "abc"), &post("", "ab"), "custom same length");
    // Matching does not call the matcher if anything else differs.
    let never = Matching::default().within("g", |m| m.matcher("never", |_: &Request, _: &Request| false));
    check_custom(&never, &get("https://g/a"), &get("https://g/b"), "path /a | /b");
    check_custom(&never, &get("https://g/a"), &get("https://g/a"), "custom never");
    check_custom(&never, &get("https://h/a"), &get("https://h/a"), "=");
}

#[test]
fn canonical_requests() {
    struct WithoutComments;
    impl Matcher for WithoutComments {
        fn matches(&self, _: &Request, _: &Request) -> bool {
            true
        }

        fn canonical<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
            let Content::Inline(bytes) = &request.body.content else { return Cow::Borrowed(request) };
            let text = String::from_utf8_lossy(bytes);
            let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            Cow::Owned(Request { body: Body::inline(lines.join("\n")), ..request.clone() })
        }
    }
    let matching = Matching::default().matcher("without comments", WithoutComments);
    check(&matching, &post("text/plain", "# one\na"), &post("text/plain", "a"), "=");
    check(&matching, &post("text/plain", "# one\na"), &post("text/plain", "b"), "bytes Some(0): 1 | 1");
}

/// Requests are equal if their keys are equal and the matchers agree.
#[track_caller]
fn check_custom(matching: &Matching, actual: &Request, recorded: &Request, expected: &str) {
    let mismatch = matching.compare(actual, recorded);
    let lines: Vec<_> = mismatch.differences().iter().map(line).collect();
    let text = if lines.is_empty() { "=".to_owned() } else { lines.join("\n") };
    assert_eq!(text, expected);
    let same = matching.key(actual) == matching.key(recorded) && matching.agree(actual, recorded);
    assert_eq!(same, mismatch.is_match());
}

#[test]
fn options_are_data() {
    let matching = Matching::default()
        .ignore_query("t")
        .require_query("page")
        .require_header("Accept")
        .ignore_path(r"/(\d+)")
        .ignore_json("/at")
        .ignore_json("")
        .ignore_xml("/a/@id")
        .ignore_form("csrf")
        .within("h/v1", |m| m.ignore_body())
        .within("g", |m| m.matcher("same tenant", |_: &Request, _: &Request| true));
    assert_eq!(
        matching.to_string(),
        "ignores the query key `t`, `/(\\d+)` in paths, the JSON at /at, the JSON at its root, the XML at /a/@id, the form \
         field `csrf`; requires the query key `page`, the header `accept`; within h/v1 ignores the body; within g requires \
         that `same tenant` agrees"
    );
    assert_eq!(matching, matching.clone());
    assert_ne!(matching, matching.clone().ignore_query("u"));
    assert_eq!(Matching::default().to_string(), "");
}

#[test]
#[should_panic(expected = r#""(" is not a regular expression"#)]
fn a_wrong_pattern() {
    let _ = Matching::default().ignore_path("(");
}

#[test]
#[should_panic(expected = r#""/v1/**" is not a scope"#)]
fn a_wrong_scope() {
    let _ = Matching::default().within("/v1/**", |m| m);
}
