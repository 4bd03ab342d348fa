//! Tests of multipart bodies, however they are split into chunks.

use std::io::Write;

use super::*;
use crate::redact::formats::splice::WriterSink;
use crate::redact::{Redactor, Rules};

const FORM: &str = "multipart/form-data; boundary=b-0";

fn redact(redactor: &Redactor, content_type: &str, body: &[u8], size: usize) -> Vec<u8> {
    let mut writer = redactor.body(Some(content_type), Vec::new());
    body.chunks(size).for_each(|chunk| writer.write_all(chunk).unwrap());
    writer.finish().unwrap()
}

/// Checks the result twice, with LF and with CRLF as the line break. A bar in the texts stands for a line break.
#[track_caller]
fn check_of(content_type: &str, body: &str, expected: &str) {
    let rules = Rules::default().secret("KEY", "s3cr3t-value").unwrap().field("customer \"pin\"");
    let rules = rules.pointer("/places/*/pin").unwrap();
    for end in ["\r\n", "\n"] {
        let (body, expected) = (body.replace('|', end), expected.replace('|', end));
        for size in [usize::MAX, 1, 2, 3, 5, 7, 16] {
            let redactor = Redactor::new(rules.clone()).unwrap();
            let stored = redact(&redactor, content_type, body.as_bytes(), size);
            assert_eq!(String::from_utf8_lossy(&stored), expected, "{size} bytes at once");
        }
        let again = redact(&Redactor::new(rules.clone()).unwrap(), content_type, expected.as_bytes(), 3);
        assert_eq!(String::from_utf8_lossy(&again), expected, "redacting again changes nothing");
    }
}

#[track_caller]
fn check(body: &str, expected: &str) {
    check_of(FORM, body, expected);
}

/// Checks one part with this head and content.
#[track_caller]
fn check_part(head: &str, content: &str, expected: &str) {
    let body = |content: &str| format!("--b-0|{head}||{content}|--b-0--|");
    check(&body(content), &body(expected));
}

#[test]
fn by_name() {
    check(
        "--b-0|Content-Disposition: form-data; name=\"client_secret\"||a|b||--b-0|Content-Disposition: form-data; name=\"note\"||c\
         |--b-0|content-disposition:form-data;name=Pass-Word||a|b||--b-0|Content-Disposition: form-data; name=token|||--b-0--|",
        "--b-0|Content-Disposition: form-data; name=\"client_secret\"||[client_secret:1]|--b-0|Content-Disposition: form-data; name=\"note\"||c\
         |--b-0|content-disposition:form-data;name=Pass-Word||[client_secret:1]|--b-0|Content-Disposition: form-data; name=token|||--b-0--|",
    );
    check_part("Content-Disposition: form-data; name=\"token\"", "s3cr3t-value", "{{secret.KEY}}");
    check_part("Content-Disposition: form-data; name=\"token\"", "{{secret.KEY}}", "{{secret.KEY}}");
    check_part(
        "Content-Type: application/octet-stream|Content-Disposition: form-data; filename=\"a.pem\";|\tname=\"private_key\"",
        "-----|--b|--b-01|--b-0-|",
        "[private_key:1]",
    );
    for name in [
        "\"customer \\\"pin\\\"\"",
        "\"customer %22pin%22\"",
        "x; name*=UTF-8''customer%20%22pin%22",
        "\"a[customer \\\"pin\\\"][0]\"",
        "\"a%5Bcustomer%20%22pin%22%5D\"",
    ] {
        check_part(&format!("Content-Disposition: form-data; name={name}"), "x", "[customerpin:1]");
    }
    for name in ["\"country_code\"", "\"filter[code]\"", "\"a;b=token\"", "\"token", "x; filename=token"] {
        check_part(&format!("Content-Disposition: form-data; name={name}"), "x", "x");
    }
}

#[test]
fn by_names_within() {
    let named = "Content-Disposition: form-data; name=\"a\"";
    check_part(named, " {\"token\":|\"x\"}", " {\"token\":|\"[token:1]\"}");
    check_part(named, "<a><token>x</token></a>", "<a><token>[token:1]</token></a>");
    check_part(named, "token=x", "token=x");
    check_part(
        &format!("{named}|Content-Type: application/x-www-form-urlencoded"),
        "a=1&token=x",
        "a=1&token=[token:1]",
    );
    check_part(
        "Content-Type: application/json; charset=utf-8",
        "{\"places\":[{\"pin\":\"x\"}]}",
        "{\"places\":[{\"pin\":\"[pin:1]\"}]}",
    );
    check_part(named, "{\"token\":\"x", "{\"token\":\"[token:1]\"");
    check_part("", "{\"token\":\"x\"}", "{\"token\":\"[token:1]\"}");
    check_part(
        "Content-Type: application/http",
        "HTTP/1.1 200 OK||{\"token\":\"x\",\"n\":\"s3cr3t-value\"}",
        "HTTP/1.1 200 OK||{\"token\":\"[token:1]\",\"n\":\"{{secret.KEY}}\"}",
    );
    check_of(
        "Multipart/Mixed; Boundary=\"a b\"",
        "pre|--a b \t||{\"token\":\"x\"}|--a b|Content-Type: multipart/related; boundary=\"a bc\"||--a bc||{\"token\":\"y\"}|--a bc--|--a b--|post",
        "pre|--a b \t||{\"token\":\"[token:1]\"}|--a b|Content-Type: multipart/related; boundary=\"a bc\"||--a bc||{\"token\":\"[token:2]\"}|--a bc--|--a b--|post",
    );
}

#[test]
fn delimiters() {
    const TOKEN: &str = "|Content-Disposition: form-data; name=token|";
    let part = |content: &str| format!("--b-0{TOKEN}|{content}");
    // Any text may come before the first delimiter and after the last delimiter.
    check(
        &format!("{TOKEN}|x|--b-01{TOKEN}|x|{}|--b-0--{TOKEN}|y", part("x")),
        &format!("{TOKEN}|x|--b-01{TOKEN}|x|{}|--b-0--{TOKEN}|y", part("[token:1]")),
    );
    check(&format!("|{}", part("x")), &format!("|{}", part("[token:1]")));
    check(&part("x|--b-0"), &part("[token:1]|--b-0"));
    check(&part("x|--b-0-"), &part("[token:1]|--b-0-"));
    check(&part("x|--b-"), &part("[token:1]"));
    check(&part("x||--b-0--"), &part("[token:1]|--b-0--"));
    check(&part("x--b-0--"), &part("[token:1]"));
    check(&part("--b-0-x"), &part("[token:1]"));
    // The line break of an empty part belongs to the delimiter.
    check(&part("--b-0--"), &part("--b-0--"));
    check(&part("|--b-0--"), &part("|--b-0--"));
    // Parts without headers, and parts without content.
    check(&format!("--b-0||x|{}", part("y")), &format!("--b-0||x|{}", part("[token:1]")));
    check(&format!("--b-0{TOKEN}--b-0||x|--b-0--"), &format!("--b-0{TOKEN}--b-0||x|--b-0--"));
    check(&format!("--b-0{TOKEN}--b-0--||x|"), &format!("--b-0{TOKEN}--b-0--||x|"));
    check(&format!("--b-0{TOKEN}"), &format!("--b-0{TOKEN}"));
    check("", "");
    check("|", "|");
    // If the content type has no boundary, or a wrong boundary, no part has a name. A body that is no multipart is read
    // in its real format.
    for content_type in
        ["multipart/form-data", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=c"]
    {
        check_of(content_type, &part("s3cr3t-value"), &part("{{secret.KEY}}"));
        check_of(content_type, "{\"token\":\"x\"}", "{\"token\":\"[token:1]\"}");
    }
}

#[test]
fn headers_without_end() {
    let long = "X-Long: y|".repeat(4000);
    let line = "y".repeat(40_000);
    for head in [long, format!("{line}|"), format!("{line}:{line}|")] {
        let body = |content: &str| {
            format!(
                "--b-0|{head}Content-Disposition: form-data; name=x||{{\"token\":\"{content}\"}}|--b-0--|"
            )
        };
        check(&body("x"), &body("[token:1]"));
    }
}

/// A long file is passed on as it comes.
#[test]
fn files_stream() {
    let rules = Rules::default();
    let redactor = Redactor::new(rules.clone()).unwrap();
    let mut fields = MultipartFields::of(FORM, 0).unwrap();
    let file: Vec<u8> = (0..1u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let head = b"--b-0\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n";
    let body = [head, &file[..], b"\r\n--b-0--\r\n"].concat();
    let mut stored = Vec::new();
    for chunk in body.chunks(1000) {
        let out = &mut WriterSink(&mut stored);
        fields.push(chunk, &mut Pass { rules: &rules, account: redactor.account(), out }).unwrap();
        assert!(fields.held.len() <= 10 && fields.head.len() <= head.len());
    }
    assert_eq!(stored, body);
    for size in [1, 77, 4096] {
        assert_eq!(redact(&redactor, FORM, &body, size), body);
    }
}
