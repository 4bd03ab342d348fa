//! Matching of GraphQL by query, variables and the name of the operation.

use super::*;

fn to(uri: &str, content_type: &str, body: &str) -> Request {
    Request { uri: uri.to_owned(), ..post(content_type, body) }
}

#[track_caller]
fn bodies(actual: &str, recorded: &str, expected: &str) {
    let to = |body| to("https://api.example.com/graphql", "application/json", body);
    check(&Matching::default(), &to(actual), &to(recorded), expected);
}

#[test]
fn in_json() {
    bodies(r#"{"query": "{ a,b }"}"#, r#"{"query": "{\n  a\n  b # both\n}"}"#, "=");
    bodies(
        r#"{"query": "{a}", "variables": null, "operationName": ""}"#,
        r#"{"query":"{a}","variables":{}}"#,
        "=",
    );
    bodies(
        r#"{"query": "query A{a}"}"#,
        r#"{"query": "query B{a}"}"#,
        r#"json /query: "query A { a }" | "query B { a }""#,
    );
    bodies(
        r#"{"query": "{a(id:$x)}", "variables": {"x": 1.0}, "operationName": "A"}"#,
        r#"{"query": "{a(id: $x)}", "variables": {"x": 2}, "operationName": "B"}"#,
        "json /operationName: \"A\" | \"B\"\njson /variables/x: 1.0 | 2",
    );
    bodies(r#"[{"query": "{a}"}, {"query": "{b}"}]"#, r#"[{"query": "{ a }"}, {"query": "{ b }"}]"#, "=");
    // A string that is not GraphQL is compared as a string.
    bodies(r#"{"query": "a  b"}"#, r#"{"query": "a b"}"#, r#"json /query: "a  b" | "a b""#);
    bodies(
        r#"{"query": "{a(s: \" \")}"}"#,
        r#"{"query": "{a(s: \"\")}"}"#,
        r#"json /query: "{ a ( s : \" \" ) }" | "{ a ( s : \"\" ) }""#,
    );
}

#[test]
fn elsewhere() {
    let check = |actual, recorded, expected| {
        let to = |body| to("https://api.example.com/search", "application/json", body);
        check(&Matching::default(), &to(actual), &to(recorded), expected);
    };
    check(r#"{"query": "{a}"}"#, r#"{"query": "{ a }"}"#, r#"json /query: "{a}" | "{ a }""#);
    check(r#"{"query": "{a}", "variables": {}}"#, r#"{"query": "{ a }", "variables": null}"#, "=");
}

#[test]
fn in_other_bodies() {
    let graphql = |body| to("https://api.example.com/x", "application/graphql; charset=utf-8", body);
    check(&Matching::default(), &graphql("{a b}"), &graphql("{ a, b }"), "=");
    check(&Matching::default(), &graphql("{a}"), &graphql("{b}"), r#"json /query: "{ a }" | "{ b }""#);
    let json = to("https://api.example.com/x", "application/json", r#"{"query": "{ a }", "variables": {}}"#);
    check(&Matching::default(), &graphql("{a}"), &json, "=");
    check(&Matching::default(), &graphql("not;"), &graphql("not; "), "bytes Some(4): 4 | 5");
}

#[test]
fn in_queries() {
    let check = |actual: &str, recorded: &str, expected| {
        let uri = |query: &str| get(&format!("https://h/graphql?{query}"));
        check(&Matching::default(), &uri(actual), &uri(recorded), expected);
    };
    check("query=%7Ba%2Cb%7D&variables=%7B%22x%22%3A1.0%7D", "variables={\"x\":+1}&query={+a+b+}", "=");
    check("query={a}&variables={}&operationName=", "query={a}", "=");
    check("query={a}", "query={b}", r#"query query: ["{ a }"] | ["{ b }"]"#);
    check(
        "query={a}&variables={\"x\":1}",
        "query={a}&variables={\"x\":2}",
        r#"query variables: ["{\"x\": 1}"] | ["{\"x\": 2}"]"#,
    );
    uris("https://h/search?query={a}", "https://h/search?query={+a}", r#"query query: ["{a}"] | ["{ a}"]"#);
}

#[test]
fn options_see_the_same_places() {
    let matching = Matching::default().ignore_json("/variables/now");
    let of = |now| {
        to(
            "https://h/graphql",
            "",
            &format!(r#"{{"query": "{{a}}", "variables": {{"now": {now}, "x": 1}}}}"#),
        )
    };
    check(&matching, &of(1), &of(2), "=");
}
