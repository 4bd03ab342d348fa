//! Headers: credentials in headers that no list knows never survive, and the headers that clients read stay.

use std::collections::BTreeSet;
use std::io::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Random;
use super::judge::survivor;
use crate::redact::values::credentials::credentials_in;
use crate::redact::{Redactor, Rules, Side};
use crate::tests::{seed, sized};

/// Headers of answers as real servers send them.
const INNOCENT: &str = include_str!("headers.txt");

fn innocent() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    INNOCENT.lines().map(|line| {
        let (name, value) = line.split_once(": ").expect("a name and a value");
        (name.parse().expect("a name"), value.parse().expect("a value"))
    })
}

#[test]
fn headers_of_answers_stay() {
    let redactor = Redactor::new(Rules::default().secret("K", "s3cr3t-value").unwrap()).unwrap();
    let names: BTreeSet<String> = innocent().map(|(name, _)| name.to_string()).collect();
    assert!(names.len() >= 300 && names.len() == INNOCENT.lines().count(), "{}", names.len());
    for (name, value) in innocent() {
        let headers = HeaderMap::from_iter([(name.clone(), value.clone())]);
        let stored = redactor.headers(&headers, Side::Response);
        assert_eq!(stored, headers, "{name}");
        assert_eq!(redactor.headers(&stored, Side::Response), stored, "{name}, again");
    }
    assert_eq!(redactor.fired(), [""; 0]);
    assert_eq!(redactor.left_out(), (vec![], vec![]));
    // Values that look random are kept because the header is known. Elsewhere they are credentials.
    let etag = HeaderMap::from_iter([(
        HeaderName::from_static("x-acme"),
        HeaderValue::from_static("kJ8sX9dKq2mZxQ7vB4nT1wYr"),
    )]);
    assert_eq!(redactor.headers(&etag, Side::Response)["x-acme"], "[header.x-acme:1]");
}

/// Random values in headers that no list knows, and then in other places.
#[test]
fn credentials_in_unknown_headers() {
    const ALPHABETS: [&str; 4] = [
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "abcdefghijklmnopqrstuvwxyz0123456789",
    ];
    const FRAMES: [(&str, &str); 8] = [
        ("x-acme", "@"),
        ("x-acme", "v1, @"),
        ("x-acme", "s=@; t=1700000000"),
        ("x-acme", "user:@"),
        ("x-acme", "{\"a\": 1, \"b\": \"@\"}"),
        ("x-acme", "Bearer @"),
        ("x-acme-session", "@"),
        ("acme-login-token", "@"),
    ];
    let mut random = Random(seed(5));
    for n in 0..sized(60, 3000) {
        let alphabet = ALPHABETS[n % ALPHABETS.len()].as_bytes();
        let length = 28 + random.below(20);
        // A digit at each end keeps a random value from ending in a separator.
        let inner: String = (0..length).map(|_| char::from(alphabet[random.below(alphabet.len())])).collect();
        let secret = format!("7{inner}4");
        // Few random values do not look random. A test of `credentials` counts them.
        if credentials_in(secret.as_bytes()).is_empty() {
            continue;
        }
        let (name, frame) = FRAMES[n / ALPHABETS.len() % FRAMES.len()];
        let side = if random.below(2) == 0 { Side::Request } else { Side::Response };
        let redactor = Redactor::new(Rules::default()).unwrap();
        let value = HeaderValue::try_from(frame.replace('@', &secret)).unwrap();
        let headers = redactor.headers(&HeaderMap::from_iter([(HeaderName::from_static(name), value)]), side);
        let placeholder = format!("[header.{name}:1]");
        assert_eq!(headers[name], frame.replace('@', &placeholder), "{secret}");
        // From then on the value is searched for everywhere.
        let mut body = redactor.body(Some("application/json"), Vec::new());
        body.write_all(format!("{{\"note\": \"see {secret}\"}}").as_bytes()).unwrap();
        let body = body.finish().unwrap();
        let encoded: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
        let uri = redactor.uri(&format!("https://h/x?after={}&q={encoded}", secret.replace('+', "%2B")));
        let other = HeaderMap::from_iter([(
            HeaderName::from_static("x-other"),
            HeaderValue::try_from(format!("a {secret} b")).unwrap(),
        )]);
        let other = redactor.headers(&other, Side::Request);
        let stored = [&body[..], uri.as_bytes(), other["x-other"].as_bytes()].join(&b'\n');
        assert_eq!(survivor(&stored, secret.as_bytes()), None, "{}", String::from_utf8_lossy(&stored));
        assert_eq!(redactor.leak_check().unwrap().scan(&*stored).unwrap(), None);
        assert!(redactor.leak_check().unwrap().scan(secret.as_bytes()).unwrap().is_some(), "{secret}");
    }
}
