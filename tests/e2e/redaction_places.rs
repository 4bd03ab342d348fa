//! Secrets that are known by where they stand: what is stored, that the test and the server see the real thing, and that
//! flows which pass a value on still match.

use bytes::Bytes;
use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::Project;

type Headers = &'static [(&'static str, &'static str)];

/// Answers one path with one body.
fn serving(headers: Headers, body: &'static str) -> Api {
    Api::start(Speaks::Http1, move |_| answer(200, headers, body))
}

async fn fetch(session: Session, path: String) -> Bytes {
    see(session.client().unwrap().get(format!("http://{HOST}{path}")).send().await.unwrap()).await.body
}

/// What the test sees is what was sent; what is stored is `expected`; the replay gives what is stored.
#[track_caller]
fn check(settings: impl Fn(Config) -> Config, headers: Headers, sent: &'static str, expected: &str) {
    let (api, project) = (serving(headers, sent), Project::new());
    let config = settings(api.config());
    let ask = async |session: Session| fetch(session, "/x".to_owned()).await;
    assert_eq!(project.record(config.clone(), &ask), sent, "the test sees the real answer");
    drop(api);
    assert_eq!(String::from_utf8_lossy(&project.replay(config, &ask)), expected);
}

const XML: Headers = &[("content-type", "application/soap+xml; charset=utf-8")];
const JSON: Headers = &[("content-type", "application/json")];
const HTML: Headers = &[("content-type", "text/html")];

#[test]
fn xml_by_local_names() {
    check(
        |config| config.redact_field("customer_pin"),
        XML,
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"urn:s\"><w:Password Type=\"x\">p&amp;w</w:Password>\
         <Customer customerPin=\"12 34\" id=\"7\"/><a><![CDATA[<Password>no</Password>]]></a></s:Envelope>",
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"urn:s\"><w:Password Type=\"x\">[password:1]</w:Password>\
         <Customer customerPin=\"[customer_pin:1]\" id=\"7\"/><a><![CDATA[<Password>no</Password>]]></a></s:Envelope>",
    );
}

#[test]
fn json_by_name_at_any_depth_and_by_pointer() {
    check(
        |config| config.redact_pointer("/users/*/email"),
        JSON,
        r#"{"users":[{"email":"a@b.c","code":190},{"email":null,"accessToken":"t-1"}],"country_code":"CZ","e":1E5,"token":17}"#,
        r#"{"users":[{"email":"[email:1]","code":190},{"email":null,"accessToken":"[access_token:1]"}],"country_code":"CZ","e":1E5,"token":17}"#,
    );
}

#[test]
fn links_and_addresses_in_bodies() {
    check(
        |config| config.redact_links("cdn.example.com", ["sig", "expires"]).redact_ipv4_hosts(),
        HTML,
        "<a href=\"https://eu.cdn.example.com/a.png?w=1&amp;sig=abc&amp;expires=9\">x</a> http://10.1.2.3:80/ 1.2.3.4",
        "<a href=\"https://eu.cdn.example.com/a.png?w=1&amp;sig=[sig:1]&amp;expires=[expires:1]\">x</a> \
         http://ipv4-1.invalid:80/ 1.2.3.4",
    );
}

#[test]
fn parts_of_urls_by_pattern() {
    let (api, project) = (serving(HTML, "ok"), Project::new());
    let config = api.config().redact_url(r"/tenants/(?<tenant>[^/?]+)");
    let ask = |tenant: &'static str| {
        async move |session: Session| fetch(session, format!("/tenants/{tenant}/users?page=1")).await
    };
    project.record(config.clone(), &ask("acme-1234"));
    assert_eq!(project.requests(), [format!("GET http://{HOST}/tenants/[tenant:1]/users?page=1")]);
    drop(api);
    // Another tenant's test replays it: what is secret does not count.
    project.replay(config, &ask("other-5678"));
}

#[test]
fn cookies_and_headers() {
    let headers: Headers = &[
        ("set-cookie", "sid=s-1234567; Path=/; HttpOnly"),
        ("set-cookie", "theme=dark"),
        ("x-tenant", "acme"),
        ("x-trace", "t-99"),
        ("content-digest", "sha-256=:AAAA:"),
        ("content-type", "application/json"),
    ];
    let (api, project) = (serving(headers, r#"{"password":"p"}"#), Project::new());
    let config = api
        .config()
        .keep_cookie("theme")
        .keep_other_headers()
        .redact_header("x-tenant")
        .drop_header("x-trace");
    project.record(config, &async |session| fetch(session, "/x".to_owned()).await);
    let text = project.text();
    for kept in ["\"sid=[cookie:1]; Path=/; HttpOnly\"", "\"theme=dark\"", "\"x-tenant\": \"[x-tenant:1]\""] {
        assert!(text.contains(kept), "{kept} in\n{text}");
    }
    // A digest of what the body was would refuse what it is.
    for gone in ["x-trace", "content-digest", "s-1234567"] {
        assert!(!text.contains(gone), "{gone} in\n{text}");
    }
}

#[test]
fn a_default_rule_is_taken_away_by_its_id() {
    let sent = r#"{"password":"p","access_token":"t"}"#;
    check(
        |config| config.without_rule("CAS0094"),
        JSON,
        sent,
        r#"{"password":"p","access_token":"[access_token:1]"}"#,
    );
    let failed =
        Project::new().run(cassette::Mode::Replay, Config::new().without_rule("CAS9999"), &async |_| ());
    let told = failed.unwrap_err().to_string();
    assert!(told.contains("CAS9999"), "{told}");
}

/// A request that doesn't match because the cassette was recorded under other rules: that is said beside it.
#[test]
fn a_cassette_of_other_rules() {
    const TOLD: &str = "note: the cassette was recorded under other redaction rules";
    let api = serving(JSON, "{}");
    let (plain, project) = (api.config(), Project::new());
    let with_rule = plain.clone().redact_field("customer");
    let post = async |session: Session| {
        let request = session.client().unwrap().post(format!("http://{HOST}/x?customer=c-4711"));
        see(request.send().await.unwrap()).await.status
    };
    let fails = |config: &Config| project.run(Mode::Replay, config.clone(), &post).unwrap_err().to_string();
    project.record(with_rule.clone(), &post);
    assert_eq!(project.replay(with_rule.clone(), &post), 200);
    let told = fails(&plain);
    assert!(told.contains(TOLD) && told.contains("   = not in force now: field customer\n"), "{told}");
    assert!(told.contains("   = record it under today's: CASSETTE_MODE=record cargo test"), "{told}");
    project.record(plain.clone(), &post);
    let told = fails(&with_rule);
    assert!(told.contains(TOLD) && told.contains("   = not on the cassette: field customer\n"), "{told}");
    // The rules are the same: nothing is said of them.
    let other = async |session: Session| fetch(session, "/other".to_owned()).await;
    let told = project.run(Mode::Replay, plain, &other).unwrap_err().to_string();
    assert!(!told.contains(TOLD), "{told}");
}
