//! Tests of pages, however they are split into chunks.

use std::io::Write as _;
use std::sync::LazyLock;

use proptest::prelude::*;

use crate::redact::formats::html::MOST_HELD;
use crate::redact::{Redactor, Rules};

fn redactor() -> Redactor {
    static PREPARED: LazyLock<Redactor> = LazyLock::new(|| {
        let rules = Rules::default().field("pin").field("value").pointer("/places/*/door").unwrap();
        Redactor::new(rules).unwrap()
    });
    PREPARED.anew()
}

fn redact(redactor: &Redactor, content_type: Option<&str>, text: &str, cuts: &[usize]) -> String {
    let mut body = redactor.body(content_type, Vec::new());
    let mut rest = text.as_bytes();
    for cut in cuts {
        let (part, next) = rest.split_at(*cut);
        body.write_all(part).unwrap();
        rest = next;
    }
    body.write_all(rest).unwrap();
    String::from_utf8(body.finish().unwrap()).unwrap()
}

#[track_caller]
fn check(page: &str, expected: &str) {
    for content_type in ["text/html; charset=utf-8", "application/xhtml+xml"] {
        check_as(Some(content_type), page, expected);
    }
}

#[track_caller]
fn check_as(content_type: Option<&str>, page: &str, expected: &str) {
    for cut in 0..=page.len() {
        assert_eq!(redact(&redactor(), content_type, page, &[cut]), expected, "cut at {cut}");
    }
    let bytes = vec![1; page.len()];
    assert_eq!(redact(&redactor(), content_type, page, &bytes), expected, "byte by byte");
    assert_eq!(redact(&redactor(), content_type, expected, &[]), expected, "again");
}

#[test]
fn fields_of_forms() {
    check(
        r#"<!doctype html><input type="hidden" name="csrf_token" value="a&amp;b"> <INPUT NAME=password VALUE='x y'>"#,
        r#"<!doctype html><input type="hidden" name="csrf_token" value="[csrf_token:1]"> <INPUT NAME=password VALUE='[password:1]'>"#,
    );
    check(
        "<input value = x/y name=_token><input value='a>b' title=\"a 'b' >\" name='user[pwd]'\n/><input value=z name=_token >",
        "<input value = [token:1] name=_token><input value='[pwd:1]' title=\"a 'b' >\" name='user[pwd]'\n/><input value=[token:2] name=_token >",
    );
    // The same value gets the same placeholder, escaped or not.
    check(
        "<input name=token value='a&#38;b'><button name=token value='a&b'>a&b</button>",
        "<input name=token value='[token:1]'><button name=token value='[token:1]'>a&b</button>",
    );
    check(
        "<input id=token value=x><input value=x id=token><input id=token value=x name=n><input name=n id=token value=x>",
        "<input id=token value=[token:1]><input value=[token:1] id=token><input id=token value=x name=n>\
         <input name=n id=token value=x>",
    );
    check(
        "<input name=n name=token value=x><input name='a&#91;token&#93;' value=x><input name=token value=[token:7]>",
        "<input name=n name=token value=x><input name='a&#91;token&#93;' value=[token:1]><input name=token value=[token:7]>",
    );
    for page in [
        "<input name=token value=''><input name=token value><input name=token value=><input value name=token>",
        "<input name=q value=x><input value=x name=country_code><option name=token value=x><input value=x>",
        "<a href=/?x=1 name=token>x</a><!-- <input name=token value=x> --><!--><p>--></!-- <input name=token value=x>>",
        "<p>5 < 6 && name=token value=x</p><textarea name=token>x</textarea><? name=token value=x ?>",
    ] {
        check(page, page);
    }
}

#[test]
fn meta() {
    check(
        "<meta name=\"csrf-token\" content=\"x\"><meta content='x' name='csrf-token'/><META Property=token CONTENT=x>",
        "<meta name=\"csrf-token\" content=\"[csrf_token:1]\"><meta content='[csrf_token:1]' name='csrf-token'/>\
         <META Property=token CONTENT=[csrf_token:1]>",
    );
    let page = "<meta charset=utf-8><meta name=csrf-param content=authenticity_token><meta content=x http-equiv=token>";
    check(page, page);
}

#[test]
fn attributes() {
    check(
        "<div data-api-key=\"x\" token=x PIN='1' value=2></div token=x><p class=token pin=\"\" data-pin>",
        "<div data-api-key=\"[api_key:1]\" token=[api_key:1] PIN='[pin:1]' value=2></div token=[api_key:1]>\
         <p class=token pin=\"\" data-pin>",
    );
    check(
        r#"<div data-page="{&quot;props&quot;:{&quot;accessToken&quot;:&quot;a&amp;\&quot;b&quot;,&quot;n&quot;:1.0}}">"#,
        r#"<div data-page="{&quot;props&quot;:{&quot;accessToken&quot;:&quot;[access_token:1]&quot;,&quot;n&quot;:1.0}}">"#,
    );
    check(
        "<div data-page=' {\"props\":{\"accessToken\":\"x>\",\"h\":\"<p>\"}}' data-token=y><b x=&#123;&#34;pwd&#34;:&#34;z&#34;}>",
        "<div data-page=' {\"props\":{\"accessToken\":\"[access_token:1]\",\"h\":\"<p>\"}}' data-token=[token:1]><b x=&#123;&#34;pwd&#34;:&#34;[pwd:1]&#34;}>",
    );
    check(
        "<meta name=x content='{\"token\":\"x\"}'><input value='{\"token\":\"x\"}' name=y>",
        "<meta name=x content='{\"token\":\"[token:1]\"}'><input value='{\"token\":\"[token:1]\"}' name=y>",
    );
}

#[test]
fn scripts() {
    check(
        "<script>window.CONFIG = {\"apiKey\":\"x\",\"a\":1};</script><ScripT type=module>init({\"token\":\"y\"})</scripT\n><b pin=z>",
        "<script>window.CONFIG = {\"apiKey\":\"[api_key:1]\",\"a\":1};</script><ScripT type=module>init({\"token\":\"[token:1]\"})</scripT\n><b pin=[pin:1]>",
    );
    check(
        "<script id=\"__NEXT_DATA__\" type=\"application/json\">{\"props\":{\"accessToken\":\"<\\/script>\"}}</script>\
         <script>f({\"places\":[{\"door\":\"d\"}]})</script>",
        "<script id=\"__NEXT_DATA__\" type=\"application/json\">{\"props\":{\"accessToken\":\"[access_token:1]\"}}</script>\
         <script>f({\"places\":[{\"door\":\"[door:1]\"}]})</script>",
    );
    check(
        "<script>var a = '<input name=token value=x>' </scriptx> <</script ><input name=token value=x><script src=x /><b pin=x>",
        "<script>var a = '<input name=token value=x>' </scriptx> <</script ><input name=token value=[token:1]><script src=x /><b pin=[token:1]>",
    );
    check(
        "<style>a{} <b pin=x></style><title><b pin=x></title><textarea>{\"token\":\"x\"}</textarea><b pin=x>",
        "<style>a{} <b pin=x></style><title><b pin=x></title><textarea>{\"token\":\"[token:1]\"}</textarea><b pin=[token:1]>",
    );
    check("<script>f({\"token\":\"x\"}", "<script>f({\"token\":\"[token:1]\"}");
    check("<script></scr", "<script></scr");
}

#[test]
fn texts() {
    check(
        "<br />\n<b>Warning</b>: x<br />\n{\"token\":\"x\",\"a\":\"1 < 2\"} <pre>[{&quot;pwd&quot;: &quot;&lt;&quot;}]</pre>",
        "<br />\n<b>Warning</b>: x<br />\n{\"token\":\"[token:1]\",\"a\":\"1 < 2\"} <pre>[{&quot;pwd&quot;: &quot;[pwd:1]&quot;}]</pre>",
    );
    let page = "<p>{{ token }} [x] {\"token\" &amp; <b>{token:'x'}</b> [\"token\",\"x\"]</p>";
    check(page, page);
}

#[test]
fn other_formats_declared_as_html() {
    check(
        "\u{feff} {\"h\":\"<p>&quot;</p>\",\"token\":\"<b>\"}\n<br><b pin=x>",
        "\u{feff} {\"h\":\"<p>&quot;</p>\",\"token\":\"[token:1]\"}\n<br><b pin=[pin:1]>",
    );
    check_as(
        Some("text/html"),
        "<?xml version=\"1.0\"?><!-- x --><r><token>x</token></r>",
        "<?xml version=\"1.0\"?><!-- x --><r><token>[token:1]</token></r>",
    );
    check(
        "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html><input name='token' value='x'/></html>",
        "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html><input name='token' value='[token:1]'/></html>",
    );
}

#[test]
fn pages_without_their_content_type() {
    for content_type in [None, Some("text/plain; charset=utf-8")] {
        for page in ["<!DocType HTML>", "<!doctype html SYSTEM 'x'>", " \n<HTML lang=en>", "\u{feff}<html>"] {
            let page = format!("{page}<!-- x --><input value=x name=token>");
            check_as(content_type, &page, &page.replace("=x name", "=[token:1] name"));
        }
        for (xml, expected) in [
            ("<htmlx><token>x</token></htmlx>", "<htmlx><token>[token:1]</token></htmlx>"),
            (
                "<!-- <html> --><!DOCTYPE a><a token='x'/>",
                "<!-- <html> --><!DOCTYPE a><a token='[token:1]'/>",
            ),
            ("\n{\"token\":\"x\"}", "\n{\"token\":\"[token:1]\"}"),
            ("<", "<"),
            (" <ht", " <ht"),
            ("\u{feff}", "\u{feff}"),
        ] {
            check_as(content_type, xml, expected);
        }
    }
}

/// A quote that is never closed does not extend the redacted value.
#[test]
fn malformed_markup() {
    check(
        "<input name=token value=\"x>\n<p class=\"y\">z</p><b pin=x>",
        "<input name=token value=\"[token:1]>\n<p class=\"y\">z</p><b pin=[token:1]>",
    );
    check("<p token='a<b'>c", "<p token='[token:1]'>c");
    check("<p token='x <b>c</b> it's", "<p token='[token:1]<b>c</b> it's");
    check("<input value='x><p a='b'> <b name=token>", "<input value='x><p a='b'> <b name=token>");
    check("<input value='x><p a='b' name=token>", "<input value='[token:1]><p a='b' name=token>");
    for (cut_off, expected) in [
        ("<input name=token value=\"x", "<input name=token value=\"[token:1]"),
        ("<input name=token value=\"x>y", "<input name=token value=\"[token:1]>y"),
        ("<input name=token value=\"x>y\"", "<input name=token value=\"[token:1]\""),
        ("<input value=\"x\" name=token", "<input value=\"[token:1]\" name=token"),
        ("<input value=\"x\" na", "<input value=\"x\" na"),
        ("<input value=\"x", "<input value=\"x"),
        (
            "<input value='x' id=token a='<input value=\"",
            "<input value='[token:1]' id=token a='<input value=\"",
        ),
        ("<", "<"),
        ("</", "</"),
        ("<!-", "<!-"),
        ("<!-- -", "<!-- -"),
        ("<a b=", "<a b="),
    ] {
        check(cut_off, expected);
    }
}

/// The parser holds a bounded number of bytes if a name comes late, or if no quote ends a value.
#[test]
fn held_bytes_are_bounded() {
    let redact = |page: &str| {
        let redact = |cuts: &[usize]| redact(&redactor(), Some("text/html"), page, cuts);
        let expected = redact(&[]);
        for size in [1, 1000, 4096] {
            assert_eq!(redact(&vec![size; page.len() / size]), expected, "{size} bytes at once");
        }
        expected
    };
    let far = |length: usize| format!("<input value=x title=\"{}\" name=token><b pin=x>", "y".repeat(length));
    let near = far(MOST_HELD - 100);
    assert_eq!(redact(&near), near.replace("=x", "=[token:1]"));
    let late = far(MOST_HELD);
    assert_eq!(redact(&late), late.replace("pin=x", "pin=[pin:1]"));
    let long = "z".repeat(3 * MOST_HELD);
    assert_eq!(redact(&format!("<p token=\"{long}\">")), "<p token=\"[token:1]\">");
    assert_eq!(
        redact(&format!("<p token=\"x>{long}<b pin=x>")),
        format!("<p token=\"[token:1]>{long}<b pin=[token:1]>")
    );
    let page = format!("<div data-page='{{\"a\":\"{long}\",\"token\":\"x\"}}'>");
    assert_eq!(redact(&page), page.replace(":\"x\"", ":\"[token:1]\""));
}

/// A named secret is restored in the encoding of the page.
#[test]
fn named_secrets_in_responses() {
    let redactor =
        Redactor::new(Rules::default().secret("KEY", "a\"b&c-12345").unwrap()).unwrap().for_responses();
    let page = "<input name=token value='a&quot;b&amp;c-12345'><p data-x='{\"token\":\"a\\\"b&amp;c-12345\"}'>\
                <script>f({\"token\":\"a\\\"b&c-12345\"})</script>";
    let stored = redact(&redactor, Some("text/html"), page, &[]);
    assert_eq!(
        stored,
        "<input name=token value='{{secret.KEY|html}}'><p data-x='{\"token\":\"{{secret.KEY|json|html}}\"}'>\
         <script>f({\"token\":\"{{secret.KEY|json}}\"})</script>"
    );
    let mut restorer = redactor.restorer(Some("text/html"), Vec::new());
    restorer.write_all(stored.as_bytes()).unwrap();
    let played = String::from_utf8(restorer.finish().unwrap()).unwrap();
    assert_eq!(played, page.replace("'{\"token\":\"a\\\"b", "'{\"token\":\"a\\&quot;b"));
}

fn default_redactor() -> Redactor {
    static PREPARED: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(Rules::default()).unwrap());
    PREPARED.anew()
}

const MARKUP: &[&str] = &[
    "<",
    ">",
    "\"",
    "'",
    "=",
    "/",
    " ",
    "!",
    "--",
    "?",
    "<input ",
    "<meta ",
    "<p ",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "name=",
    "value=",
    "content=",
    "id=",
    "token",
    "data-token=",
    "x1",
    "&quot;",
    "&#123;",
    "{",
    "}",
    "{\"token\":\"",
    "\":\"",
    "<textarea>",
    "</textarea>",
    "\n",
    "\"token\"",
    "='",
    "=\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Neither chunks nor a second redaction change the result, and the parts between the placeholders are unchanged.
    #[test]
    fn any_markup(
        parts in prop::collection::vec(prop::sample::select(MARKUP), 0..40), first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
    ) {
        let page = parts.concat();
        let whole = redact(&default_redactor(), Some("text/html"), &page, &[]);
        let (a, b) = (first.index(page.len() + 1), second.index(page.len() + 1));
        let cuts = [a.min(b), a.max(b) - a.min(b)];
        prop_assert_eq!(&redact(&default_redactor(), Some("text/html"), &page, &cuts), &whole);
        prop_assert_eq!(&redact(&default_redactor(), Some("text/html"), &page, &vec![1; page.len()]), &whole);
        prop_assert_eq!(&redact(&default_redactor(), Some("text/html"), &whole, &[]), &whole);
        let mut rest = &page[..];
        for part in whole.split("[token:").enumerate() {
            let kept = match part {
                (0, kept) => kept,
                (_, kept) => kept.split_once(']').unwrap().1,
            };
            // Redaction closes the string of JSON that was cut off.
            let kept = kept.trim_matches('"');
            let at = rest.find(kept);
            prop_assert!(at.is_some(), "{kept:?} of {whole:?} in {page:?}");
            rest = &rest[at.unwrap() + kept.len()..];
        }
    }
}
