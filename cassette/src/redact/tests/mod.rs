//! Tests of bodies through the whole chain, and the property that no secret survives in any encoding, at any place.

mod corpus;
mod each_rule;

use std::io::{self, Write};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use crate::redact::{Redactor, Rules};
use crate::tests::sized;

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

/// Redacts the body cut in two at every byte, and byte by byte.
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
fn json_by_name() {
    check(JSON, r#"{"token":"abc"}"#, r#"{"token":"[token:1]"}"#);
    check(
        JSON,
        r#"{ "a" : [ { "access_token" : "x\"y" , "n" : 1.0 } ] }"#,
        r#"{ "a" : [ { "access_token" : "[access_token:1]" , "n" : 1.0 } ] }"#,
    );
    check(
        JSON,
        r#"{"accessToken":"x","Access-Token":"y"}"#,
        r#"{"accessToken":"[access_token:1]","Access-Token":"[access_token:2]"}"#,
    );
    check(JSON, r#"{"p\u0061ssword":"x"}"#, r#"{"p\u0061ssword":"[password:1]"}"#);
    check(JSON, r##"{"#customerPin":"x"}"##, r##"{"#customerPin":"[customer-pin:1]"}"##);
    check(
        JSON,
        r#"{"country_code":"DE","tokens":"2","sig":"s"}"#,
        r#"{"country_code":"DE","tokens":"2","sig":"s"}"#,
    );
    check(JSON, r#"{"token":"","password":"x"}"#, r#"{"token":"","password":"[password:1]"}"#);
    check(
        JSON,
        r#"["token","abc",{"password":["a",["b"],{"c":"d","pwd":"e"},"f"]},"g"]"#,
        r#"["token","abc",{"password":["[password:1]",["[password:2]"],{"c":"d","pwd":"[pwd:1]"},"[password:3]"]},"g"]"#,
    );
    check(JSON, "[\"a\"]", "[\"a\"]");
}

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

/// The same value gets the same placeholder, in any field and encoding; different values get different ones.
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
fn json_in_json() {
    check(
        JSON,
        r#"{"body":"{\"token\": \"a\\/b\", \"n\": 1.0}","x":"[1, \u007b\"pwd\":\"c\u0022, "}"#,
        r#"{"body":"{\"token\": \"[token:1]\", \"n\": 1.0}","x":"[1, \u007b\"pwd\":\"[pwd:1]\u0022, "}"#,
    );
    check(
        JSON,
        r#"["{\"body\":\"{\\\"token\\\":\\\"x\\\"}\"}"]"#,
        r#"["{\"body\":\"{\\\"token\\\":\\\"[token:1]\\\"}\"}"]"#,
    );
    check(JSON, r#"{"a":"[not JSON","b":"{","c":"[1,2]"}"#, r#"{"a":"[not JSON","b":"{","c":"[1,2]"}"#);
    check(
        FORM,
        "payload=%7B%22token%22%3A+%22x%2By%22%7D&n=%25&m={\"pwd\":\"z\"}",
        "payload=%7B%22token%22%3A+%22[token:1]%22%7D&n=%25&m={\"pwd\":\"[pwd:1]\"}",
    );
}

#[test]
fn json_by_pointer() {
    let rules = Rules::default().pointer("/users/*/email").unwrap().pointer("/a~1b/1").unwrap();
    let redactor = Redactor::new(rules.pointer("/tags").unwrap().pointer("/b/x").unwrap()).unwrap();
    let all = Redactor::new(Rules::default().pointer("").unwrap().pointer("/*/mail").unwrap()).unwrap();
    let check_with = |redactor: &Redactor, body: &str, expected: &str| {
        for cut in 0..=body.len() {
            let (a, b) = body.as_bytes().split_at(cut);
            let out = redact(redactor, JSON, &[a, b]);
            assert_eq!(String::from_utf8_lossy(&out), expected, "cut at {cut}");
        }
        assert_eq!(String::from_utf8_lossy(&redact(redactor, JSON, &[expected.as_bytes()])), expected);
    };
    let check = |body: &str, expected: &str| check_with(&redactor, body, expected);
    check(
        r#"{"users":[{"email":"a@b","name":"n"},{"x":{"email":"kept"},"e\u006dail":"c@d"}],"email":"kept"}"#,
        r#"{"users":[{"email":"[email:1]","name":"n"},{"x":{"email":"kept"},"e\u006dail":"[email:2]"}],"email":"kept"}"#,
    );
    check(
        r#"{"users":{"7":{"email":"a@b"}},"a/b":["x","y",["z"]]}"#,
        r#"{"users":{"7":{"email":"[email:1]"}},"a/b":["x","[1:1]",["z"]]}"#,
    );
    check(
        r#"{"tags":["a@b",7],"users":[[[]],[{"email":1}]]}"#,
        r#"{"tags":["[email:1]",7],"users":[[[]],[{"email":1}]]}"#,
    );
    check(
        r#"{"b":{"x":{"s":"g","l":[["h",{"o":"i"}],"[1]"],"pwd":"j","n":null},"y":"kept"},"tags":{"t":{}},"z":"kept"}"#,
        r#"{"b":{"x":{"s":"[x:1]","l":[["[x:2]",{"o":"[x:3]"}],"[x:4]"],"pwd":"[pwd:1]","n":null},"y":"kept"},"tags":{"t":{}},"z":"kept"}"#,
    );
    check_with(
        &all,
        "\"a@b\"\n[\"e@f\",{\"mail\":[{\"x\":\"g@h\"},\"i@j\"]}]",
        "\"[pointer:1]\"\n[\"[pointer:2]\",{\"mail\":[{\"x\":\"[pointer:3]\"},\"[mail:1]\"]}]",
    );
    let left = redactor.counts();
    assert!(left.contains_key("pointer /tags, left: number"), "{left:?}");
    let odd = Redactor::new(Rules::default().pointer("/m~0n~1o").unwrap()).unwrap();
    let mut body = odd.body(Some("application/json"), Vec::new());
    body.write_all(br#"{"m~n/o":"x"}"#).unwrap();
    assert_eq!(body.finish().unwrap(), br#"{"m~n/o":"[mno:1]"}"#);
    assert!(Rules::default().pointer("users").is_err());
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
fn json_without_its_content_type() {
    check("text/plain", r#" {"token":"abc"}"#, r#" {"token":"[token:1]"}"#);
    check(
        "",
        "{\"token\":\"abc\"}\n{\"token\":\"def\"}\n",
        "{\"token\":\"[token:1]\"}\n{\"token\":\"[token:2]\"}\n",
    );
    check(JSON, "\u{feff}{\"token\":\"abc\"}", "\u{feff}{\"token\":\"[token:1]\"}");
    check("text/plain", "token: \"abc\"", "token: \"abc\"");
}

#[test]
fn broken_json() {
    check(JSON, r#"{"token":"abc""#, r#"{"token":"[token:1]""#);
    check(JSON, r#"{"token":"abc"#, r#"{"token":"[token:1]""#);
    check(JSON, r#"{"token":""#, r#"{"token":""#);
    check(JSON, "{\"token\":\"a\nb\\x\",\"n\":1}", "{\"token\":\"[token:1]\",\"n\":1}");
    check(
        JSON,
        r#"{"token":"a",}{"token":"b s3cr3t/\"ké y+"}"#,
        r#"{"token":"[token:1]",}{"token":"b {{secret.KEY}}"}"#,
    );
    check(JSON, "\u{feff}", "\u{feff}");
}

/// After text that is not JSON, the next document begins a line.
#[test]
fn documents_after_other_text() {
    for content_type in [JSON, "application/x-ndjson", "text/plain", "", "text/csv"] {
        check(
            content_type,
            "{\"id\":1}\nnot json\n{\"token\":\"x\"}\r\n\r\n{oops}\n[{\"pwd\":\"y\"}] and {\"pwd\":\"kept\"}",
            "{\"id\":1}\nnot json\n{\"token\":\"[token:1]\"}\r\n\r\n{oops}\n[{\"pwd\":\"[pwd:1]\"}] and {\"pwd\":\"kept\"}",
        );
        check(
            content_type,
            "2026-01-01 begin\n{\"password\":\"x\"}\nok\n{\"token\":\"y\"}\n",
            "2026-01-01 begin\n{\"password\":\"[password:1]\"}\nok\n{\"token\":\"[token:1]\"}\n",
        );
        // A line that was cut off anywhere but in a string.
        for cut in ["{\"a\":[1,{\"pwd\"", "{\"pwd\":", "{\"pwd\":tru", "{\"a\"", "[1,2"] {
            let body = |value: &str| format!("{cut}\r\n{{\"token\":\"{value}\"}}\n");
            if cut != "{\"pwd\":" && cut != "[1,2" {
                check(content_type, &body("x"), &body("[token:1]"));
            }
        }
    }
    // The inner lines of a broken document are not the beginning of another document.
    let broken =
        "{\n  \"a\": oops,\n  \"b\": {\n    \"token\": \"x\"\n  },\n  [\n  {\"token\":\"x\"}\n]\n}\n";
    check(JSON, broken, broken);
    let lines = "# [a]\n[x]\n[2026-01-01] \"token\": \"x\"\n{{token}}\n[b](c)\n[\"token\", \"x\"]\n{\n";
    check("text/plain", lines, lines);
    check("text/plain", "{\"s\":\"see:\n{\\\"a\\\":1}\"}", "{\"s\":\"see:\n{\\\"a\\\":1}\"}");
}

#[test]
fn json_sequences() {
    for content_type in ["application/json-seq", JSON, "text/plain", FORM] {
        check(
            content_type,
            "\u{1e}{\"token\":\"x\"}\n\u{1e}{\"a\":[{\"token\":\n\u{1e}{\"token\":\"y\"}\n\u{1e}\u{1e}[{\"pwd\":\"z\"}]\n",
            "\u{1e}{\"token\":\"[token:1]\"}\n\u{1e}{\"a\":[{\"token\":\n\u{1e}{\"token\":\"[token:2]\"}\n\u{1e}\u{1e}[{\"pwd\":\"[pwd:1]\"}]\n",
        );
    }
}

/// Pointers start at the beginning of each document.
#[test]
fn pointers_after_other_text() {
    let rules = Rules::default().pointer("/a/pin").unwrap();
    let redactor = Redactor::new(rules).unwrap();
    let body = "{\"a\":{\"b\":oops\n{\"a\":{\"pin\":\"x\"}}\n";
    for cut in 0..=body.len() {
        let (a, b) = body.as_bytes().split_at(cut);
        let out = redact(&redactor, JSON, &[a, b]);
        assert_eq!(String::from_utf8_lossy(&out), body.replace("\"x\"", "\"[pin:1]\""), "cut at {cut}");
    }
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
                // The characters on the left are completely before the secret, those on the right completely after it.
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

/// The encodings that the property tries. The test encodes values itself, without the code under test.
const ENCODINGS: [&str; 10] =
    ["raw", "json", "json-ascii", "json-slash", "percent", "form", "base64", "base64url", "hex", "HEX"];

const FORM_SET: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

fn encode(encoding: &str, value: &str) -> String {
    let quoted = || {
        let text = serde_json::to_string(value).unwrap();
        text[1..text.len() - 1].to_owned()
    };
    match encoding {
        "raw" => value.to_owned(),
        "json" => quoted(),
        "json-slash" => quoted().replace('/', "\\/"),
        "json-ascii" => {
            let mut out = String::new();
            for unit in quoted().encode_utf16() {
                match u8::try_from(unit) {
                    Ok(b) if b.is_ascii() => out.push(char::from(b)),
                    _ => out.push_str(&format!("\\u{unit:04x}")),
                }
            }
            out
        }
        "percent" => {
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
        }
        "form" => percent_encoding::utf8_percent_encode(value, FORM_SET).to_string().replace(' ', "+"),
        "base64" => STANDARD.encode(value),
        "base64url" => URL_SAFE_NO_PAD.encode(value),
        "hex" => value.bytes().map(|b| format!("{b:02x}")).collect(),
        "HEX" => value.bytes().map(|b| format!("{b:02X}")).collect(),
        _ => unreachable!("no encoding is called {encoding}"),
    }
}

/// Checks that no encoding of a secret survives in a text of this type, cut at these offsets, and that the text around
/// the secret stays.
fn check_survivors(
    secret: &str,
    encoding: &str,
    [before, after]: [&str; 2],
    cuts: &[prop::sample::Index],
    content_type: &str,
) -> Result<(), TestCaseError> {
    let secret = secret.trim().to_owned();
    let Ok(rules) = Rules::default().secret("K", secret.clone()) else { return Ok(()) };
    // Another test checks field names.
    let redactor = Redactor::new(without_defaults(rules)).unwrap();
    let coded = encode(encoding, &secret);
    let separated = encoding.starts_with("base64") || encoding.eq_ignore_ascii_case("hex");
    let space = if separated { " " } else { "" };
    let text = format!("{before}{space}{coded}{space}{after}");
    prop_assume!(!before.contains(&secret) && !after.contains(&secret));
    let mut at: Vec<usize> = cuts.iter().map(|i| i.index(text.len() + 1)).collect();
    at.extend([0, text.len()]);
    at.sort_unstable();
    let chunks: Vec<&[u8]> = at.windows(2).map(|w| &text.as_bytes()[w[0]..w[1]]).collect();
    let out = redact(&redactor, content_type, &chunks);
    let out = String::from_utf8(out).unwrap();
    prop_assert_eq!(redactor.leak_check().unwrap().scan(out.as_bytes()).unwrap(), None);
    prop_assert!(!out.contains(&secret) && !out.contains(&coded), "{}", out);
    // A value that repeats itself may begin in the text before it; then the hit is further left.
    if text.find(&coded) == Some(before.len() + space.len()) && !after.contains(&coded) {
        let padding = if encoding == "base64" { coded.len() - coded.trim_end_matches('=').len() } else { 0 };
        let expected = format!("{before}{space}{{{{secret.K}}}}{}{space}{after}", "=".repeat(padding));
        prop_assert_eq!(out, expected);
    }
    Ok(())
}

/// Cases that the property test below has found.
#[test]
fn secrets_that_once_survived() {
    for (secret, encoding) in [("😀€😀aA=", "raw"), ("a€%0€a", "percent")] {
        check_survivors(secret, encoding, ["", ""], &[], JSON).unwrap();
    }
}

proptest! {
    // Each case builds a search, which takes a while.
    #![proptest_config(ProptestConfig::with_cases(sized(24, 256)))]

    #[test]
    fn no_secret_survives(
        secret in "[ -~é€😀]{6,40}",
        encoding in prop::sample::select(&ENCODINGS[..]),
        before in "[a-z {}\\[\\]:,\"0-9]{0,40}",
        after in "[a-z {}\\[\\]:,\"0-9]{0,40}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        content_type in prop::sample::select(&[JSON, "text/plain"][..]),
    ) {
        check_survivors(&secret, encoding, [&before, &after], &cuts, content_type)?;
    }
}

/// Checks that chunks and a second redaction do not change the stored body, and that it stays as it is without any
/// rule.
fn check_chunks(body: &[u8], content_type: &str, cut: usize) -> Result<(), TestCaseError> {
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    let (a, b) = body.split_at(cut);
    let shown = |redactor: Redactor, chunks: &[&[u8]]| {
        redact(&redactor, content_type, chunks).escape_ascii().to_string()
    };
    let expected = shown(redactor(), &[body]);
    prop_assert_eq!(shown(redactor(), &bytes), &*expected);
    prop_assert_eq!(shown(redactor(), &[a, b]), &*expected);
    prop_assert_eq!(shown(bare(), &[a, b]), body.escape_ascii().to_string());
    let once = redact(&redactor(), content_type, &[body]);
    prop_assert_eq!(shown(redactor(), &[&once]), &*expected);
    Ok(())
}

/// A case that `chunks_change_nothing_in_frames` has found.
#[test]
fn a_form_after_the_beginning_of_json() {
    check_chunks(b"{\"token\":token=data", FORM, 0).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(64, 256)))]

    /// The expected result comes from a redaction byte by byte, which never skips a string as a whole.
    #[test]
    fn chunks_change_nothing(
        tokens in prop::collection::vec(prop::sample::select(&[
            "{", "}", "[", "]", ",", ":", "{\"token\":", "\"token\":", "\"tok\\u0065n\":", "\"passwor\\u0064\" :",
            "\"Pass-word_\":", "\"to\u{212a}en\":", "\"code\":", "\"jwt\":[", "\"x\":{", "\"a\"", "\"\"", "\"\\\"b\\\\\"",
            "\"s3cr3t/\\\"k\u{e9} y+\"", "\"c\",", "1,", "0.5", "null", "true", " ", "\n", "\u{feff}", "\"", "\\", "x",
            "\"{\\\"pwd\\\":\\\"p\\\"}\"", "\"[", "\"{\\\"x\\", "{\"token\":\"t\",\"list\":[{\"pwd\":[\"p\",{\"q\":[\"r\"]}]},\"s\"]}",
        ][..]), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let redactor = redactor();
        let body = tokens.concat().into_bytes();
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        let expected = redact(&redactor, JSON, &bytes);
        let (a, b) = body.split_at(cut.index(body.len() + 1));
        prop_assert_eq!(redact(&redactor, JSON, &[&body]).escape_ascii().to_string(), expected.escape_ascii().to_string());
        prop_assert_eq!(redact(&redactor, JSON, &[a, b]).escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    /// The same for texts that hold JSON among other things. Without rules, they stay as they are.
    #[test]
    fn chunks_change_nothing_in_frames(
        tokens in prop::collection::vec(prop::sample::select(&[
            "data", ":", " ", "\n", "\r", "\r\n", "data: ", "id: 1\n", "\u{feff}", "{\"token\":", "\"x\"", "\"pwd\":\"a", "\"", "}",
            "\"{\\\"token\\\":\\\"", "\\u00", "(", ",", "=", "[", "]", "f({", "tru", "1", "--b", "\r\n--b", "\n--b-", "--b--",
            "\r\n\r\n", "Content-Disposition: form-data; name=token\r\n", "Content-Type: application/json\r\n", "<token>", "-",
            ")]}'", "for(;;);", "/**/", "cb(", "client", "&", "a=1&", "token=", "password=a\n", "\u{1e}", "\n{", "<a>", " ", "s3cr3t/",
            "Content-Type: text/event-stream\n\n", "Content-Type: multipart/mixed; boundary=bc\n\n--bc\n",
        ][..]), 0..30),
        content_type in prop::sample::select(&[
            "text/event-stream", "text/javascript", "multipart/form-data; boundary=b", "text/plain", JSON, FORM, "text/xml",
            "text/csv",
        ][..]),
        cut in any::<prop::sample::Index>(),
    ) {
        let body = tokens.concat().into_bytes();
        check_chunks(&body, content_type, cut.index(body.len() + 1))?;
    }

    #[test]
    fn chunks_of_any_bytes_change_nothing(
        body in prop::collection::vec(any::<u8>(), 0..300),
        size in 1usize..300,
    ) {
        let redactor = redactor();
        let body = [b"[\"", &body[..], b"\",{\"token\":\"x\"}]"].concat();
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        prop_assert_eq!(redact(&redactor, JSON, &pieces), redact(&redactor, JSON, &bytes));
    }

    #[test]
    fn innocent_text_is_unchanged(body in "\\PC{0,200}", cut in any::<prop::sample::Index>()) {
        static PREPARED: LazyLock<Redactor> =
            LazyLock::new(|| Redactor::new(Rules::default().secret("K", "n3ver-g3nerated").unwrap()).unwrap());
        let redactor = PREPARED.anew();
        let cut = cut.index(body.len() + 1);
        let (a, b) = body.as_bytes().split_at(cut);
        prop_assert_eq!(redact(&redactor, "text/plain", &[a, b]), body.as_bytes());
    }
}
