//! Traffic without secrets, which redaction must leave unchanged.

use crate::redact::tests::corpus::places::Part;
use crate::redact::tests::corpus::*;

const TEXTS: &[&str] = &[
    r#"{"id": 9007199254740993, "uuid": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "price": 12.50, "country_code": "DE"}"#,
    r#"{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","md5":"d41d8cd98f00b204e9800998ecf8427e"}"#,
    r#"{"date":"2026-03-02T06:30:00.000Z","at":1772433000,"tz":"Europe/Prague","phone":"+49 30 901820","iban":"DE89 3704 0044 0532 0130 00"}"#,
    r#"{"image":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}"#,
    r#"{"url":"https://api.test:8080/v1/users/@me?q=a:b@c","mail":"jane.doe@example.com","ratio":"16:9","text":"see https://h/#@x"}"#,
    r#"{"code":"42","state":"open","key":"name","page_token_count":3,"tokens":"2","tokenizer":"x","secretary":"Ms. Key"}"#,
    r#"{"cursor":"eyJpZCI6MTAwLCJkaXIiOiJuZXh0In0=","etag":"W/\"5d8c72a5edda8d6a\"","version":"1.2.3-rc.1+build.5"}"#,
    r#"{"sku":"SK-1001","sg":"SG.12","ak":"AKIA","task":"task-force-1-of-many-with-a-rather-long-name-2","sk-learn":"1.4.2"}"#,
    r#"{"certificate":"-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----\n","public":"-----BEGIN PUBLIC KEY-----"}"#,
    r#"{"git":"9b2c1f0a7d3e4b5c6d7e8f90a1b2c3d4e5f60718","trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","ulid":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#,
    "id,name,price\n1,\"Größe, M\",9.99\n2,漢字,0\n",
    "<rss version=\"2.0\"><item><title>A &amp; B &#39;98</title><guid>urn:uuid:1</guid></item></rss>",
    "a=1&b=%20x+y&country_code=CZ&code=42&state=x&ids=1,2,3",
    r#"{"url":"https://cdn.test/a//b.png?w=100&h=50&next=https%3A%2F%2Fapi.test%2F%3Fpage%3D2#top","rel":"//cdn.test/a.js?v=1.2","api":"https:\/\/api.test\/x?a=1\u0026b=2"}"#,
    r#"{"date":"02/03/2026","ratio":"a//b","code":"x = 1; // see why?token\n/* a */ b //c","path":"C:\\a\\b","mime":"text/html"}"#,
    "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:x='http://www.w3.org/1999/xlink'><image x:href=\"data:image/png;base64,iVBO//w0KGgo=\"/></svg>",
    "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>A &amp; B</title><body class='a' onload=\"f({'a':1})\"><form action=/q?x=1><input name=q value=\"1 > 0\"><input type=hidden value=42 name=page></form><script>var a = [1, {\"b\": \"</b>\"}]; // it's</script><!-- x --></html>",
    "see https://en.wiki.test/wiki/A_(b)?oldid=12&action=edit, (http://a.test:8080/x?y=z) or git://h/a.git; 1//2 == 0 // b",
    "name=value is what a line may begin with & go on, token=x\n",
    "NAME=value\n# a comment\nPORT=8080 \n",
    "[2026-03-02] one\n{two}\n[three] {\"four\"}\n",
    "[main:1] {{name}} [x] ${var} {{ secret }} [redacted]",
];

#[test]
fn text_without_secrets_is_unchanged() {
    let seed = seed(5);
    let secrets = secrets(sized(ALPHABETS.len(), 40), seed);
    // A small run tries a sample of the offsets where a text is cut, a full run tries all of them.
    let step = sized(32, 1);
    let named = (0..).zip(&secrets);
    let rules = named.fold(Rules::default().allow_header("x-note"), |rules, (n, secret)| {
        rules.secret(format!("K{n}"), secret.clone()).unwrap()
    });
    let redactor = Redactor::new(rules).unwrap();
    let types = [
        "application/json",
        "text/plain",
        "text/csv",
        "text/html",
        "application/octet-stream",
        "text/event-stream",
        "text/javascript",
        "text/xml",
        "",
        "multipart/mixed; boundary=b",
    ];
    for text in TEXTS {
        for content_type in types {
            for cut in (seed as usize % step..=text.len()).step_by(step) {
                let stored = Part::Body(content_type).store(&redactor, text, &[cut]);
                assert_eq!(stored.as_deref(), Some(*text), "{content_type}, cut at {cut}");
            }
        }
        if let Some(stored) = Part::Header("x-note", Side::Response).store(&redactor, text, &[]) {
            assert_eq!(&stored, text);
        }
    }
    let check = redactor.leak_check().unwrap();
    for text in TEXTS {
        assert_eq!(check.scan(text.as_bytes()).unwrap(), None, "{text}");
    }
    for url in [
        "https://api.test/v1/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301?country_code=DE&page=2&code=42#top",
        "https://api.test/e3b0c44298fc1c149afbf4c8996fb924?from=2026-03-02&q=a%20b+c&ratio=16:9",
    ] {
        assert_eq!(redactor.uri(url), url);
    }
    assert_eq!(redactor.fired(), [""; 0]);
}

/// Two requests that differ in more than secrets still differ after redaction.
#[test]
fn different_requests_stay_different() {
    let redactor = Redactor::new(Rules::default().secret("K", "s3cr3t-value").unwrap()).unwrap();
    let shown: std::collections::BTreeSet<String> = (0..50)
        .map(|n| redactor.uri(&format!("https://h/s3cr3t-value/{n}?token=s3cr3t-value&page={n}")))
        .collect();
    assert_eq!(shown.len(), 50);
}
