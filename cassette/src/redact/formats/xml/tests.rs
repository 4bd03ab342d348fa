//! Tests of XML, however it is split into chunks.

use std::io::Write as _;

use crate::redact::{Redactor, Rules};

#[track_caller]
fn check(xml: &str, expected: &str) {
    let redactor = Redactor::new(Rules::default().field("pin").keep_field("sig")).unwrap();
    let redact = |text: &str, size: usize| {
        let mut body = redactor.body(Some("application/soap+xml; charset=utf-8"), Vec::new());
        text.as_bytes().chunks(size).for_each(|chunk| body.write_all(chunk).unwrap());
        String::from_utf8(body.finish().unwrap()).unwrap()
    };
    for size in [usize::MAX, 1, 2, 3, 5, 7] {
        assert_eq!(redact(xml, size), expected, "{size} bytes at once");
    }
    assert_eq!(redact(expected, 1), expected, "redacting again changes nothing");
}

#[test]
fn elements() {
    check("<a><token>x</token></a>", "<a><token>[token:1]</token></a>");
    check(
        "<?xml version='1.0'?><s:Body><w:Password Type=\"t\">p&amp;w</w:Password><pwd>p&#38;w</pwd></s:Body>",
        "<?xml version='1.0'?><s:Body><w:Password Type=\"t\">[password:1]</w:Password><pwd>[password:1]</pwd></s:Body>",
    );
    check("<AccessToken>\n  x y\n</AccessToken>", "<AccessToken>\n  [access_token:1]\n</AccessToken>");
    check(
        "<token/><b>x</b><token></token> y <token> </token>",
        "<token/><b>x</b><token></token> y <token> </token>",
    );
    check("<token a='>'>x</token >y", "<token a='>'>[token:1]</token >y");
    check("<token><v>x</v>y<v/>z</token>y", "<token><v>x</v>[token:1]<v/>[token:2]</token>y");
    check(
        "<country_code>DE</country_code><tokens>2</tokens><sig>s</sig>",
        "<country_code>DE</country_code><tokens>2</tokens><sig>s</sig>",
    );
    check("<token>[token:3]</token>", "<token>[token:3]</token>");
}

#[test]
fn attributes() {
    check(
        "<a token='x' b=\"y\" x:pin = \"1&quot;2\"/>",
        "<a token='[token:1]' b=\"y\" x:pin = \"[pin:1]\"/>",
    );
    check("<a xmlns:token='urn:x' token=''/>", "<a xmlns:token='urn:x' token=''/>");
}

#[test]
fn documents_in_texts() {
    check(
        "<string xmlns='u'> {\"token\":\"x\",\"n\":1.0}</string><a>{&quot;token&quot;:&quot;a&amp;b&quot;}</a>",
        "<string xmlns='u'> {\"token\":\"[token:1]\",\"n\":1.0}</string><a>{&quot;token&quot;:&quot;[token:2]&quot;}</a>",
    );
    check(
        "<a b='{&#34;token&#34;:&#34;x&#34;}' c=' [{\"pwd\":\"x\"}]'/><a><![CDATA[{\"token\":\"<&amp;\"}]]></a>",
        "<a b='{&#34;token&#34;:&#34;[token:1]&#34;}' c=' [{\"pwd\":\"[token:1]\"}]'/><a><![CDATA[{\"token\":\"[token:2]\"}]]></a>",
    );
    check(
        "<r>&lt;a&gt;&lt;token b=&quot;&gt;&quot;&gt;x &amp;amp; y&lt;/token&gt;&#60;b pin='z'/></r><![CDATA[<?xml?><a><token>x &amp; y</token>]]>",
        "<r>&lt;a&gt;&lt;token b=&quot;&gt;&quot;&gt;[token:1]&lt;/token&gt;&#60;b pin='[pin:1]'/></r><![CDATA[<?xml?><a><token>[token:1]</token>]]>",
    );
    check(
        "<a>&lt;a b=&quot;{&amp;quot;token&amp;quot;:&amp;quot;x&amp;quot;}&quot;/&gt;</a>",
        "<a>&lt;a b=&quot;{&amp;quot;token&amp;quot;:&amp;quot;[token:1]&amp;quot;}&quot;/&gt;</a>",
    );
    for xml in [
        "<a>{token: x} &amp; {\"token\":\"x\"}</a><b>x &lt;token&gt;x</b><c>&amp;lt;token&amp;gt;x</c>",
        "<description>&lt;p class=&quot;token&quot;&gt;it's &amp;nbsp; 5 &lt; 6&lt;/p&gt;</description>",
    ] {
        check(xml, xml);
    }
    check("<a>{\"token\":\"x</a><b/>", "<a>{\"token\":\"[token:1]</a><b/>");
    check("<a>&lt;token&gt;x", "<a>&lt;token&gt;[token:1]");
    // A document nested deeper than the parser reads stays.
    let deep = |value: &str| {
        (0..20).fold(format!("<token>{value}</token>"), |xml, _| {
            format!("<a>{}</a>", xml.replace('&', "&amp;").replace('<', "&lt;"))
        })
    };
    check(&deep("x"), &deep("x"));
}

/// A placeholder in a response names the encodings of its secret.
#[test]
fn named_secrets_in_responses() {
    let rules = Rules::default().secret("KEY", "a\"b&c-12345").unwrap();
    let redactor = Redactor::new(rules).unwrap().for_responses();
    let mut body = redactor.body(Some("text/xml"), Vec::new());
    body.write_all(
        b"<a><token>a\"b&amp;c-12345</token><b>{&quot;token&quot;:&quot;a\\&quot;b&amp;c-12345&quot;}</b>\
          <b><![CDATA[{\"token\":\"a\\\"b&c-12345\"}]]></b><b>&lt;token&gt;a\"b&amp;amp;c-12345&lt;/token&gt;</b></a>",
    )
    .unwrap();
    assert_eq!(
        String::from_utf8(body.finish().unwrap()).unwrap(),
        "<a><token>{{secret.KEY|html}}</token><b>{&quot;token&quot;:&quot;{{secret.KEY|json|html}}&quot;}</b>\
         <b><![CDATA[{\"token\":\"{{secret.KEY|json}}\"}]]></b><b>&lt;token&gt;{{secret.KEY|html|html}}&lt;/token&gt;</b></a>",
    );
}

#[test]
fn sections() {
    check("<token><![CDATA[a]]b>]]></token>", "<token><![CDATA[[token:1]]]></token>");
    check("<token><![CDATA[a]]]></token>", "<token><![CDATA[[token:1]]]></token>");
    check(
        "<b><![CDATA[x<token>x</token>]]]]></b><token>y</token>",
        "<b><![CDATA[x<token>x</token>]]]]></b><token>[token:1]</token>",
    );
    check("<!-- <token>x</token> ---><token>y</token>", "<!-- <token>x</token> ---><token>[token:1]</token>");
    check(
        "<!DOCTYPE a [<!ENTITY b '<token>'>]><token>y</token>",
        "<!DOCTYPE a [<!ENTITY b '<token>'>]><token>[token:1]</token>",
    );
}

#[test]
fn broken() {
    check("<token>x", "<token>[token:1]");
    check("<a token='x", "<a token='[token:1]");
    check("a < b </x></x><token>y</token>", "a < b </x></x><token>[token:1]</token>");
    check("<", "<");
    check("<token><![CDATA[a]]", "<token><![CDATA[[token:1]");
}
