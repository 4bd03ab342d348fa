//! Tests the sources of secrets: the `Config`, environment variables, a secrets file, and the configuration of a
//! component. Also tests that cassette reports an unusable secret before it records anything.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::Project;

/// An environment variable that cargo sets for tests, so it always has a value here.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";
const SENT: &str = concat!(
    "one-value1 two-value2 three-value3 four-value4 4915290371 plain-value [",
    env!("CARGO_MANIFEST_DIR"),
    "]"
);

#[test]
fn every_source() {
    let folder = tempfile::tempdir().unwrap();
    let (secrets, component) = (folder.path().join("secrets.json"), folder.path().join("config.json"));
    fs::write(&secrets, r#"{"db": {"list": ["two-value2", "{\"inner\": \"three-value3\"}"]}, "port": 443}"#)
        .unwrap();
    fs::write(
        &component,
        r##"{"parameters": {"deep": [{"#token": "four-value4"}], "#pin": 4915290371, "note": "plain-value"}}"##,
    )
    .unwrap();
    let api = Api::start(Speaks::Http1, |_| answer(200, &[("content-type", "text/plain")], SENT));
    let (project, plain) = (Project::new(), api.config());
    let config = plain
        .clone()
        .secret("KEY", "one-value1")
        .secret("UNSET", "")
        .secret_from_env(VARIABLE)
        .secret_from_env("A_VARIABLE_THAT_NOBODY_SETS")
        .secrets_file(&secrets)
        .secrets_file(folder.path().join("no-such-file.json"))
        .secrets_from_config(&component);
    let ask = async |session: cassette::Session| {
        see(session.client().unwrap().get(format!("http://{HOST}/x")).send().await.unwrap()).await.body
    };
    assert_eq!(project.record(config.clone(), &ask), SENT);
    drop(api);
    assert_eq!(project.replay(config, &ask), SENT, "filled in again");
    let stored = "{{secret.KEY}} {{secret.db.list.0}} {{secret.db.list.1.inner}} \
                  {{secret.parameters.deep.0.token}} {{secret.parameters.pin}} plain-value \
                  [{{secret.CARGO_MANIFEST_DIR}}]";
    assert_eq!(project.replay(plain, &ask), stored, "who has no values sees what is stored");
}

/// The client follows a link that contains a secret whose name begins with `#`. The placeholder must not contain the
/// `#`, because the client would take it for the start of a fragment. The test replays with and without the value.
#[test]
fn a_marked_secret_in_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("config.json");
    fs::write(&component, r##"{"parameters": {"#token": "four-value4"}}"##).unwrap();
    let api = Api::start(Speaks::Http1, |request| {
        let next = format!("http://{HOST}/x?note=four-value4&page=");
        let body =
            match request.uri().query().and_then(|query| query.rsplit_once("page=")).map(|(_, page)| page) {
                Some(page) => format!("page {page}"),
                None => format!("{next}1 {next}2"),
            };
        answer(200, &[("content-type", "text/plain")], body)
    });
    let (project, plain) = (Project::new(), api.config());
    let config = plain.clone().secrets_from_config(&component);
    let ask = async |session: cassette::Session| {
        let client = session.client().unwrap();
        let get = async |url: String| {
            String::from_utf8(see(client.get(url).send().await.unwrap()).await.body.into()).unwrap()
        };
        let links = get(format!("http://{HOST}/x")).await;
        // Follows the links in reverse order, to check that each link leads to its own response.
        let mut pages = Vec::new();
        for link in links.split(' ').rev() {
            pages.push(get(link.to_owned()).await);
        }
        let secret = session.secret("parameters.#token");
        pages.push(get(format!("http://{HOST}/x?note={secret}&page=3")).await);
        pages
    };
    let pages = ["page 2", "page 1", "page 3"];
    assert_eq!(project.record(config.clone(), &ask), pages);
    drop(api);
    assert_eq!(project.replay(config.clone(), &ask), pages);
    assert_eq!(project.replay(plain.clone(), &ask), pages, "without the value");
    // The placeholders in older cassettes contain the `#`.
    let text = project.text();
    assert!(text.contains("note={{secret.parameters.token}}&page=2"), "{text}");
    let old = text.replace("{{secret.parameters.token", "{{secret.parameters.#token");
    project.write(&old);
    assert_eq!(project.replay(config, &ask), pages);
    assert_eq!(project.replay(plain, &ask), pages);
}

/// On replay, cassette ignores a secret that is too short, whatever its source. If a request does not match, the report
/// says where to change the secret.
#[test]
fn a_dummy_on_replay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets.json");
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], "your key is one-value1"));
    let (project, plain) = (Project::new(), api.config());
    let ask = |key: &'static str| {
        async move |session: cassette::Session| {
            let url = format!("http://{HOST}/x?note={key}");
            see(session.client().unwrap().get(url).send().await.unwrap()).await.body
        }
    };
    project.record(plain.clone().secret("key", "one-value1"), &ask("one-value1"));
    drop(api);
    for config in [plain.clone().secret("key", "test"), plain.clone().secrets_file(&file)] {
        fs::write(&file, r#"{"key": "test"}"#).unwrap();
        let found = project.replay(config.clone(), &ask("{{secret.key}}"));
        assert_eq!(found, "your key is {{secret.key}}");
    }
    let miss = |config| project.run(Mode::Replay, config, &ask("test")).unwrap_err().to_string();
    let message = miss(plain.clone().secret("key", "test"));
    let code = "give key any value of six characters or more in the test's `Config`: the recorded request contains {{secret.key}}";
    assert!(message.contains(code), "{message}");
    let message = miss(plain.clone().secrets_file(&file));
    let in_file = format!("give key any value of six characters or more in {}: ", file.display());
    assert!(message.contains(&in_file) && message.contains("is shorter than 6 bytes"), "{message}");
    assert!(!message.contains(".ignore_query"), "{message}");
    let message = miss(plain.secret("key", "other-value"));
    assert!(!message.contains("of six characters"), "it has a value: {message}");
}

#[track_caller]
fn refused(config: Config, expected: &[&str]) {
    let failed = Project::new().run(Mode::Record, config, &async |_| ());
    let message = failed.unwrap_err().to_string();
    for part in expected {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn an_unusable_secret_is_an_error() {
    refused(Config::new().secret("PIN", "abc12"), &["secret PIN", "shorter than 6 bytes"]);
    refused(Config::new().secret("FLAG", "password"), &["secret FLAG", "cannot be redacted"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets.json");
    fs::write(&file, r#"{"db": {"pin": "q7#z"}}"#).unwrap();
    let help = "move it to another file";
    refused(Config::new().secrets_file(&file), &["db.pin", "shorter than 6 bytes", "secrets.json", help]);
    fs::write(&file, r##"{"a": [{"#pin": "q7#z"}]}"##).unwrap();
    refused(Config::new().secrets_from_config(&file), &["a.0.#pin", "shorter than 6 bytes"]);
    fs::write(&file, "{").unwrap();
    refused(Config::new().secrets_file(&file), &["not JSON", "secrets.json"]);
}

/// A misspelt name in a rule is an error. Otherwise the rule would have no effect, and a secret would stay in clear
/// text.
#[test]
fn misspelt_rules_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.json");
    let message = |config: Config, expected: &[&str]| {
        for mode in [Mode::Record, Mode::Replay] {
            let failed = Project::new().run(mode, config.clone(), &async |_| ()).unwrap_err().to_string();
            for part in expected {
                assert!(failed.contains(part), "{mode:?}: {failed}");
            }
        }
    };
    message(
        Config::new().redact_header("a b"),
        &["`redact_header(\"a b\")`: this can't be the name of a header"],
    );
    message(Config::new().redact_field(""), &["`redact_field(\"\")`"]);
    message(
        Config::new().redact_field("*_token"),
        &["`redact_field(\"*_token\")`: `*` is not a wildcard here"],
    );
    message(
        Config::new().redact_before_read("users/*/x"),
        &["a JSON pointer begins with `/`: did you mean \"/users/*/x\"?"],
    );
    message(Config::new().redact_url("(?<a>)"), &["`(?<a>)` matches an empty text"]);
    message(Config::new().redact_pointer("users/email"), &["\"users/email\" is not a JSON pointer", "`/`"]);
    message(Config::new().redact_url("("), &["`(` is not a regular expression for URLs: ", "closing"]);
    let links = Config::new().redact_links("https://cdn.example.com/", ["x"]);
    message(links, &["this is not a domain: did you mean \"cdn.example.com\"?"]);
    message(
        Config::new().keep_field("tokn"),
        &["`keep_field(\"tokn\")`", "did you mean `.keep_field(\"token\")`?"],
    );
    message(Config::new().keep_field("x-forwarded-access-token"), &[".without_rule(\"CAS0157\")"]);
    fs::create_dir(&file).unwrap();
    message(Config::new().secrets_file(&file), &["s.json: could not read: "]);
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "[".repeat(300)).unwrap();
    message(Config::new().secrets_file(&file), &["s.json: ", "nested deeper than 256 levels"]);
    let fine = Config::new().redact_field("pin").keep_field("pin").keep_field("token").keep_field("token");
    Project::new().record(fine.allow_header("x-*").allow_header("*").keep_cookie("theme"), &async |_| ());
}

/// `allow_header` refuses headers with credentials, unless the configuration also removes the rule that redacts them.
#[test]
fn credentials_are_not_allowed_by_accident() {
    for (name, rules) in [
        ("Authorization", &["CAS0012 header authorization", "CAS0044 field authorization"][..]),
        ("set-cookie", &["CAS0003 header set-cookie"]),
        ("x-api-key", &["CAS0144 field x_api_key"]),
    ] {
        let config = Config::new().allow_header(name);
        let failed = Project::new().run(Mode::Record, config.clone(), &async |_| ()).unwrap_err().to_string();
        let without = |config: Config, rule: &&str| config.without_rule(&rule[..7]);
        for rule in rules {
            assert!(
                failed.contains(rule) && failed.contains(&format!(".without_rule(\"{}\")", &rule[..7])),
                "{failed}"
            );
        }
        Project::new().record(rules.iter().fold(config, without), &async |_| ());
    }
}

/// Redaction cannot replace a value if a line break interrupts it. The report names the request and the part, because
/// the files of the recording are removed.
#[test]
fn the_report_of_a_leak_names_the_interaction() {
    let api = Api::start(Speaks::Http1, |request| {
        let (kind, body) = match request.uri().path() {
            "/long" => ("text/plain", "filler\n".repeat(200) + "one-va\nlue1"),
            "/lines" => ("text/plain", "first\n one-va\nlue1".to_owned()),
            "/json" => {
                ("application/json", r#"{"notes":[{"text":"-"},{"text":"a one-va\nlue1"}]}"#.to_owned())
            }
            _ => ("text/plain", "nothing".to_owned()),
        };
        answer(200, &[("content-type", kind)], body)
    });
    let refused = |paths: &'static [&'static str]| {
        let project = Project::new();
        let config = api.config().secret("KEY", "one-value1").inline_limit(1000);
        let failed = project.run(Mode::Record, config, &async |session| {
            let client = session.client().unwrap();
            for path in paths {
                see(client.get(format!("http://{HOST}{path}")).send().await.unwrap()).await;
            }
        });
        let message = failed.unwrap_err().to_string();
        assert!(message.contains("KEY, split over lines"), "{message}");
        assert!(!message.contains("one-va") && !message.contains("at byte"), "{message}");
        assert!(
            project.files().keys().all(|file| !file.contains(".recording")),
            "{:?}",
            project.files().keys()
        );
        message
    };
    let message = refused(&["/", "/lines?a=1"]);
    let place = format!("interaction 2: GET http://{HOST}/lines?a=1\n    body of the response, line 2\n");
    assert!(message.contains(&place) && message.contains("`Config::redact_body_with`"), "{message}");
    let message = refused(&["/", "/", "/long"]);
    let place = format!("interaction 3: GET http://{HOST}/long\n    body of the response, line 201\n");
    assert!(message.contains(&place), "{message}");
    let message = refused(&["/json"]);
    assert!(message.contains("body of the response, at /notes/1/text\n"), "{message}");
    assert!(message.contains(".redact_pointer(\"/notes/1/text\")"), "{message}");
    // The option that the report suggests prevents the leak.
    let config = api.config().secret("KEY", "one-value1").redact_pointer("/notes/1/text");
    let body = Project::new().record(config, &async |session| {
        see(session.client().unwrap().get(format!("http://{HOST}/json")).send().await.unwrap()).await.status
    });
    assert_eq!(body, 200);
}

/// With the suggested rule, a client that follows a link in a response still gets the same recording.
#[test]
fn the_suggestion_for_a_leak_in_a_link_keeps_the_test_working() {
    const SID: &str = "uGNZaqj0WmqfmGdMmGb0SHx70DWiwP";
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/login" => {
            let cookie = format!("sid={SID}; Path=/");
            answer(302, &[("location", &format!("/app/{SID}/home")), ("set-cookie", &cookie)], "")
        }
        "/json" => {
            let json = format!(r#"{{"href":"http://{HOST}/app/{SID}/home","token":"{SID}"}}"#);
            answer(200, &[("content-type", "application/json")], json)
        }
        path if *path == format!("/app/{SID}/home") => answer(200, &[], "at home"),
        path => answer(404, &[], format!("no {path}")),
    });
    for start in ["login", "json"] {
        let body = async |session: cassette::Session| {
            let client = session.client().unwrap();
            let get = async |url: &str| client.get(url).send().await.unwrap().text().await.unwrap();
            let text = get(&format!("http://{HOST}/{start}")).await;
            let Some((_, rest)) = text.split_once("\"href\":\"") else { return text };
            get(rest.split('"').next().unwrap()).await
        };
        let project = Project::new();
        let message = project.run(Mode::Record, api.config(), &body).unwrap_err().to_string();
        let pattern = match start {
            "login" => "/app/(?<cookie>[^/?#]+)/",
            _ => "/app/(?<token>[^/?#]+)/",
        };
        assert!(message.contains(&format!("fix: .redact_url({pattern:?})\n")), "{message}");
        let config = api.config().redact_url(pattern);
        assert_eq!(project.record(config.clone(), &body), "at home");
        assert!(!project.text().contains(SID), "{}", project.text());
        assert_eq!(project.replay(config, &body), "at home");
    }
}

#[test]
fn a_leak_in_the_output_names_the_file() {
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], "nothing"));
    let refused = |write: fn(&Path)| {
        let config = api.config().secret("KEY", "one-value1");
        let failed = Project::new().run(Mode::Record, config, &async |session| {
            see(session.client().unwrap().get(format!("http://{HOST}/")).send().await.unwrap()).await;
            fs::write(session.output_dir().unwrap().join("a.txt"), "first").unwrap();
            write(session.output_dir().unwrap());
        });
        let message = failed.unwrap_err().to_string();
        assert!(!message.contains("one-value1"), "{message}");
        message
    };
    let message = refused(|dir| fs::write(dir.join("one-value1.txt"), "text").unwrap());
    assert!(message.contains("the name of an output file\n"), "{message}");
    #[cfg(unix)]
    {
        let message = refused(|dir| std::os::unix::fs::symlink("/x/one-value1", dir.join("link")).unwrap());
        assert!(message.contains("a name that the snapshot lists for the output file link\n"), "{message}");
    }
}

/// cassette cannot redact a text in such a charset. Short texts are stored as base64 in the document, long texts in
/// body files.
#[test]
fn a_secret_in_another_charset() {
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let latin = |text: &str| text.chars().map(|c| u32::from(c) as u8).collect::<Vec<u8>>();
    type Write<'w> = (&'w str, &'w dyn Fn(&str) -> Vec<u8>);
    let writers: [Write<'_>; 3] = [("utf-16le", &little), ("utf-16be", &big), ("iso-8859-1", &latin)];
    for (charset, write) in writers {
        let filler = "filler, ".repeat(40_000);
        let befores = ["", "x", "xy", "xyz", &filler];
        // A secret of ASCII characters is a special case in UTF-16: without the zero bytes, the text is UTF-8. So for
        // UTF-16 the test tries a second secret, of ASCII characters only.
        let secrets = ["Gr\u{fc}nkohl-9", "kohl\"-9x1"].into_iter().take(if charset.starts_with("utf") {
            2
        } else {
            1
        });
        for (before, secret) in secrets.flat_map(|secret| befores.map(|before| (before, secret))) {
            let sent = write(&format!("{before}{secret} and more"));
            let kind = format!("text/plain; charset={charset}");
            let api =
                Api::start(Speaks::Http1, move |_| answer(200, &[("content-type", &kind)], sent.clone()));
            let failed = Project::new().run(
                Mode::Record,
                api.config().secret("KEY", secret),
                &async |s: cassette::Session| {
                    see(s.client().unwrap().get(format!("http://{HOST}/x")).send().await.unwrap()).await;
                },
            );
            let message = failed.expect_err(charset).to_string();
            // The failure names the encoding in which the check found the secret.
            let written = if charset.starts_with("utf") { "UTF-16" } else { "Latin-1" };
            assert!(message.contains(&format!("  KEY, in {written}\n")), "{charset}: {message}");
            assert!(message.contains("body of the response"), "{charset}: {message}");
        }
    }
}

/// Redaction cannot replace a value in a compressed file, whatever the name of the file. The final leak check finds the
/// value.
#[test]
fn a_leak_in_a_compressed_file_is_found() {
    let api = Api::start(Speaks::Http1, |_| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(b"id,key\n1,one-value1\n").unwrap();
        answer(200, &[("content-type", "text/csv")], packed.finish().unwrap())
    });
    let body = async |session: Session| {
        let answer = session.client().unwrap().get(format!("http://{HOST}/a.csv.gz")).send().await.unwrap();
        see(answer).await.body
    };
    // With the first limit the body is in a body file, with the second limit in the document.
    for (limit, part) in [(1, "body of the response, line 2\n"), (1000, "body of the response\n")] {
        let config = api.config().secret("KEY", "one-value1").inline_limit(limit);
        let message = Project::new().run(Mode::Record, config.clone(), &body).unwrap_err().to_string();
        let place = format!("interaction 1: GET http://{HOST}/a.csv.gz\n    {part}");
        assert!(message.contains("KEY, as it is, unpacked\n") && message.contains(&place), "{message}");
        assert!(message.contains("fix: `Config::redact_body_with`\n"), "{message}");
        let config = config.redact_body_with("export", |_| true, |_, _| b"id,key\n".to_vec());
        Project::new().record(config, &body);
    }
}
