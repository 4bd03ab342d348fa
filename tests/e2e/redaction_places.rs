//! Tests secrets that cassette recognises by their place. Checks the stored text. Checks that the test and the server
//! get the real value while recording, and that requests still match if they contain a value from an earlier response.

use bytes::Bytes;
use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::Project;

pub(crate) type Headers = &'static [(&'static str, &'static str)];

/// A server that returns this body for every request.
pub(crate) fn serving(headers: Headers, body: &'static str) -> Api {
    Api::start(Speaks::Http1, move |_| answer(200, headers, body))
}

pub(crate) async fn fetch(session: Session, path: String) -> Bytes {
    see(session.client().unwrap().get(format!("http://{HOST}{path}")).send().await.unwrap()).await.body
}

/// The server sends the body `sent`. Checks that the test gets `sent` while recording, and `expected` on replay.
#[track_caller]
fn check(settings: impl Fn(Config) -> Config, headers: Headers, sent: &'static str, expected: &str) {
    let (api, project) = (serving(headers, sent), Project::new());
    let config = settings(api.config());
    let ask = async |session: Session| fetch(session, "/x".to_owned()).await;
    assert_eq!(project.record(config.clone(), &ask), sent, "the test sees the real answer");
    drop(api);
    assert_eq!(String::from_utf8_lossy(&project.replay(config, &ask)), expected);
}

pub(crate) const XML: Headers = &[("content-type", "application/soap+xml; charset=utf-8")];
pub(crate) const JSON: Headers = &[("content-type", "application/json")];
pub(crate) const HTML: Headers = &[("content-type", "text/html")];

#[test]
fn xml_by_local_names() {
    check(
        |config| config.redact_field("customer_pin"),
        XML,
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"urn:s\"><w:Password Type=\"x\">p&amp;w</w:Password>\
         <Customer customerPin=\"12 34\" id=\"7\"/><a><![CDATA[<Password>no</Password>]]></a></s:Envelope>",
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"urn:s\"><w:Password Type=\"x\">[password:1]</w:Password>\
         <Customer customerPin=\"[customer_pin:1]\" id=\"7\"/><a><![CDATA[<Password>[password:2]</Password>]]></a></s:Envelope>",
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
fn nested_names_and_unredacted_values() {
    let sent = r#"{"card":{"pan":"4111","list":[["x"]]},"token":{"type":"t"}}"#;
    let (api, project) = (serving(JSON, sent), Project::new());
    let config = api.config().redact_pointer("/card");
    let post = |secret: &'static str| {
        async move |session: Session| {
            let request = session.client().unwrap().post(format!("http://{HOST}/x?user[token]={secret}"));
            let form = ("content-type", "application/x-www-form-urlencoded");
            let body = format!("user%5Bpassword%5D={secret}&token[]=t-{secret}&filter[code]=7");
            see(request.header(form.0, form.1).body(body).send().await.unwrap()).await.body
        }
    };
    assert_eq!(project.record(config.clone(), &post("s-1")), sent);
    drop(api);
    let text = project.text();
    for shown in ["user%5Bpassword%5D=[token:1]&token[]=[token:2]&filter[code]=7", "?user[token]=[token:1]"] {
        assert!(text.contains(shown), "{shown} in\n{text}");
    }
    assert!(text.contains("CAS0134 field token, left: object"), "{text}");
    // The request also matches if it contains another secret.
    let played = project.replay(config, &post("s-2"));
    let played = String::from_utf8(played.to_vec()).unwrap();
    let pan = played.split('"').nth(5).unwrap();
    assert!(pan.len() == 4 && pan.parse::<u16>().is_ok(), "a number of the same length: {played}");
    let expected = r#"{"card":{"pan":"[card:1]","list":[["[card:2]"]]},"token":{"type":"t"}}"#;
    assert_eq!(played.replace(pan, "[card:1]"), expected);
}

/// Multipart forms of two runs match, although their boundaries and secrets differ.
#[test]
fn parts_of_multipart() {
    const MIXED: Headers = &[("content-type", "multipart/mixed; boundary=\"b 1\"")];
    const SENT: &str =
        "--b 1\r\nContent-Type: application/json\r\n\r\n{\"id\":1.0,\"token\":\"t-1\"}\r\n--b 1--\r\n";
    let (api, project) = (serving(MIXED, SENT), Project::new());
    let config = api.config();
    let post = |boundary: &'static str, secret: &'static str, note: &'static str| {
        async move |session: Session| {
            let part = |name: &str, content: &str| {
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n"
                )
            };
            let body = part("client_secret", secret)
                + &part("user[password]", secret)
                + &part("note", note)
                + &part("options", &format!("{{\"api_key\":\"k-{secret}\"}}"))
                + &format!("--{boundary}--\r\n");
            let request = session.client().unwrap().post(format!("http://{HOST}/x"));
            let kind = format!("multipart/form-data; boundary={boundary}");
            see(request.header("content-type", kind).body(body).send().await.unwrap()).await.body
        }
    };
    assert_eq!(project.record(config.clone(), &post("b-1", "s-1", "hi")), SENT);
    drop(api);
    let text = project.text();
    for shown in ["[client_secret:1]", "[api_key:1]", "hi"] {
        assert!(text.contains(shown), "{shown} in\n{text}");
    }
    assert!(!text.contains("s-1") && !text.contains("t-1"), "{text}");
    let played = project.replay(config.clone(), &post("b-2", "s-2", "hi"));
    assert_eq!(played, SENT.replace("t-1", "[token:1]"));
    project.run(Mode::Replay, config, &post("b-2", "s-2", "ho")).unwrap_err();
}

#[test]
fn events_and_scripts() {
    check(
        |config| config,
        &[("content-type", "text/event-stream")],
        "event: a\ndata: {\"delta\":\"x\",\"token\":\"t-1\"}\n\n: beat\n\ndata: {\ndata: \"token\":\"t-2\"}\n\ndata: [DONE]\n\n",
        "event: a\ndata: {\"delta\":\"x\",\"token\":\"[token:1]\"}\n\n: beat\n\ndata: {\ndata: \"token\":\"[token:2]\"}\n\n\
         data: [DONE]\n\n",
    );
    check(
        |config| config,
        &[("content-type", "application/javascript; charset=utf-8")],
        r#"/**/cb({"access_token":"t-1","n":1.0});"#,
        r#"/**/cb({"access_token":"[access_token:1]","n":1.0});"#,
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
fn pages() {
    check(
        |config| config,
        HTML,
        "<!doctype html><meta content=\"t-1\" name=\"csrf-token\"><div data-page=\"{&quot;props&quot;:{&quot;accessToken&quot;:\
         &quot;t-2&quot;}}\"></div><script id=\"__NEXT_DATA__\" type=\"application/json\">{\"apiKey\":\"k-1\",\"n\":1.0}</script>\
         <script>window.CONFIG = {\"token\":\"t-1\"};</script><p>t-1</p>",
        "<!doctype html><meta content=\"[csrf_token:1]\" name=\"csrf-token\"><div data-page=\"{&quot;props&quot;:{&quot;accessToken&quot;:\
         &quot;[access_token:1]&quot;}}\"></div><script id=\"__NEXT_DATA__\" type=\"application/json\">{\"apiKey\":\"[api_key:1]\",\"n\":1.0}</script>\
         <script>window.CONFIG = {\"token\":\"[csrf_token:1]\"};</script><p>t-1</p>",
    );
}

/// A login page contains a token, and the client sends the token back with the form. On replay this request matches.
#[test]
fn a_form_is_sent_back() {
    const TOKEN: &str = "kq3V/9x+Zt7Lm2Wd5Rb8Hc==";
    let api = Api::start(Speaks::Http1, |request| {
        let sent = format!("csrf_token={}&user=alice", escaped(TOKEN));
        match request.method().as_str() {
            "GET" => answer(
                200,
                &[("content-type", "text/html; charset=utf-8"), ("set-cookie", "sid=s-1234567; Path=/")],
                format!(
                    "<!DOCTYPE html><html><head><meta name=\"csrf-token\" content=\"{TOKEN}\"></head><form method=post>\
                     <input value=\"{TOKEN}\" type=\"hidden\" name=\"csrf_token\"/><input name=user value=\"\"></form></html>"
                ),
            ),
            _ if *request.body() == sent => answer(200, &[], "welcome"),
            _ => answer(403, &[], "forged"),
        }
    });
    // Escapes a value of a form as browsers do.
    fn escaped(value: &str) -> String {
        let escape = |c: char| match c.is_ascii_alphanumeric() {
            true => c.to_string(),
            false => format!("%{:02X}", u32::from(c)),
        };
        value.chars().map(escape).collect()
    }
    let (config, project) = (api.config(), Project::new());
    let login = async |session: Session| {
        let page = fetch(session.clone(), "/login".to_owned()).await;
        let page = String::from_utf8(page.to_vec()).unwrap();
        let token = page.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
        let request = session.client().unwrap().post(format!("http://{HOST}/login"));
        let form = ("content-type", "application/x-www-form-urlencoded");
        let body = format!("csrf_token={}&user=alice", escaped(token));
        see(request.header(form.0, form.1).body(body).send().await.unwrap()).await.body
    };
    assert_eq!(project.record(config.clone(), &login), "welcome");
    drop(api);
    let text = project.text();
    assert!(!text.contains("kq3V") && text.contains("csrf_token=[csrf_token:1]&user=alice"), "{text}");
    assert_eq!(project.replay(config, &login), "welcome");
}

/// A response contains links with secrets, and the client follows the links. The cassette contains none of the secrets,
/// and the requests match on replay.
#[test]
fn links_in_answers_are_followed() {
    const SECRETS: [&str; 4] =
        ["0123abcd0123abcd", "IQoJb3JpZ2luX2VjE", "next%2Ftok-1", "T1/B2/abcdefgh12345"];
    let api = Api::start(Speaks::Http1, |request| {
        let [signature, token, next, hook] = SECRETS;
        let list = format!(
            "{{\"file\":\"http:\\/\\/{HOST}\\/k?X-Amz-Date=1&X-Amz-Signature={signature}&X-Amz-Security-Token={token}\",\
             \"next\":\"http://{HOST}/list?page=2&access_token={next}\",\
             \"login\":\"http://{HOST}/login?to=http%3A%2F%2F{HOST}%2Fk%3FX-Amz-Signature%3D{signature}\",\
             \"hook\":\"https://hooks.slack.com/services/{hook}\"}}"
        );
        let query = request.uri().query().unwrap_or_default();
        match request.uri().path() {
            "/list" if query.is_empty() => answer(200, &[("content-type", "application/json")], list),
            "/list" if query.contains(next) => answer(200, &[], "page 2"),
            "/k" if query.contains(signature) && query.contains(token) => answer(200, &[], "a file"),
            "/login" if query.contains(signature) => answer(200, &[], "welcome"),
            _ => answer(403, &[], ""),
        }
    });
    let (config, project) = (api.config(), Project::new());
    let follow = async |session: Session| {
        let list = fetch(session.clone(), "/list".to_owned()).await;
        let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
        let mut seen = Vec::new();
        for name in ["file", "next", "login"] {
            let request = session.client().unwrap().get(list[name].as_str().unwrap());
            seen.push(see(request.send().await.unwrap()).await.body);
        }
        seen
    };
    let recorded = project.record(config.clone(), &follow);
    assert_eq!(recorded, ["a file", "page 2", "welcome"]);
    drop(api);
    let text = project.text();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    assert_eq!(project.replay(config, &follow), recorded);
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
    // The redacted part of the path is not compared. So a test with another tenant can replay the cassette.
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
    // A digest of the original body would not match the redacted one. Only the list of left-out headers names it.
    let (_, text) = text.split_once("\"interactions\": [").expect("interactions");
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
    let message = failed.unwrap_err().to_string();
    assert!(message.contains("CAS9999"), "{message}");
}

/// If a request does not match, and the cassette was recorded with other redaction rules, the report says so.
#[test]
fn a_cassette_of_other_rules() {
    const OTHER_RULES: &str = "note: the cassette was recorded under other redaction rules";
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
    let message = fails(&plain);
    assert!(
        message.contains(OTHER_RULES) && message.contains("   = not in force now: field customer\n"),
        "{message}"
    );
    assert!(
        message.contains("   = to record under the present rules: CASSETTE_MODE=record cargo test"),
        "{message}"
    );
    project.record(plain.clone(), &post);
    let message = fails(&with_rule);
    assert!(
        message.contains(OTHER_RULES) && message.contains("   = not on the cassette: field customer\n"),
        "{message}"
    );
    // With the same rules, the report does not mention them.
    let other = async |session: Session| fetch(session, "/other".to_owned()).await;
    let message = project.run(Mode::Replay, plain, &other).unwrap_err().to_string();
    assert!(!message.contains(OTHER_RULES), "{message}");
}

/// The cassette keeps a digest only if the bytes of the body are unchanged (RFC 9530, RFC 3230, RFC 1864). It always
/// keeps an `etag`, which names a state of the resource, and which clients send back.
#[test]
fn a_digest_is_dropped_if_the_body_changes() {
    const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];
    let api = Api::start(Speaks::Http1, |request| {
        let body = if request.uri().path() == "/open" { r#"{"page":1}"# } else { r#"{"token":"t-1"}"# };
        let digests = DIGESTS.map(|name| (name, "of these bytes"));
        answer(
            200,
            &[&digests[..], &[("etag", "\"v1\""), ("content-type", "application/json")]].concat(),
            body,
        )
    });
    let config = DIGESTS.iter().fold(api.config(), |config, name| config.allow_header(name));
    let project = Project::new();
    let body = async |session: Session| {
        let http = session.client().unwrap();
        let mut seen = Vec::new();
        for path in ["/open", "/secret"] {
            let answer = see(http.get(format!("http://{HOST}{path}")).send().await.unwrap()).await;
            seen.push(DIGESTS.map(|name| answer.headers.contains_key(name)));
            assert_eq!(answer.headers["etag"], "\"v1\"");
        }
        seen
    };
    assert_eq!(project.record(config.clone(), &body), [[true; 4]; 2], "the test gets what was sent");
    drop(api);
    assert_eq!(project.replay(config, &body), [[true; 4], [false; 4]]);
}

/// `content-length` is the length of the replayed body. In this body, a value redacted by name is a placeholder, and a
/// named secret has the value of the replaying session.
#[test]
fn content_length_is_that_of_the_replayed_body() {
    let sent = r#"{"token":"a-long-token-of-thirty-characters","key":"k-112233"}"#;
    let api = Api::start(Speaks::Http1, move |_| answer(200, &[("content-type", "application/json")], sent));
    let (config, project) = (api.config(), Project::new());
    let body = async |session: Session| {
        let seen = see(session.client().unwrap().get(format!("http://{HOST}/")).send().await.unwrap()).await;
        (seen.headers["content-length"].to_str().unwrap().parse().unwrap(), seen.body.len(), seen.cut)
    };
    let long = sent.len();
    assert_eq!(project.record(config.clone().secret("KEY", "k-112233"), &body), (long, long, false));
    drop(api);
    for value in ["k-112233", "another-value-of-the-key"] {
        let own =
            sent.replace("a-long-token-of-thirty-characters", "[token:1]").replace("k-112233", value).len();
        assert_eq!(project.replay(config.clone().secret("KEY", value), &body), (own, own, false));
    }
}

/// The report about a request contains no secret of the request.
#[test]
fn a_miss_shows_no_secret() {
    const VALUE: &str = "k-11/22+33 44";
    let encoded = "k-11%2F22%2B33%2044";
    let api = serving(JSON, "{}");
    let config = api.config().secret("KEY", VALUE).allow_header("x-note");
    let config =
        ["x-note", "authorization", "cookie"].iter().fold(config, |config, name| config.require_header(name));
    let project = Project::new();
    project.record(config.clone(), &async |session: Session| {
        let http = session.client().unwrap();
        fetch(session, "/none".into()).await;
        for (kind, body) in [
            ("application/json", r#"{"a":"other","password":1}"#),
            ("application/x-www-form-urlencoded", "a=other&b=1"),
            ("text/plain", "a b"),
        ] {
            let request = http.post(format!("http://{HOST}/sent")).header("content-type", kind).body(body);
            see(request.send().await.unwrap()).await;
        }
    });
    let post = |kind: &'static str, body: String| {
        move |http: &reqwest::Client| {
            http.post(format!("http://{HOST}/sent")).header("content-type", kind).body(body.clone())
        }
    };
    let get = |path: String| move |http: &reqwest::Client| http.get(format!("http://{HOST}{path}"));
    let header = |name: &'static str, value: String| {
        move |http: &reqwest::Client| http.get(format!("http://{HOST}/none")).header(name, &value)
    };
    type Send = Box<dyn Fn(&reqwest::Client) -> reqwest::RequestBuilder + Sync>;
    let places: [(&str, Send); 9] = [
        ("path", Box::new(get(format!("/{encoded}/x")))),
        ("query", Box::new(get(format!("/none?q={encoded}")))),
        ("named query", Box::new(get("/none?token=unnamed-1".into()))),
        ("header", Box::new(header("x-note", format!("see {VALUE}")))),
        ("credentials", Box::new(header("authorization", "Bearer unnamed-1".into()))),
        ("cookie", Box::new(header("cookie", "sid=unnamed-1".into()))),
        ("json", Box::new(post("application/json", format!(r#"{{"a":"{VALUE}","password":"unnamed-1"}}"#)))),
        (
            "form",
            Box::new(post("application/x-www-form-urlencoded", format!("a={encoded}&password=unnamed-1"))),
        ),
        ("text", Box::new(post("text/plain", format!("a {VALUE} b")))),
    ];
    for (place, send) in &places {
        let answered = std::sync::Mutex::new(String::new());
        let ask = async |session: Session| {
            let answer = send(&session.client().unwrap()).send().await.unwrap();
            *answered.lock().unwrap() = answer.text().await.unwrap();
        };
        let failure = project.run(Mode::Replay, config.clone(), &ask).unwrap_err();
        let answered = answered.into_inner().unwrap();
        assert!(answered.contains("no recording answers this request"), "{place}: {answered}");
        assert!(
            answered.contains("{{secret.KEY}}") || answered.contains(":1]") || answered.contains("[*]"),
            "{place}: {answered}"
        );
        for message in [failure.to_string(), format!("{failure:?}"), answered] {
            for secret in [VALUE, encoded, "k-11", "unnamed-1"] {
                assert!(!message.contains(secret), "{place}: {message}");
            }
        }
    }
}
