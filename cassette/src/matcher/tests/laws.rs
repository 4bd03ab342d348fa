//! Properties that hold for all requests and all options.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::tests::sized;

/// Generates requests from few possible values, so that equal and similar requests are common.
fn any_request() -> BoxedStrategy<Request> {
    let uri = prop_oneof![
        (
            "(http|https|HTTP)",
            "(h|H|g)",
            "(|:80|:443|:|:x)",
            "(|/|/a|/%61|/./a|/a/|/b/../a|/1|/2/|/graphql)",
            "(|\\?|\\?a=1&b=2|\\?b=2&a=1|\\?a=1&a=1|\\?t=1&a=1|\\?a=%FF|\\?a=%FE|\\?%|\\?query=%7Ba%7D|\\?query=%7B+a+%7D&variables=%7B%7D)"
        )
            .prop_map(|(scheme, host, port, path, query)| format!("{scheme}://{host}{port}{path}{query}")),
        "(a|/a|http:|http://)",
        ".{0,12}",
    ];
    let content_type = prop_oneof![
        Just(""),
        Just("application/json"),
        Just("text/plain"),
        Just("application/x-www-form-urlencoded"),
        Just("multipart/form-data; boundary=x"),
        Just("multipart/mixed; boundary=x"),
        Just("multipart/form-data; boundary=yy"),
        Just("application/xml"),
        Just("application/graphql"),
    ];
    let json = prop_oneof![
        Just("1"),
        Just("1.0"),
        Just("\"1\""),
        Just("null"),
        Just("false"),
        Just("{}"),
        Just("[]"),
        Just("[1,1e0]")
    ];
    let body = prop_oneof![
        json.clone().prop_map(str::to_owned),
        (json.clone(), json.clone()).prop_map(|(a, b)| format!(r#"{{"a":{a},"b":{b}}}"#)),
        (json.clone(), json.clone()).prop_map(|(a, b)| format!(r#"{{ "b" : {b}, "a" : {a} }}"#)),
        (json.clone(), json.clone()).prop_map(|(a, t)| format!(r#"{{"a":{a},"a":{a},"t":{t}}}"#)),
        (json.clone(), json).prop_map(|(a, t)| format!(r#"[{a}, {{"t": {t}}}]"#)),
        "(a=1|a=1&b=2|b=2&a=1|a=%FF|a=%FE|a|a=|&)",
        ("(x|yy)", "(|content-disposition: form-data; name=(a|b)\r\n|content-type: text/plain\r\n|k: 1\r\nk: 2\r\n|k: 1, 2\r\n|k: 2\r\nk: 1\r\n|content-length: 1\r\n)", "(|1|\\{\\})", "(|a|b)")
            .prop_map(|(b, head, one, two)| format!("--{b}\r\n{head}\r\n{one}\r\n--{b}\r\ncontent-disposition: form-data; name={two}\r\n\r\n1\r\n--{b}--")),
        any_xml(),
        prop_oneof![
            Just("{a}"),
            Just("{ a, }"),
            Just(r#"{"query": "{a}"}"#),
            Just(r#"{"query": "{ a }", "variables": {}}"#),
            Just(r#"{"query": "{ a }", "variables": {"t": 1}}"#),
        ]
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    let header =
        prop_oneof![Just(vec![]), Just(vec!["1"]), Just(vec!["1", "2"]), Just(vec!["1, 2"]), Just(vec![""])];
    let range = prop_oneof![4 => Just(None), 1 => Just(Some("bytes=0-1")), 1 => Just(Some("bytes=2-3"))];
    (prop_oneof![Just(Method::GET), Just(Method::POST)], uri, content_type, body, header, range)
        .prop_map(|(method, uri, content_type, body, header, range)| {
            let mut request = post(content_type, &body);
            request.method = method;
            request.uri = uri;
            for value in header {
                request.headers.append("x-kind", HeaderValue::from_static(value));
            }
            if let Some(range) = range {
                request.headers.append("range", HeaderValue::from_static(range));
            }
            request
        })
        .boxed()
}

/// Generates a few XML documents, each in several notations.
fn any_xml() -> BoxedStrategy<String> {
    let attributes = prop_oneof![
        Just(""),
        Just(" x='1'"),
        Just(" x=\"&#49;\" t='2'"),
        Just(" t='3' x='1'"),
        Just(" xmlns='u'"),
        Just(" xml:space='preserve'"),
    ];
    let inner = prop_oneof![
        Just(""),
        Just(" "),
        Just("1"),
        Just("<![CDATA[1]]>"),
        Just("<!-- no -->"),
        Just("<p:b xmlns:p='u'/>"),
        Just("<q:b xmlns:q='u'></q:b>"),
        Just("<b>1</b>"),
        Just("\n  <b>1</b>\n  <t>2</t>"),
        Just("<b/><b/>"),
        Just("1<b/>"),
        Just("<?go on?>"),
    ];
    (prop_oneof![Just(""), Just("<?xml version='1.0'?>\n")], attributes, inner)
        .prop_map(|(declaration, attributes, inner)| format!("{declaration}<a{attributes}>{inner}</a>"))
        .boxed()
}

fn any_matching() -> impl Strategy<Value = Matching> {
    prop::array::uniform12(any::<bool>()).prop_map(|flags| {
        let [query, json, body, header, only, path, scoped, all_headers, form, xml, only_json, custom] =
            flags;
        let mut matching = Matching::default();
        if query {
            matching = matching.ignore_query("t");
        }
        if json {
            matching = matching.ignore_json("/t").ignore_json("/*/t").ignore_json("/0");
        }
        if header {
            matching = matching.require_header("x-kind");
        }
        if only {
            matching = matching.ignore_query("*").require_query("a");
        }
        if path {
            matching = matching.ignore_path("/([0-9])").ignore_path("a");
        }
        if all_headers {
            matching = matching.require_header("*").ignore_header("content-type").ignore_header("range");
        }
        if form {
            matching = matching.ignore_form("b");
        }
        if xml {
            matching = matching.ignore_xml("/a/t").ignore_xml("/*/@t");
        }
        if only_json {
            matching = matching.ignore_json("").require_json("/a").require_json("/*/t");
        }
        if scoped {
            matching = matching
                .within("h/a/**", |m| m.ignore_body().ignore_query("a"))
                .within("g", |m| m.require_body().require_query("*").require_header("x-kind"));
        }
        if custom {
            matching = matching.matcher("not gone", |_: &Request, r: &Request| !r.uri.ends_with("t=1&a=1"));
        }
        // Few of the generated options ignore bodies, because most of what matching compares is in bodies.
        if body && scoped {
            matching = matching.ignore_body();
        }
        matching
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sized(300, 2000), failure_persistence: None, ..ProptestConfig::default() })]

    /// There is no difference between two requests exactly if their keys are equal. This also holds for requests that
    /// differ in only one part.
    #[test]
    fn explanation_and_key_agree(
        a in any_request(), b in any_request(), matching in any_matching(), shared in 0usize..4,
    ) {
        let mut b = b;
        if shared > 0 {
            b.uri.clone_from(&a.uri);
            b.method.clone_from(&a.method);
        }
        if shared > 1 {
            b.headers.clone_from(&a.headers);
        }
        if shared > 2 {
            b.body = a.body.clone();
        }
        let mismatch = matching.compare(&a, &b);
        let refused = mismatch.differences().iter().any(|d| matches!(d, Difference::Custom { .. }));
        let same = matching.key(&a) == matching.key(&b);
        prop_assert_eq!(same, mismatch.is_match() || refused, "{:?}", mismatch);
        prop_assert_eq!(same && matching.agree(&a, &b), mismatch.is_match());
        prop_assert_eq!(mismatch.is_match(), mismatch.distance() == 0);
        if !matching.has_matchers() {
            prop_assert_eq!(mismatch.is_match(), matching.compare(&b, &a).is_match());
            prop_assert!(matching.compare(&a, &a).is_match());
        }
    }

    /// If two requests are equal to a third request, they are equal to each other.
    #[test]
    fn equality_is_transitive(
        a in any_request(), b in any_request(), c in any_request(), matching in any_matching(), shared in 0usize..4,
    ) {
        let [b, c] = [b, c].map(|mut other| {
            if shared > 0 {
                other.uri.clone_from(&a.uri);
                other.method.clone_from(&a.method);
                other.headers.clone_from(&a.headers);
            }
            other
        });
        let same = |a: &Request, b: &Request| matching.key(a) == matching.key(b);
        if same(&a, &b) && same(&b, &c) {
            prop_assert!(same(&a, &c));
            prop_assert!(same(&c, &a));
        }
    }

    /// Comparing arbitrary bytes never panics.
    #[test]
    fn any_bytes(a in prop::collection::vec(any::<u8>(), 0..64), b in prop::collection::vec(any::<u8>(), 0..64)) {
        let request = |bytes: Vec<u8>| {
            let mut request = post("", "");
            request.body = Body::inline(Bytes::from(bytes));
            request
        };
        let (a, b) = (request(a), request(b));
        prop_assert_eq!(
            Matching::default().key(&a) == Matching::default().key(&b),
            Matching::default().compare(&a, &b).is_match()
        );
    }
}
