//! Places and encodings in which other recorders are known to leak secrets, one test for each.

use crate::redact::tests::corpus::places::Part;
use crate::redact::tests::corpus::*;

const SECRET: &str = "s3cr3t/+\"<é> y";

#[track_caller]
fn check(content_type: &'static str, text: &str) {
    let redactor = Redactor::new(Rules::default().secret("KEY", SECRET).unwrap()).unwrap();
    for cut in 0..=text.len() {
        let stored = Part::Body(content_type).store(&redactor, text, &[cut]).unwrap();
        assert!(stored.contains("{{secret.KEY}}"), "{stored}");
        assert_eq!(survivor(stored.as_bytes(), SECRET.as_bytes()), None, "{stored}");
    }
}

/// Checks that a rule for the field's name redacts the value `unnamed-1`, which is no named secret.
#[track_caller]
fn check_field(content_type: &'static str, text: &str) {
    let redactor = Redactor::new(Rules::default()).unwrap();
    for cut in 0..=text.len() {
        let stored = Part::Body(content_type).store(&redactor, text, &[cut]).unwrap();
        assert!(!stored.contains("unnamed-1") && stored.contains(":1]"), "{stored}");
    }
}

const JSON: &str = "application/json";

#[test]
fn raw_in_text() {
    check("text/plain", "a s3cr3t/+\"<é> y b");
}

#[test]
fn percent_encoded() {
    check("text/plain", "q=s3cr3t%2F%2B%22%3C%C3%A9%3E%20y");
}

#[test]
fn form_encoded() {
    check("application/x-www-form-urlencoded", "q=s3cr3t%2F%2B%22%3C%C3%A9%3E+y");
}

#[test]
fn a_form_value_with_a_space() {
    check("application/x-www-form-urlencoded", "q=before+s3cr3t%2F%2B%22%3C%C3%A9%3E+y+after");
}

#[test]
fn json_with_escaped_quotes() {
    check(JSON, r#"{"a":"s3cr3t/+\"<é> y"}"#);
}

#[test]
fn json_with_escaped_slashes() {
    check(JSON, r#"{"a":"s3cr3t\/+\"<é> y"}"#);
}

#[test]
fn json_with_unicode_escapes() {
    check(JSON, r#"{"a":"s3cr3t/+\"<\u00e9> y"}"#);
    check(
        JSON,
        r#"{"a":"s3cr3t/+\u0022\u003C\u00E9\u003E y"}"#.replace("+\\u0022", "\\u002B\\u0022").as_str(),
    );
}

#[test]
fn as_a_json_key() {
    check(JSON, r#"{"s3cr3t/+\"<é> y":1}"#);
}

#[test]
fn in_base64_and_basic() {
    check("text/plain", "Basic dTpzM2NyM3QvKyI8w6k+IHk=");
    check("text/plain", "czNjcjN0LysiPMOpPiB5");
}

#[test]
fn in_hex() {
    check("text/plain", "7333637233742f2b223cc3a93e2079");
}

#[test]
fn as_html_entities() {
    check("text/html", "<p>s3cr3t/+&quot;&lt;é&gt; y</p>");
    check("text/html", "<p>s3cr3t&#47;&#43;&#34;&#60;&#233;&#62;&#32;y</p>");
}

#[test]
fn a_token_in_json_in_json() {
    check_field(JSON, r#"{"body":"{\"token\":\"unnamed-1\"}"}"#);
}

#[test]
fn fields_in_other_notations() {
    check_field(JSON, r#"{"accessToken":"unnamed-1"}"#);
    check_field(JSON, r#"{"apiKey":"unnamed-1"}"#);
    check_field(JSON, r#"{"Access_Token":"unnamed-1"}"#);
    check_field("application/x-www-form-urlencoded", "ACCESS_TOKEN=unnamed-1");
}

#[test]
fn nested_names() {
    check_field("application/x-www-form-urlencoded", "user[password]=unnamed-1");
    check_field("application/x-www-form-urlencoded", "user%5Bpassword%5D%5B0%5D=unnamed-1&x=1");
    check_field("application/x-www-form-urlencoded", "token[]=unnamed-1");
}

#[test]
fn in_a_part() {
    const FORM: &str = "multipart/form-data; boundary=b";
    const MIXED: &str = "multipart/mixed; boundary=\"b\"";
    check_field(
        FORM,
        "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nunnamed-1\r\n--b--\r\n",
    );
    check_field(FORM, "--b\nContent-Disposition: form-data; name=u[token]; filename=f\n\nunnamed-1\n--b--\n");
    check_field(
        FORM,
        "--b\r\nContent-Disposition: form-data; name=q\r\n\r\n{\"token\":\"unnamed-1\"}\r\n--b--\r\n",
    );
    check_field(MIXED, "--b\r\nContent-Type: application/json\r\n\r\n{\"token\":\"unnamed-1\"}\r\n--b--\r\n");
}

#[test]
fn in_an_event() {
    check_field("text/event-stream", "id: 1\ndata: {\"access_token\":\"unnamed-1\"}\n\n");
    check_field("text/event-stream", "data: {\r\ndata: \"password\":\r\ndata: \"unnamed-1\"}\r\n\r\n");
}

#[test]
fn with_the_wrong_content_type() {
    const BODY: &str = "{\"a\":1,\"password\":\"unnamed-1\"}";
    for content_type in [
        "application/x-www-form-urlencoded",
        "text/xml",
        "application/xhtml+xml",
        "text/event-stream",
        "text/html",
        "image/png",
    ] {
        check_field(content_type, BODY);
    }
    for content_type in ["", "text/plain", JSON] {
        check_field(content_type, "client_id=a&client_secret=unnamed-1");
        check_field(content_type, "access_token=unnamed-1&scope=repo&token_type=bearer");
        check_field(content_type, "<?xml version=\"1.0\"?><a><token>unnamed-1</token></a>");
        check_field(content_type, "data: {\"token\":\"unnamed-1\"}\n\n");
        check_field(content_type, "cb({\"token\":\"unnamed-1\"})");
    }
}

#[test]
fn behind_a_guard() {
    for guard in [")]}',\n", ")]}'\n", "while(1);", "for (;;);", "&&&START&&&"] {
        check_field(JSON, &format!("{guard}{{\"token\":\"unnamed-1\"}}"));
    }
}

#[test]
fn in_lines_that_are_not_all_json() {
    const LINES: &str = "application/x-ndjson";
    check_field(LINES, "{\"id\":1}\nnot json\n{\"token\":\"unnamed-1\"}\n");
    check_field(LINES, "2026-01-01 starting\n{\"password\":\"unnamed-1\"}\nok\n");
    check_field("application/json-seq", "\u{1e}{\"a\":1}\n\u{1e}{\"token\":\"unnamed-1\"}\n");
}

#[test]
fn in_a_script() {
    check_field("application/javascript", "/**/jQuery_1.cb({\"token\":\"unnamed-1\"});");
    check_field("text/javascript", "cb(null, [{\"password\": \"unnamed-1\"}])");
}

#[test]
fn in_a_page() {
    check_field("text/html", "<input value='unnamed-1' name=csrf_token type=hidden>");
    check_field("text/html", "<meta name=\"csrf-token\" content=\"unnamed-1\"/>");
    check_field("text/html", "<div data-token=unnamed-1>");
    check_field("text/html", "<div data-p=\"{&quot;accessToken&quot;:&quot;unnamed-1&quot;}\">");
    check_field("text/html", "<script>window.a = {\"apiKey\":\"unnamed-1\"};</script>");
    check_field(
        "application/xhtml+xml",
        "<script type=\"application/json\">{\"token\":\"unnamed-1\"}</script>",
    );
    check_field("text/plain", "<!DOCTYPE HTML>\n<p token='unnamed-1'>");
}

/// A secret of digits that a document holds as a number.
#[test]
fn as_a_json_number() {
    let redactor = Redactor::new(Rules::default().secret("PIN", "49152903718").unwrap()).unwrap();
    let stored = Part::Body(JSON).store(&redactor, r#"{"pin":49152903718}"#, &[]).unwrap();
    assert!(!stored.contains("49152903718"), "{stored}");
}

#[test]
fn links_in_json() {
    check_field(JSON, r#"{"next":"https://h/items?page=2&access_token=unnamed-1"}"#);
    check_field(JSON, r#"{"next":"https:\/\/h\/items?page=2&access_token=unnamed-1"}"#);
    check_field(JSON, r#"{"next":"https://h/items?page=2\u0026access_token\u003dunnamed-1"}"#);
    check_field(JSON, r#"{"url":"https://b.s3.test/k?X-Amz-Date=1&X-Amz-Signature=unnamed-1"}"#);
    check_field(JSON, r#"{"url":"https://h/cb#id_token=unnamed-1"}"#);
    check_field(JSON, r#"{"body":"{\"next\":\"https://h/?access_token=unnamed-1\"}"}"#);
}

#[test]
fn links_in_pages_and_texts() {
    check_field("text/html", r#"<a href="https://h/?page=2&amp;access_token=unnamed-1">x</a>"#);
    check_field("application/xml", "<a>https://h/?page=2&#38;access_token=unnamed-1</a>");
    check_field("text/plain", "see https://h/?access_token=unnamed-1 there");
    check_field("text/html", r#"<img src="//cdn.test/a.png?sig=unnamed-1">"#);
}

#[test]
fn encoded_links() {
    check_field(JSON, r#"{"u":"https://h/login?next=https%3A%2F%2Fh%2F%3Faccess_token%3Dunnamed-1"}"#);
    check_field(JSON, r#"{"u":"https%3a%2f%2fh%2f%3faccess_token%3dunnamed-1%26x%3d2"}"#);
    check_field(
        "application/x-www-form-urlencoded",
        "a=1&u=https%3A%2F%2Fh%2F%3Fx%3D1%26access_token%3Dunnamed-1&b=2",
    );
    check_field("text/plain", "https%3A//h/%3Faccess_token%3Dunnamed-1");
}

#[test]
fn webhooks_in_bodies() {
    check_field(JSON, r#"{"hook":"https://hooks.slack.com/services/T1/B2/unnamed-1"}"#);
    check_field(JSON, r#"{"hook":"https:\/\/discord.com\/api\/webhooks\/12\/unnamed-1"}"#);
    check_field("text/plain", "https://api.telegram.org/bot12:unnamed-1/getMe");
}
