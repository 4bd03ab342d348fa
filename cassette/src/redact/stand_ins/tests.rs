use std::io::Write as _;
use std::sync::Arc;

use super::*;

const NAME: &str = "token:1";

/// The notation of a value's syntax. Empty if the value has no stand-in.
fn notation(value: &str) -> String {
    match Syntax::of(value, NAME).map(|syntax| syntax.to_value()) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn table(entries: &[(&str, Value)]) -> Map<String, Value> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// The stand-in for one value, made as a replay makes it: from the notation on the cassette.
#[track_caller]
fn stand_in(value: &str) -> String {
    let syntax = Syntax::of(value, NAME).expect(value).to_value();
    let made = StandIns::of(&table(&[(NAME, syntax)]), &str::to_owned).unwrap();
    made.text("[token:1]").unwrap().to_owned()
}

#[track_caller]
fn check(value: &str, expected: &str) {
    assert_eq!(notation(value), expected, "{value}");
    if expected.is_empty() {
        return;
    }
    let made = stand_in(value);
    assert_eq!(made.len(), value.len(), "{value} {made}");
    assert_ne!(made, value);
    assert_eq!(made, stand_in(value), "the same each time");
    let again = Syntax::of(&made, NAME).map(|syntax| syntax.to_value());
    assert!(again.is_some(), "{made} has a syntax");
    assert!(
        !is_token(value.as_bytes()) || is_token(made.as_bytes()),
        "{made} is searched for as {value} was"
    );
}

#[test]
fn syntaxes() {
    check(
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]{1}[0-9a-f]{3}-[0-9a-f]{12}",
    );
    check("9f86d081884c7d659a2feaa0c55ad015", "[0-9a-f]{32}");
    check("9F86D081884C7D659A2FEAA0C55AD015", "[0-9A-F]{32}");
    check("18446744073709551615", "[0-9]{20}");
    check("482913", "[0-9]{6}");
    check("aB3cD4eF5gH6/iJ7+k==", "[A-Za-z0-9+/]{18}==");
    check("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "[A-Za-z0-9_-]{43}");
    check("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_[A-Za-z0-9]{36}");
    check(
        "xoxb-123456789012-1234567890123-AbCdEfGh1JkLmNoPqRsTuVwX",
        "xoxb-[0-9]{12}-[0-9]{13}-[A-Za-z0-9]{24}",
    );
    check("AKIAIOSFODNN7EXAMPLE", "AKIA[A-Z2-7]{16}");
    check("SK5f2b9c8d7e6a5f4b3c2d1e0f9a8b7c6d", "SK[0-9a-f]{32}");
    check("s%3AaB3cD4eF5gH6iJ7kL8.mN9oP0qR1sT2uV3w", "[a-z]{1}%3A[A-Za-z0-9]{18}\\.[A-Za-z0-9]{16}");
    check("egiidkcfdtnstcfizoikvvnpfskushrsujtzaqno", "[a-z]{40}");
    check("hunter2x9", "[a-z0-9]{9}");
}

/// Words, sentences, addresses and other values whose syntax says nothing.
#[test]
fn values_that_say_nothing() {
    for value in [
        "",
        "p",
        "sunflower",
        "is too short",
        "eu-central-1",
        "2026-03-02",
        "10.0.0.1",
        "fe80::1",
        "me@example.com",
        "Jan Novák",
        "https://example.com/a",
        "12",
        "a=b",
        "{\"a\":1}",
    ] {
        check(value, "");
    }
}

/// Strict decoders accept a stand-in in place of base64.
#[test]
fn base64_decodes() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    for length in 16..24 {
        let value: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37).wrapping_add(11)).collect();
        let padded = stand_in(&STANDARD.encode(&value));
        assert_eq!(STANDARD.decode(&padded).expect(&padded).len(), value.len());
        let unpadded = stand_in(&URL_SAFE_NO_PAD.encode(&value));
        assert_eq!(URL_SAFE_NO_PAD.decode(&unpadded).expect(&unpadded).len(), value.len());
    }
}

#[test]
fn numbers_fit_their_types() {
    assert!(stand_in("18446744073709551615").parse::<u64>().is_ok());
    assert!(stand_in("9223372036854775807").parse::<i64>().is_ok());
    assert!(stand_in("4294967295").parse::<u32>().is_ok());
    assert!(stand_in("255").parse::<u8>().is_ok());
}

#[test]
fn different_values_stay_different() {
    let entries: Vec<(String, Value)> = (1..=60).map(|n| (format!("otp:{n}"), "[0-9]{3}".into())).collect();
    let made = StandIns::of(&entries.into_iter().collect(), &str::to_owned).unwrap();
    assert_eq!(made.iter().count(), made.placeholders.len());
    assert!(made.iter().count() >= 55, "{}", made.iter().count());
    for (placeholder, text) in made.iter() {
        assert_eq!(made.placeholder(text.as_bytes()), Some(placeholder));
    }
}

/// Every stand-in with a documented pattern says that it is one.
#[test]
fn scans_know_stand_ins() {
    for value in [
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "AKIAIOSFODNN7EXAMPLE",
        "SK5f2b9c8d7e6a5f4b3c2d1e0f9a8b7c6d",
        "xoxb-123456789012-1234567890123-AbCdEfGh1JkLmNoPqRsTuVwX",
        JWT,
        JWE,
    ] {
        assert!(is_stand_in(stand_in(value).as_bytes()), "{}", stand_in(value));
        assert!(!is_stand_in(value.as_bytes()), "{value}");
    }
}

/// `{"alg":"HS256","kid":"k1","x":"private"}`, `{"sub":"1234567890","name":"John Doe","admin":true,"iat":1516239022}`
const JWT: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIiwieCI6InByaXZhdGUifQ.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiYWRtaW4iOnRydWUsImlhdCI6MTUxNjIzOTAyMn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";

/// The example of RFC 7516 §3.3, shortened.
const JWE: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKo.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ";

fn decoded(part: &str) -> Value {
    use base64::Engine as _;
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_jwt() {
    let made = stand_in(JWT);
    assert_eq!(made.len(), JWT.len());
    let parts: Vec<&str> = made.split('.').collect();
    let header = decoded(parts[0]);
    assert_eq!((&header["alg"], &header["kid"]), (&Value::from("HS256"), &Value::from("k1")));
    assert_eq!(header["x"], "cassett");
    let claims = decoded(parts[1]);
    assert_eq!(claims["iat"], 1516239022);
    assert_eq!(claims["admin"], true);
    assert_eq!(claims["name"], "cassette");
    assert!(
        claims["sub"] != "1234567890" && claims["sub"].as_str().unwrap().parse::<u64>().is_ok(),
        "{claims}"
    );
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    assert!(signature.starts_with(b"cassette: not a signature"), "{signature:?}");
    assert_eq!(signature.len(), 32);
    for private in ["private", "John", "1234567890", "Sfl"] {
        assert!(!notation(JWT).contains(private), "{}", notation(JWT));
    }
}

#[test]
fn an_encrypted_jwt() {
    let made = stand_in(JWE);
    assert_eq!(made.len(), JWE.len());
    assert_eq!(made.split('.').next(), JWE.split('.').next());
    assert_eq!(made.split('.').count(), 5);
}

#[test]
fn wrong_entries() {
    let error = |name: &str, value: Value| {
        StandIns::of(&table(&[(name, value)]), &str::to_owned).unwrap_err().to_string()
    };
    assert!(error("token", "[0-9]{3}".into()).contains("`token:1`"));
    assert!(error(NAME, "[0-9{3}".into()).contains("`]{` is missing"));
    assert!(error(NAME, "[0-5]{3}".into()).contains("there is no `[0-5]`"));
    assert!(error(NAME, "[0-9]{x}".into()).contains("`x` is not a length"));
    assert!(error(NAME, "[0-9]{99999}".into()).contains("the longest token has 4096 characters"));
    assert!(error(NAME, "".into()).contains("it is empty"));
    assert!(error(NAME, 1.into()).contains("an object with `jwt`"));
    assert!(
        error(NAME, serde_json::json!({"jwt": {"header": {}, "lengths": [1]}}))
            .contains("must have 5 lengths")
    );
}

#[test]
fn placeholders_become_stand_ins() {
    let made = Arc::new(
        StandIns::of(&table(&[("a:1", "[0-9]{4}".into()), ("b-c:12", "x[0-9]{4}".into())]), &str::to_owned)
            .unwrap(),
    );
    let (a, b) = (made.text("[a:1]").unwrap().to_owned(), made.text("[b-c:12]").unwrap().to_owned());
    for (text, expected) in [
        ("[a:1]".to_owned(), a.clone()),
        (
            r#"{"t":"[a:1]","n":[1,[2],"[b-c:12]"],"o":"[a:2]","p":[[a:1]"#.to_owned(),
            format!(r#"{{"t":"{a}","n":[1,[2],"{b}"],"o":"[a:2]","p":[{a}"#),
        ),
        ("[a:1".to_owned(), "[a:1".to_owned()),
        ("[".repeat(400), "[".repeat(400)),
        (format!("[{}[a:1]", "a".repeat(400)), format!("[{}{a}", "a".repeat(400))),
    ] {
        for size in [1, 2, 3, 7, usize::MAX] {
            let mut writer = substitute::Substitute::new(made.clone(), Vec::new());
            text.as_bytes().chunks(size).for_each(|chunk| writer.write_all(chunk).unwrap());
            assert_eq!(
                String::from_utf8(writer.finish().unwrap()).unwrap(),
                expected,
                "{size} bytes at once"
            );
        }
    }
}
