//! Tests values and their placeholders: how cassette redacts and restores secrets and tokens in responses, in requests,
//! in output files, and in later recordings.

use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::Project;
use crate::redaction_places::{HTML, JSON, XML, fetch, serving};

/// The secret has several lines. The texts contain it with other line ends, or with only some characters escaped.
#[test]
fn a_value_of_several_lines_comes_back() {
    const KEY: &str = "first&\n\"second\" line\nthird";
    const FORM: &str = "first%26%0D%0A%22second%22+line%0D%0Athird";
    let texts = [
        ("text/plain", KEY.replace('\n', "\r\n")),
        ("application/json", r#"{"a":"first&\r\n\"second\" line\r\nthird"}"#.to_owned()),
        ("application/xml", "<a b=\"first&amp;&#10;&quot;second&quot; line&#10;third\"/>".to_owned()),
        ("text/csv", "id,key\n1,\"first&\n\"\"second\"\" line\nthird\"\n".to_owned()),
        ("text/plain", KEY.replace('\n', " ")),
    ];
    let answers = texts.clone();
    let api = Api::start(Speaks::Http1, move |request| {
        let n: usize = request.uri().path()[1..].parse().unwrap();
        answer(200, &[("content-type", answers[n].0)], answers[n].1.clone())
    });
    let (config, project) = (api.config().secret("KEY", KEY), Project::new());
    let ask = async |session: Session| {
        let mut bodies = Vec::new();
        for n in 0..5 {
            let request = session.client().unwrap().post(format!("http://{HOST}/{n}"));
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let seen = see(request.body(format!("n={n}&key={FORM}")).send().await.unwrap()).await;
            bodies.push(String::from_utf8(seen.body.to_vec()).unwrap());
        }
        bodies
    };
    let recorded = project.record(config.clone(), &ask);
    assert_eq!(recorded, texts.map(|(_, text)| text));
    for (file, text) in project.files() {
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains("third"), "{file}: {text}");
    }
    drop(api);
    assert_eq!(project.replay(config, &ask), recorded);
}

/// A replay puts a named secret back in the server's encoding, so that links keep their meaning. The test replays with
/// the same value, with another value, and without a value.
#[test]
fn a_value_comes_back_as_it_was_written() {
    const KEY: &str = "ab+c/d&e=";
    const WRITTEN: &str = "ab%2Bc%2Fd%26e%3D";
    let api = Api::start(Speaks::Http1, |request| {
        let page = format!("http://{HOST}/page?api_key={WRITTEN}&n=");
        match (request.uri().path(), request.uri().query()) {
            ("/list", _) => answer(
                200,
                &[("content-type", "application/json"), ("link", &format!("<{page}2>; rel=next"))],
                format!(r#"{{"next":"{page}3","text":"{{\"key\":\"{KEY}\"}}"}}"#),
            ),
            ("/moved", _) => answer(302, &[("location", &format!("{page}4"))], ""),
            ("/feed", _) => {
                answer(200, XML, "<a><link>ab+c/d&amp;e=</link><password>ab+c/d&amp;e=</password></a>")
            }
            ("/page", Some(query)) if query.contains(WRITTEN) => answer(200, JSON, query.to_owned()),
            _ => answer(404, &[], ""),
        }
    });
    let (plain, project) = (api.config(), Project::new());
    let follow = async |session: Session| {
        let list =
            see(session.client().unwrap().get(format!("http://{HOST}/list")).send().await.unwrap()).await;
        let link = list.headers["link"].to_str().unwrap();
        let link = link[1..link.find('>').unwrap()].to_owned();
        let text = String::from_utf8(list.body.to_vec()).unwrap();
        let next = text.split('"').nth(3).unwrap().to_owned();
        let feed = fetch(session.clone(), "/feed".to_owned()).await;
        let moved = fetch(session.clone(), "/moved".to_owned()).await;
        for url in [link, next] {
            let seen = see(session.client().unwrap().get(url).send().await.unwrap()).await;
            assert_eq!(seen.status, 200);
        }
        (text, feed, moved)
    };
    let recorded = project.record(plain.clone().secret("KEY", KEY), &follow);
    assert_eq!(recorded.2, format!("api_key={WRITTEN}&n=4"), "the client followed");
    drop(api);
    assert_eq!(project.replay(plain.clone().secret("KEY", KEY), &follow), recorded);
    let (text, feed, _) = project.replay(plain.clone().secret("KEY", "dummy&1"), &follow);
    let next = format!("http://{HOST}/page?api_key=dummy%261&n=3");
    assert_eq!(text, format!(r#"{{"next":"{next}","text":"{{\"key\":\"dummy&1\"}}"}}"#));
    assert_eq!(feed, "<a><link>dummy&amp;1</link><password>dummy&amp;1</password></a>");
    let (text, _, moved) = project.replay(plain, &follow);
    assert!(text.contains("api_key={{secret.KEY}}&n=3"), "{text}");
    assert_eq!(moved, "api_key={{secret.KEY}}&n=4");
}

fn form_urlencoded(text: &str) -> String {
    let url = reqwest::Url::parse_with_params("http://h/", [("t", text)]).unwrap();
    url.query().unwrap()[2..].to_owned()
}

/// A response contains a token. cassette finds this token in all later requests and responses: in every body format, in
/// every encoding, and in links. The requests match on replay.
#[test]
fn a_token_that_is_passed_on() {
    const TOKEN: &str = "9f8c2b7d+4e1a/6053Kq7ZxWv3b==";
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/login" => answer(200, JSON, format!(r#"{{"access_token":"{TOKEN}","also":"{TOKEN}."}}"#)),
        "/echo" => answer(200, JSON, format!(r#"{{"error":"token {TOKEN} is old"}}"#)),
        _ => answer(200, JSON, request.into_body()),
    });
    let (config, project) = (api.config().allow_header("x-note"), Project::new());
    let flow = async |session: Session| {
        let http = session.client().unwrap();
        let login = fetch(session.clone(), "/login".to_owned()).await;
        let token = std::str::from_utf8(&login).unwrap().split('"').nth(3).unwrap().to_owned();
        let encoded = form_urlencoded(&token);
        let mut seen = String::new();
        for (kind, body) in [
            ("application/json", format!(r#"{{"session":"{token}","q":"query {{ me(t: \"{token}\") }}"}}"#)),
            ("application/x-www-form-urlencoded", format!("s={encoded}&x=1")),
            ("application/xml", format!("<s>{token}</s>")),
            ("text/plain", format!("say {token}, {}", token.replace('/', "\\/"))),
        ] {
            let request = http.post(format!("http://{HOST}/sent?rt={encoded}&n=1")).header("x-note", &token);
            let request = request.header("content-type", kind).body(body);
            seen += std::str::from_utf8(&see(request.send().await.unwrap()).await.body).unwrap();
        }
        let echoed = fetch(session.clone(), format!("/echo?next=%2Fa%3Fb%3D{encoded}")).await;
        seen + std::str::from_utf8(&echoed).unwrap()
    };
    let recorded = project.record(config.clone(), &flow);
    assert!(recorded.contains(TOKEN), "the test has the real one");
    drop(api);
    project.assert_never("9f8c2b7d");
    let replayed = project.replay(config, &flow);
    let stand_in = replayed.split('"').nth(3).unwrap();
    assert_eq!(stand_in.len(), TOKEN.len());
    assert!(replayed.contains(&format!(r#"{{"error":"token {stand_in} is old"}}"#)), "{replayed}");
}

/// The token of a response looks like a word, so cassette does not search for it elsewhere, and a later request
/// contains it unredacted. On replay the client gets the placeholder and sends it, so the request does not match. The
/// report suggests the rule that redacts the value in the request, too.
#[test]
fn a_word_that_is_passed_on() {
    let give = |request: &str| match request {
        "/login" => r#"{"token":"sunflower"}"#,
        _ => "{}",
    };
    let start = || Api::start(Speaks::Http1, move |request| answer(200, JSON, give(request.uri().path())));
    let flow = |way: &'static str| {
        async move |session: Session| {
            let login = fetch(session.clone(), "/login".to_owned()).await;
            let token = std::str::from_utf8(&login).unwrap().split('"').nth(3).unwrap().to_owned();
            match way {
                "query" => fetch(session.clone(), format!("/items?page=1&next={token}")).await,
                "path" => fetch(session.clone(), format!("/v1.0/at/{token}/items")).await,
                _ => {
                    let request = session.client().unwrap().post(format!("http://{HOST}/json"));
                    let request = request.header("content-type", "application/json");
                    let sent = request.body(format!(r#"{{"a":[{{"b":"{token}"}}]}}"#)).send().await.unwrap();
                    see(sent).await.body
                }
            };
        }
    };
    let rule = |config: Config, way: &str| match way {
        "query" => (config.redact_field("next"), r#".redact_field("next")"#),
        "path" => {
            (config.redact_url(r"/v1\.0/at/(?<at>[^/?#]+)"), r#".redact_url(r"/v1\.0/at/(?<at>[^/?#]+)")"#)
        }
        _ => (config.redact_pointer("/a/*/b"), r#".redact_pointer("/a/*/b")"#),
    };
    for way in ["query", "path", "json"] {
        let (api, project) = (start(), Project::new());
        let message = rule(Config::new(), way).1;
        project.record(api.config(), &flow(way));
        drop(api);
        let failed = project.run(Mode::Replay, Config::new(), &flow(way)).unwrap_err().to_string();
        assert!(failed.contains(message) && !failed.contains(".ignore_"), "{failed}");
        let (api, project) = (start(), Project::new());
        let (config, _) = rule(api.config(), way);
        project.record(config.clone(), &flow(way));
        drop(api);
        project.assert_never("sunflower");
        project.replay(config, &flow(way));
    }
}

/// A token appears in one response, and only a later response has it in a place that identifies it as a token. Then the
/// recording is not installed.
#[test]
fn a_token_that_came_before_its_name() {
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/page" => answer(200, HTML, "<meta name=\"x\" content=\"9f8c2b7d4e1a6053Kq7ZxWv3b\">"),
        _ => answer(200, JSON, r#"{"access_token":"9f8c2b7d4e1a6053Kq7ZxWv3b"}"#),
    });
    let project = Project::new();
    let failed = project.run(Mode::Record, api.config(), &async |session: Session| {
        fetch(session.clone(), "/page".to_owned()).await;
        fetch(session, "/login".to_owned()).await;
    });
    let message = failed.unwrap_err().to_string();
    assert!(message.contains("[access_token:1]") && !message.contains("9f8c2b7d"), "{message}");
}

/// When mode `append` adds tokens to a cassette, their placeholders get numbers that the cassette does not have yet.
#[test]
fn two_tokens_stay_two_over_recordings() {
    let count = std::sync::atomic::AtomicU32::new(1);
    let api = Api::start(Speaks::Http1, move |_| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        answer(200, JSON, format!(r#"{{"access_token":"AT-{n}"}}"#))
    });
    let (config, project) = (api.config(), Project::new());
    let one = async |session: Session| fetch(session, "/1".to_owned()).await;
    let both = async |session: Session| {
        let one = fetch(session.clone(), "/1".to_owned()).await;
        (one, fetch(session, "/2".to_owned()).await)
    };
    project.record(config.clone(), &one);
    project.run(Mode::Append, config.clone(), &both).unwrap();
    drop(api);
    let (one, two) = project.replay(config, &both);
    assert_eq!(
        (&*one, &*two),
        (&br#"{"access_token":"[access_token:1]"}"#[..], &br#"{"access_token":"[access_token:2]"}"#[..])
    );
}

/// A test may write tokens to its output. cassette hashes the files with placeholders in place of secrets, while
/// recording and on replay, so that the snapshot does not depend on the key.
#[test]
fn output_with_a_token_in_it() {
    let api = serving(JSON, r#"{"refresh_token":"9f8c2b7d4e1a6053Kq7ZxWv3b","n":1}"#);
    let project = Project::new();
    let write = async |session: Session| {
        let state = fetch(session.clone(), "/x".to_owned()).await;
        let key = session.secret("KEY");
        let output = session.output_dir().unwrap();
        std::fs::write(output.join("state.json"), state).unwrap();
        std::fs::write(output.join("table.csv"), format!("id,key\n1,{key}\n")).unwrap();
    };
    let config = api.config();
    project.record(config.clone().secret("KEY", "k-112233"), &write);
    drop(api);
    project.assert_never("9f8c2b7d");
    project.replay(config.clone().secret("KEY", "k-112233"), &write);
    project.replay(config.clone().secret("KEY", "another-value-of-it"), &write);
    project.replay(config, &write);
}
