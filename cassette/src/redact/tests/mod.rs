//! Tests of bodies through the whole chain of redaction.

mod corpus;
mod each_rule;
mod json;
mod properties;

use std::io::{self, Write};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::redact::{Redactor, Rules};

const SECRET: &str = "s3cr3t/\"ké y+";

fn redactor() -> Redactor {
    static PREPARED: LazyLock<Redactor> = LazyLock::new(|| {
        let rules = Rules::default().secret("KEY", SECRET).unwrap();
        let rules = rules.secret("LONG", "s3cr3t/\"ké y+ and more").unwrap();
        Redactor::new(rules.keep_field("sig").field("customer-pin")).unwrap()
    });
    PREPARED.anew()
}

fn without_defaults(rules: Rules) -> Rules {
    super::default_rules().iter().fold(rules, |rules, rule| rules.without_rule(rule.id).unwrap())
}

/// A redactor without any rule.
fn bare() -> Redactor {
    static PREPARED: LazyLock<Redactor> =
        LazyLock::new(|| Redactor::new(without_defaults(Rules::default())).unwrap());
    PREPARED.anew()
}

fn redact(redactor: &Redactor, content_type: &str, chunks: &[&[u8]]) -> Vec<u8> {
    let mut body = redactor.body(Some(content_type), Vec::new());
    for chunk in chunks {
        body.write_all(chunk).unwrap();
    }
    body.finish().unwrap()
}

/// Redacts the body in two pieces, cut at every byte in turn, and then byte by byte.
#[track_caller]
fn check(content_type: &str, body: &str, expected: &str) {
    let redactor = redactor();
    let shown = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    for cut in 0..=body.len() {
        let (a, b) = body.as_bytes().split_at(cut);
        assert_eq!(shown(redact(&redactor, content_type, &[a, b])), expected, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(shown(redact(&redactor, content_type, &bytes)), expected, "byte by byte");
    let again = redact(&redactor, content_type, &[expected.as_bytes()]);
    assert_eq!(shown(again), expected, "redacting again changes nothing");
    let leak = redactor.leak_check().unwrap().scan(expected.as_bytes()).unwrap();
    assert_eq!(leak, None);
}

const JSON: &str = "application/json; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn other_types_of_value_stay() {
    for body in [
        r#"{"token":12345678901234567890,"n":"kept"}"#,
        r#"{"token":null,"n":"kept"}"#,
        r#"{"token":true,"n":"kept"}"#,
        r#"{"token":{"type":"kept"},"n":"kept"}"#,
        r#"{"token":[1,[],{}],"n":["kept"]}"#,
        r#"[{"token":1},"kept"]"#,
        r#"[{"token":{}},"kept"]"#,
    ] {
        check(JSON, body, body);
    }
}

/// The same value gets the same placeholder, in any field and encoding. Different values get different placeholders.
#[test]
fn one_value_one_placeholder() {
    check(
        JSON,
        r#"{"token":"a/b","list":[{"password":"c"},{"token":"a\/b"}],"pwd":"c"}"#,
        r#"{"token":"[token:1]","list":[{"password":"[password:1]"},{"token":"[token:1]"}],"pwd":"[password:1]"}"#,
    );
    check(JSON, r#"{"password":"s3cr3t/\"k\u00e9 y+"}"#, r#"{"password":"{{secret.KEY}}"}"#);
    check(FORM, "token=a%2Fb&pwd=a/b&password=", "token=[token:1]&pwd=[token:1]&password=");
    check(
        JSON,
        r#"{"token":"[token:4]","password":"[token:4]"}"#,
        r#"{"token":"[token:4]","password":"[token:4]"}"#,
    );
    check(FORM, "token=%5Btoken%3A4%5D", "token=[token:4]");
}

#[test]
fn values_of_other_types_are_counted() {
    let redactor = redactor();
    let body = br#"{"token":1.50,"password":[true,null,{"n":2}],"n":{}}"#;
    assert_eq!(redact(&redactor, JSON, &[body]), body);
    let counts: Vec<_> = redactor.counts().into_iter().collect();
    let of = |label: &str| (label.to_owned(), 1);
    assert_eq!(
        counts,
        [
            of("CAS0094 field password, left: boolean"),
            of("CAS0094 field password, left: object"),
            of("CAS0134 field token, left: number")
        ]
    );
    let body = b"<token><a b='c'/>\n<d><e/></d></token>";
    assert_eq!(redact(&redactor, "text/xml", &[body]), body);
    assert_eq!(redactor.counts()["CAS0134 field token, left: element"], 2);
}

#[test]
fn forms_by_name() {
    check(FORM, "a=1&password=x%26y&b=2", "a=1&password=[password:1]&b=2");
    check(FORM, "client%5Fsecret=x", "client%5Fsecret=[client_secret:1]");
    check(FORM, "token=&token&refresh_token=a=b", "token=&token&refresh_token=[refresh_token:1]");
    check(
        FORM,
        "q=s3cr3t%2F%22k%C3%A9+y%2B&q=s3cr3t%2f%22k%c3%a9%20y%2b",
        "q={{secret.KEY}}&q={{secret.KEY}}",
    );
    check(FORM, "", "");
}

#[test]
fn forms_with_nested_names() {
    check(
        FORM,
        "user[password]=x&user%5Bpassword%5D=y",
        "user[password]=[password:1]&user%5Bpassword%5D=[password:2]",
    );
    check(
        FORM,
        "token[]=a&u[token][0]=b&token%5B1%5d=c",
        "token[]=[token:1]&u[token][0]=[token:2]&token%5B1%5d=[token:3]",
    );
    check(
        FORM,
        "filter[code]=x&token[name]=y&[0]=z&filter[country_code]=DE",
        "filter[code]=x&token[name]=y&[0]=z&filter[country_code]=DE",
    );
}

#[test]
fn by_value() {
    check("text/plain", "<s3cr3t/\"ké y+>", "<{{secret.KEY}}>");
    check(
        "text/plain",
        "s3cr3t/\"ké y+ and mores3cr3t/\"ké y+ and mor",
        "{{secret.LONG}}{{secret.KEY}} and mor",
    );
    check(
        JSON,
        r#"{"a":"s3cr3t\/\"k\u00e9 y+","s3cr3t/\"ké y+":1}"#,
        r#"{"a":"{{secret.KEY}}","{{secret.KEY}}":1}"#,
    );
    check(JSON, r#""{\"a\":\"s3cr3t/\\\"ké y+\"}""#, r#""{\"a\":\"{{secret.KEY}}\"}""#);
    check("text/xml", "<a b='s3cr3t/&quot;ké y+'/>", "<a b='{{secret.KEY}}'/>");
    check("text/plain", "0x7333637233742f226bc3a920792b.", "0x{{secret.KEY}}.");
    check("text/plain", "s3cr3t/\"k", "s3cr3t/\"k");
}

/// The rest of a base64 text must not contain any bit of the secret: at every alignment, on both sides.
#[test]
fn base64_leaves_no_bits() {
    let redactor = redactor();
    for before in 0..6 {
        for after in 0..6 {
            let plain = ["x".repeat(before), SECRET.to_owned(), "y".repeat(after)].concat();
            for coded in [STANDARD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain)] {
                let out = String::from_utf8(redact(&redactor, "text/plain", &[coded.as_bytes()])).unwrap();
                let (left, right) = out.split_once("{{secret.KEY}}").expect(&out);
                // The characters on the left are completely before the secret, and the characters on the right are
                // completely after it.
                assert!(left.len() * 6 <= before * 8, "{out}");
                assert!(before * 8 - left.len() * 6 < 6, "{out}: too much is gone");
                let right = right.trim_end_matches('=');
                assert!(right.len() * 6 <= (after * 8).next_multiple_of(6), "{out}");
                let first = coded.trim_end_matches('=').len() - right.len();
                assert!(first * 6 >= (before + SECRET.len()) * 8, "{out}");
                assert!(coded.starts_with(left) && coded.trim_end_matches('=').ends_with(right));
            }
        }
    }
}

#[test]
fn counts() {
    let redactor = redactor();
    redact(&redactor, JSON, &[br#"{"token":"a","x":[{"Token":"b"}],"y":"s3cr3t\/\"k\u00e9 y+"}"#]);
    redactor.clone().uri("https://u:p@h/?api_key=1");
    let counts = redactor.counts();
    assert_eq!(counts["CAS0134 field token"], 2);
    assert_eq!(
        counts.into_keys().collect::<Vec<_>>(),
        ["CAS0001 url user-info", "CAS0035 field api_key", "CAS0134 field token", "secret.KEY"]
    );
}

/// A secret in a URL is counted once, also if it is a whole segment or value.
#[test]
fn a_secret_in_a_url_is_counted() {
    const KEY: &str = "k-5f2b9c41-a8";
    for uri in [
        format!("https://h/{KEY}/x"),
        format!("https://h/?q={KEY}"),
        format!("https://h/?q=a{KEY}b"),
        format!("https://h/#{KEY}"),
    ] {
        let redactor = Redactor::new(Rules::default().secret("KEY", KEY).unwrap()).unwrap();
        let shown = redactor.uri(&uri);
        assert!(shown.contains("{{secret.KEY}}"), "{shown}");
        redactor.uri(&shown);
        assert_eq!(
            redactor.counts().into_iter().collect::<Vec<_>>(),
            [("secret.KEY".to_owned(), 1)],
            "{uri}"
        );
    }
}

#[test]
fn restored_for_replay() {
    let redactor = redactor();
    let restore = |content_type: &str, body: &str| {
        let mut restorer = redactor.restorer(Some(content_type), Vec::new());
        body.bytes().for_each(|b| restorer.write_all(&[b]).unwrap());
        String::from_utf8(restorer.finish().unwrap()).unwrap()
    };
    assert_eq!(
        restore("text/plain", "a {{secret.KEY}} {{secret.OTHER}} {{secret"),
        format!("a {SECRET} {{{{secret.OTHER}}}} {{{{secret")
    );
    assert_eq!(restore("application/hal+json", r#"{"a":"{{secret.KEY}}"}"#), r#"{"a":"s3cr3t/\"ké y+"}"#);
    assert_eq!(restore(FORM, "a={{secret.KEY}}&b"), "a=s3cr3t%2F%22k%C3%A9+y%2B&b");
    assert_eq!(redactor.restore_str("Bearer {{secret.KEY}}"), format!("Bearer {SECRET}"));
}

#[test]
fn debug_output_shows_no_secret() {
    assert!(!format!("{:?}", redactor()).contains("s3cr3t"));
}

/// Memory stays constant: the redactor holds back no more than a window.
#[test]
fn long_bodies_stream() {
    struct Counter(std::rc::Rc<std::cell::Cell<usize>>);
    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.set(self.0.get() + bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let redactor = redactor();
    for (content_type, piece) in
        [(JSON, "[\"aaaaaaaaaa\","), (FORM, "a=bbbbbbbbb&"), ("text/plain", "text. ")]
    {
        let written = std::rc::Rc::default();
        let mut body = redactor.body(Some(content_type), Counter(std::rc::Rc::clone(&written)));
        let chunk = piece.repeat(1000);
        for i in 1..=100 {
            body.write_all(chunk.as_bytes()).unwrap();
            assert!(i * chunk.len() - written.get() < 40_000, "{content_type} holds back too much");
        }
        body.finish().unwrap();
        assert_eq!(written.get(), 100 * chunk.len());
    }
}

/// A field that the project keeps stays, although its value has the pattern of a token. In the same body the same token stays,
/// too, and another token is redacted. The leak check accepts the kept token.
#[test]
fn a_kept_field_is_kept() {
    const KEPT: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    const OTHER: &str = "ghp_26C7e42F292c6912E7710c838347Ae178B4b";
    for (kind, body, expected) in [
        (
            "application/json",
            format!(r#"{{"token":"{KEPT}","a":["{KEPT}"],"b":"{OTHER}"}}"#),
            r#"{"token":"K","a":["K"],"b":"[github-token:1]"}"#,
        ),
        (
            "application/json",
            format!(r#"{{"token":["{KEPT}",{{"x":"{OTHER}"}},"{OTHER}"]}}"#),
            r#"{"token":["K",{"x":"[github-token:1]"},"[github-token:1]"]}"#,
        ),
        (
            "application/x-www-form-urlencoded",
            format!("token={KEPT}&b={OTHER}"),
            "token=K&b=[github-token:1]",
        ),
    ] {
        for size in [1, 3, usize::MAX] {
            let redactor = Redactor::new(Rules::default().keep_field("token")).unwrap();
            let mut out = redactor.body(Some(kind), Vec::new());
            body.as_bytes().chunks(size).for_each(|chunk| out.write_all(chunk).unwrap());
            let out = String::from_utf8(out.finish().unwrap()).unwrap();
            assert_eq!(out.replace(KEPT, "K"), expected, "{size} bytes at once");
            let check = redactor.leak_check().unwrap();
            assert!(check.scan(KEPT.as_bytes()).unwrap().is_none());
            assert!(check.scan(OTHER.as_bytes()).unwrap().is_some());
        }
    }
    let redactor = Redactor::new(Rules::default().keep_field("token")).unwrap();
    let uri = format!("https://h/?token={KEPT}&b={OTHER}");
    assert_eq!(redactor.uri(&uri), format!("https://h/?token={KEPT}&b=[github-token:1]"));
}
