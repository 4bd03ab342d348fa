//! Clients that do not trust the session's certificate.

use super::*;

#[track_caller]
fn untrusted(refused: &[(&str, &str)], expected: &str) {
    let refused = refused.iter().map(|(host, alert)| RefusedCertificate {
        host: (*host).to_owned(),
        alert: Some((*alert).to_owned()).filter(|alert| !alert.is_empty()),
    });
    let cassette = "tests/cassettes/weather/berlin.json".into();
    check(vec![Problem::Untrusted(Untrusted { cassette, refused: refused.collect() })], expected);
}

#[test]
fn a_client_with_its_own_authorities() {
    untrusted(
        &[("api.example.com", "unknown_ca"), ("auth.example.com", "bad_certificate"), ("b.test", "")],
        "\
error: a client does not trust the session's certificate, so its request could not be sent
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = refused: https://api.example.com, for `unknown_ca`
   = refused: https://auth.example.com, for `bad_certificate`
   = refused: https://b.test, without a reason: the client closed the connection

  the client trusts only its own list of authorities (reqwest with `webpki-roots`, ureq 3 by
  default) or only one certificate; give the code under test
    1. a client that trusts the session: session.client(), session.blocking_client()
    2. plain HTTP: session.base_url(\"https://api.example.com\")
    3. one more authority for its own client: session.ca_pem()

help: then run this test again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_client_with_another_clock() {
    untrusted(
        &[("api.example.com", "certificate_expired")],
        "\
error: a client does not trust the session's certificate, so its request could not be sent
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = refused: https://api.example.com, for `certificate_expired`

  the client does not check the certificate by the session's clock; give the code under test
    1. a client that trusts the session: session.client(), session.blocking_client()
    2. plain HTTP: session.base_url(\"https://api.example.com\")
    3. one more authority for its own client: session.ca_pem()

help: then run this test again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}
