//! Tests of JSON bodies: names, pointers, documents in strings, and several documents in one body.

use std::io::Write;

use crate::redact::tests::{FORM, JSON, check, redact};
use crate::redact::{Redactor, Rules};

#[test]
fn by_name() {
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
fn by_pointer() {
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
fn without_its_content_type() {
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
fn broken() {
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

/// After text that is not JSON, the next document must begin at the start of a line.
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
        // The first line was cut off, but not inside a string.
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
fn sequences() {
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
