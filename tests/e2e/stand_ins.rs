//! Tests that tokens keep their syntax on replay. The code under test gets a stand-in: another JWT in place of a JWT,
//! another UUID in place of a UUID. Requests that send a stand-in back match, in every encoding.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cassette::{Config, Mode, Session};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::Project;
use crate::redaction_places::JSON;

const SECRET: &[u8] = b"the secret of the client";

/// HMAC with SHA-256 (RFC 2104), for a key of less than 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|n| key.get(n).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([&pad(0x36), text].concat());
    Sha256::digest([&pad(0x5c), &inner[..]].concat()).to_vec()
}

fn jwt(claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed =
        format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT", "kid": "k-1"})), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac(SECRET, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Decodes a part of a JWT without verifying the signature, as many clients do.
fn part(token: &str, n: usize) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[n]).expect("base64")).expect("JSON")
}

/// Verifies the signature of a JWT.
fn verify(token: &str) -> Result<(), String> {
    let (signed, signature) = token.rsplit_once('.').ok_or("not a JWT")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|e| e.to_string())?;
    if hmac(SECRET, signed.as_bytes()) == signature { Ok(()) } else { Err("the signature is invalid".into()) }
}

async fn get_json(session: &Session, path: &str) -> Value {
    let request = session.client().unwrap().get(format!("http://{HOST}{path}"));
    serde_json::from_slice(&see(request.send().await.unwrap()).await.body).expect("JSON")
}

/// Sends a token in every usual part of a request, and returns the statuses of the responses.
async fn send_back(session: &Session, token: &str) -> Vec<u16> {
    let http = session.client().unwrap();
    let url = |path: &str| format!("http://{HOST}/use/{path}");
    let basic = STANDARD.encode(format!("user:{token}"));
    let inner = json!({ "session": token }).to_string();
    let requests = [
        http.get(url("bearer")).header("authorization", format!("Bearer {token}")),
        http.get(url("basic")).header("authorization", format!("Basic {basic}")),
        http.get(reqwest::Url::parse_with_params(&url("query"), [("t", token)]).unwrap()),
        http.post(url("json")).header("content-type", "application/json").body(inner.clone()),
        http.post(url("inner"))
            .header("content-type", "application/json")
            .body(json!({ "text": inner, "note": format!("say {token}.") }).to_string()),
        http.post(url("base64"))
            .header("content-type", "text/plain")
            .body(STANDARD.encode(format!("a:{token}:b"))),
        http.post(url("form")).header("content-type", "application/x-www-form-urlencoded").body(format!(
            "a=1&s={}",
            reqwest::Url::parse_with_params("http://h/", [("t", token)]).unwrap().query().unwrap()
        )),
    ];
    let mut statuses = Vec::new();
    for request in requests {
        statuses.push(see(request.send().await.unwrap()).await.status);
    }
    statuses
}

/// The client decodes a JWT, compares its expiry with the frozen clock, and reads its audience and roles.
#[test]
fn a_jwt_stays_a_jwt() {
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/login" => {
            let claims = json!({
                "iss": "https://id.test/", "aud": "api", "exp": seconds() + 3600, "iat": seconds(),
                "scope": "read write", "roles": ["admin"], "sub": "8f14e45fceea167a5a36dedd4bea2543",
                "email": "somebody@real.test", "jti": format!("j-{}", seconds()), "ver": {"contact": "person-5"},
                "client_id": "customer-77",
            });
            answer(200, JSON, json!({"access_token": jwt(&claims), "token_type": "Bearer"}).to_string())
        }
        _ => answer(200, JSON, "{}"),
    });
    // `client_id` stays by default.
    let config = api.config().redact_field("client_id");
    let (project, (claims, statuses)) = Project::both_with(config, api, async |session: Session| {
        let login = get_json(&session, "/login").await;
        let token = login["access_token"].as_str().unwrap();
        assert_eq!(part(token, 0), json!({"alg": "HS256", "typ": "JWT", "kid": "k-1"}));
        let claims = part(token, 1);
        let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(claims["exp"].as_u64().unwrap());
        assert!(expires > SystemTime::now(), "the token is valid now");
        assert!(expires < SystemTime::now() + Duration::from_secs(4000));
        let kept = ["iss", "aud", "exp", "iat", "scope", "roles"].map(|name| claims[name].clone());
        (kept.to_vec(), send_back(&session, token).await)
    });
    assert_eq!(claims[1], "api");
    assert_eq!(statuses, [200; 7]);
    for private in ["8f14e45f", "somebody", "real.test", "person-5", "customer-77"] {
        project.assert_never(private);
    }
    let text = project.text();
    assert!(text.contains("[access_token:1]") && text.contains("\"kid\": \"k-1\""), "{text}");
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// Tests session cookies, numbers as text, and tokens with the prefix of their issuer.
#[test]
fn other_tokens_keep_their_syntax() {
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/login" => answer(
            200,
            &[
                ("content-type", "application/json"),
                ("set-cookie", "sid=s%3AaB3cD4eF5gH6iJ7kL8.mN9oP0qR1sT2uV3w; Path=/"),
            ],
            json!({
                "session_token": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
                "auth_token": "18364091827364509182",
                "private_token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
                "secret_key": "aB3cD4eF5gH6/iJ7+kL8mN9oP0qR1sT2uw==",
                "client_secret": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "password": "is too short",
            })
            .to_string(),
        ),
        _ => answer(200, JSON, "{}"),
    });
    let (project, _) = Project::both(api, async |session: Session| {
        let response = session.client().unwrap().get(format!("http://{HOST}/login")).send().await.unwrap();
        let seen = see(response).await;
        let cookie = seen.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("sid=s%3A") || cookie.starts_with("sid="), "{cookie}");
        assert_eq!(cookie.len(), "sid=s%3AaB3cD4eF5gH6iJ7kL8.mN9oP0qR1sT2uV3w".len());
        let login: Value = serde_json::from_slice(&seen.body).unwrap();
        let text = |name: &str| login[name].as_str().unwrap();
        assert!(is_uuid(text("session_token")), "{login}");
        text("auth_token").parse::<u64>().expect("a number");
        assert!(text("private_token").starts_with("ghp_") && text("private_token").len() == 40, "{login}");
        assert_eq!(STANDARD.decode(text("secret_key")).expect("base64").len(), 25);
        assert!(
            text("client_secret").len() == 64
                && u128::from_str_radix(&text("client_secret")[..32], 16).is_ok()
        );
        let mut statuses = Vec::new();
        for name in ["session_token", "auth_token", "private_token", "secret_key", "client_secret"] {
            statuses.extend(send_back(&session, text(name)).await);
        }
        let request =
            session.client().unwrap().get(format!("http://{HOST}/use/cookie")).header("cookie", cookie);
        statuses.push(see(request.send().await.unwrap()).await.status);
        (statuses, seen.body.len() - text("password").len(), seen.headers.get("content-length").is_some())
    });
    project.assert_never("16C7e42F292c");
}

/// Two different tokens have two different stand-ins. The output of the test contains a token, and the snapshot is the
/// same while recording and on replay.
#[test]
fn two_tokens_and_the_output() {
    let api = Api::start(Speaks::Http1, |request| {
        let token = match request.uri().path() {
            "/one" => "9f8c2b7d4e1a6053Kq7Zx1",
            _ => "1f8c2b7d4e1a6053Kq7Zx2",
        };
        answer(200, JSON, json!({ "access_token": token }).to_string())
    });
    let (project, _) = Project::both(api, async |session: Session| {
        let one = get_json(&session, "/one").await["access_token"].clone();
        let two = get_json(&session, "/two").await["access_token"].clone();
        assert_ne!(one, two);
        assert_eq!(get_json(&session, "/one/again").await["access_token"], two);
        let line = format!("token,{}\n", one.as_str().unwrap());
        std::fs::write(session.output_dir().unwrap().join("tokens.csv"), line).unwrap();
    });
    project.assert_never("9f8c2b7d4e1a");
}

/// A cassette of an older version does not contain the syntax of tokens. Its replay gives the code under test the
/// placeholders.
#[test]
fn an_older_cassette_gives_placeholders() {
    let api =
        Api::start(Speaks::Http1, |_| answer(200, JSON, r#"{"access_token":"9f8c2b7d4e1a6053Kq7Zx1"}"#));
    let (config, project) = (api.config(), Project::new());
    let ask = async |session: Session| get_json(&session, "/").await["access_token"].clone();
    project.record(config.clone(), &ask);
    drop(api);
    let mut cassette: Value = serde_json::from_str(&project.text()).unwrap();
    cassette["_metadata"].as_object_mut().unwrap().remove("tokens").expect("the syntaxes");
    project.write(&cassette.to_string());
    assert_eq!(project.replay(config.clone(), &ask), "[access_token:1]");
    cassette["_metadata"]["tokens"] = json!({"access_token:1": "[0-9}"});
    project.write(&cassette.to_string());
    let failure = project.run(Mode::Replay, config, &ask).unwrap_err().to_string();
    assert!(failure.contains("`_metadata.tokens`, entry `access_token:1`"), "{failure}");
    assert!(failure.contains("weather/berlin.json"), "{failure}");
}

/// In mode `append`, the response to the login comes from the cassette. So the client sends the stand-in to the real
/// server, which does not know it. The new interaction contains the placeholder. In mode `verify`, the server gets its
/// own token.
#[test]
fn stand_ins_meet_real_servers() {
    let serve = |request: http::Request<bytes::Bytes>| match request.uri().path() {
        "/login" => answer(200, JSON, json!({"access_token": "9f8c2b7d4e1a6053Kq7Zx1"}).to_string()),
        _ => {
            let sent =
                request.headers()["authorization"].to_str().unwrap() == "Bearer 9f8c2b7d4e1a6053Kq7Zx1";
            answer(200, JSON, json!({ "known": sent }).to_string())
        }
    };
    let api = Api::start(Speaks::Http1, serve);
    let (config, project) = (api.config(), Project::new());
    let flow = |paths: &'static [&'static str]| {
        async move |session: Session| {
            let token = get_json(&session, "/login").await["access_token"].as_str().unwrap().to_owned();
            let mut known = Vec::new();
            for path in paths {
                let request = session.client().unwrap().get(format!("http://{HOST}{path}"));
                let request = request.header("authorization", format!("Bearer {token}"));
                let body = see(request.send().await.unwrap()).await.body;
                known.push(serde_json::from_slice::<Value>(&body).unwrap()["known"].clone());
            }
            (token, known)
        }
    };
    let (_, known) = project.record(config.clone(), &flow(&["/a"]));
    assert_eq!(known, [true]);
    let ((token, known), _) =
        project.run(Mode::Verify, config.clone(), &flow(&["/a"])).expect("nothing has changed");
    assert_ne!(token, "9f8c2b7d4e1a6053Kq7Zx1");
    assert_eq!(known, [true]);
    let ((stand_in, known), _) =
        project.run(Mode::Append, config.clone(), &flow(&["/a", "/b"])).expect("appended");
    assert_eq!(known, [true, false], "the server does not know the stand-in");
    assert_eq!(stand_in, token, "the same each time");
    project.assert_never(&stand_in);
    drop(api);
    assert_eq!(project.replay(config, &flow(&["/a", "/b"])), (token, known));
}

/// The client verifies the signature of its `id_token`, so the configuration must keep this field. Without that option,
/// the test fails, and the failure names the option.
#[test]
fn an_id_token_that_is_verified() {
    let serve = |request: http::Request<bytes::Bytes>| match request.uri().path() {
        "/token" => {
            let claims =
                json!({"iss": "https://id.test/", "aud": "app", "exp": seconds() + 600, "nonce": "n-1"});
            answer(200, JSON, json!({"id_token": jwt(&claims), "token_type": "Bearer"}).to_string())
        }
        _ => answer(200, JSON, "{}"),
    };
    let flow = async |session: Session| -> Result<Vec<u16>, String> {
        let token = get_json(&session, "/token").await["id_token"].as_str().unwrap().to_owned();
        verify(&token)?;
        let claims = part(&token, 1);
        assert!(claims["exp"].as_u64() > Some(seconds()), "valid at the frozen time");
        assert_eq!((&claims["aud"], &claims["nonce"]), (&json!("app"), &json!("n-1")));
        Ok(send_back(&session, &token).await)
    };
    let run = |project: &Project, mode: Mode, config: Config| {
        let body = async |session| flow(session).await.map_err(cassette::TestError::from);
        project.builder(mode, config).run_async(body)
    };

    let api = Api::start(Speaks::Http1, serve);
    let (config, project) = (api.config(), Project::new());
    run(&project, Mode::Record, config.clone()).expect("recorded");
    drop(api);
    let failure = run(&project, Mode::Replay, config).unwrap_err().to_string();
    assert!(failure.contains("the signature is invalid"), "{failure}");
    assert!(failure.contains("without a valid signature"), "{failure}");
    assert!(failure.contains(".keep_field(\"id_token\")"), "{failure}");

    let api = Api::start(Speaks::Http1, serve);
    let (config, project) = (api.config().keep_field("id_token"), Project::new());
    let (recorded, _) = run(&project, Mode::Record, config.clone()).expect("the kept token is no leak");
    drop(api);
    let (replayed, _) = run(&project, Mode::Replay, config).expect("the signature is valid");
    assert_eq!(replayed, recorded);
}

/// The API is unchanged, so two recordings differ only in the times in their token. The summary says that nothing has
/// changed.
#[test]
fn a_new_token_changes_only_times() {
    let issued = std::sync::atomic::AtomicU64::new(seconds());
    let api = Api::start(Speaks::Http1, move |_| {
        let at = issued.fetch_add(7, std::sync::atomic::Ordering::Relaxed);
        let claims = json!({"aud": "api", "exp": at + 3600, "iat": at, "jti": format!("{at:032x}")});
        answer(200, JSON, json!({"access_token": jwt(&claims)}).to_string())
    });
    let (config, project) = (api.config(), Project::new());
    let ask = async |session: Session| get_json(&session, "/").await;
    project.record(config.clone(), &ask);
    let before = project.text();
    let (_, summary) = project.run(Mode::Record, config, &ask).expect("recorded");
    assert_ne!(project.text(), before, "the times are the new ones");
    assert!(!summary.changed, "{before}");
}
