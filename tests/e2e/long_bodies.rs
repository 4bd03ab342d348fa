//! Tests that request bodies above the inline limit are compared by their meaning, as short ones are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use cassette::{Config, Mode, Session};
use sha2::{Digest as _, Sha256};

use crate::api::{Api, HOST, Speaks, answer};
use crate::project::Project;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[track_caller]
fn check(bodies: [(String, Vec<u8>); 2]) -> Result<(), String> {
    check_with(bodies, |config| config)
}

/// Records the first of two requests, stops the server, and replays the second one. The result is that of the replay.
#[track_caller]
fn check_with(bodies: [(String, Vec<u8>); 2], options: fn(Config) -> Config) -> Result<(), String> {
    let api = Api::start(Speaks::Http1, |_| answer(201, &[], "stored"));
    let (project, config, url) = (Project::new(), options(api.config()), api.url("/upload"));
    let attempts = AtomicUsize::new(0);
    let body = async |session: Session| {
        let (content_type, body) = bodies[attempts.fetch_add(1, Ordering::Relaxed).min(1)].clone();
        let request = session.client().unwrap().post(&url).header("content-type", content_type).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let recorded = project.record(config.clone().prove(false), &body);
    attempts.store(1, Ordering::Relaxed);
    assert_eq!(recorded, (201, "stored".to_owned()));
    drop(api);
    let bodies_folder = project.files().into_keys().any(|name| name.contains(".bodies/"));
    assert!(bodies_folder, "the body is above the inline limit");
    match project.run(Mode::Replay, config, &body) {
        Ok((replayed, _)) => {
            assert_eq!(replayed, recorded);
            Ok(())
        }
        Err(failure) => Err(failure.to_string()),
    }
}

#[track_caller]
fn fails(bodies: [(String, Vec<u8>); 2], expected: &[&str]) {
    let failure = check(bodies).expect_err("the bodies differ");
    for expected in expected {
        assert!(failure.contains(expected), "`{expected}` is not in\n{failure}");
    }
}

/// An upload of a file with a title, as clients send it.
fn upload(boundary: &str, title: &str, file: &[u8]) -> (String, Vec<u8>) {
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n{title}\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

fn file(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn a_multipart_upload_with_a_random_boundary() {
    for len in [200 << 10, 5 << 20] {
        let file = file(len);
        // reqwest, browsers and curl make such boundaries.
        for boundaries in [
            [
                "8f14e45fceea167a-5a36dedd4bea2543-b6d767d2f8ed5d21",
                "c9f0f895fb98ab91-45c48cce2e2d7fbd-a1d0c6e83f027327",
            ],
            ["----WebKitFormBoundaryePkpFF7tjBAqx29L", "----WebKitFormBoundary7MA4YWxkTrZu0gW1"],
            ["------------------------d74496d66958873e", "------------------------9051914041544843"],
        ] {
            check(boundaries.map(|boundary| upload(boundary, "a", &file))).unwrap();
        }
    }
}

#[test]
fn a_changed_part_is_named() {
    let (file, mut other) = (file(200 << 10), file(200 << 10));
    other[100_000] ^= 1;
    let fails = |recorded, requested, expected: &[&str]| {
        fails([upload("1f2e3d4c", "old", recorded), requested], expected);
    };
    let same_length = "part `file` of the body, by its SHA-256: other bytes of the same length (204800 B)";
    fails(&file, upload("a0b1c2d3", "old", &other), &[same_length]);
    let lengths = ["part `file` of the body, by its SHA-256", "- 204800 B", "+ 204799 B"];
    fails(&file, upload("a0b1c2d3", "old", &file[1..]), &lengths);
    fails(
        &file,
        upload("a0b1c2d3", "new", &file),
        &["part `title` of the body, from byte 0 on", "- old", "+ new"],
    );
}

/// A document with 5,000 members, in an order that differs from call to call.
fn members(change: Option<(&str, &str)>) -> (String, Vec<u8>) {
    let mut members: HashMap<String, String> =
        (0..5_000).map(|n| (format!("member-{n}"), format!("the value with the number {n}"))).collect();
    if let Some((name, value)) = change {
        members.insert(name.to_owned(), value.to_owned());
    }
    (JSON.to_owned(), serde_json::to_vec(&members).unwrap())
}

#[test]
fn json_with_its_members_in_another_order() {
    let bodies = [members(None), members(None)];
    assert_ne!(bodies[0].1, bodies[1].1, "the order differs");
    check(bodies).unwrap();
}

#[test]
fn a_changed_member_is_named() {
    fails(
        [members(None), members(Some(("member-4321", "changed")))],
        &["/member-4321", "changed", "number 4321"],
    );
    fails([members(None), members(Some(("more", "added")))], &["/more", "added"]);
}

#[test]
fn a_form_in_another_order() {
    let field = |n: usize| format!("field-{n}=the+value+{n}");
    let form = |fields: Vec<String>| (FORM.to_owned(), fields.join("&").into_bytes());
    let all: Vec<String> = (0..5_000).map(field).collect();
    let reversed: Vec<String> = all.iter().rev().map(|field| field.replace('+', "%20")).collect();
    check([form(all.clone()), form(reversed.clone())]).unwrap();
    let mut changed = reversed;
    changed[1_000] = "field-3999=other".to_owned();
    fails([form(all), form(changed)], &["field-3999", "the value 3999", "other"]);
}

#[test]
fn json_that_ends_too_early_is_compared_by_its_bytes() {
    let broken = || {
        let (content_type, mut body) = members(None);
        body.pop();
        (content_type, body)
    };
    let same = broken();
    check([same.clone(), same]).unwrap();
    fails([broken(), broken()], &["SHA-256"]);
}

/// A document of more than 64 KiB that begins with these members.
fn padded(members: &str) -> (String, Vec<u8>) {
    (JSON.to_owned(), format!("{{{members}, \"pad\": \"{}\"}}", "x".repeat(100_000)).into_bytes())
}

#[test]
fn ignored_members() {
    let bodies = |other| [padded(r#""at": 1, "n": [{"key": 1}]"#), padded(other)];
    let check = |other| check_with(bodies(other), |config| config.ignore_json("/at").ignore_json("/n/*/key"));
    check(r#""n": [{"key": [2]}], "at": {"b": 2}"#).unwrap();
    check(r#""n": [{}]"#).unwrap();
    let failure = check(r#""n": [{"key": 1, "more": true}]"#).unwrap_err();
    assert!(failure.contains("/n/0/more"), "{failure}");
    fails(bodies(r#""at": 2, "n": [{"key": 1}]"#), &["/at"]);
}

#[test]
fn ignored_fields() {
    let form = |sent_at: &str| {
        (FORM.to_owned(), format!("sent_at={sent_at}&pad={}", "x".repeat(100_000)).into_bytes())
    };
    check_with([form("1"), form("2")], |config| config.ignore_form("sent_at")).unwrap();
    fails([form("1"), form("2")], &["sent_at"]);
}

/// The numbers of placeholders depend on the order of the values, and do not count.
#[test]
fn numbered_placeholders() {
    let tokens = |a: &str, b: &str| {
        padded(&format!(r#""a": {{"access_token": "{a}"}}, "b": {{"access_token": "{b}"}}"#))
    };
    let (one, two) = ("tok-5f3a9c1e7b2d4086", "tok-0d9e8c7b6a5f4e3d");
    check([tokens(one, two), tokens(two, two)]).unwrap();
    let multipart = |a: &str, boundary| upload(boundary, "a", &tokens(a, two).1);
    check([multipart(one, "1f2e3d4c"), multipart(two, "a0b1c2d3")]).unwrap();
}

/// A cassette of an older version has nothing but the hash of a long body, and its file.
#[test]
fn an_old_cassette() {
    let project = Project::new();
    let file = file(200 << 10);
    let (content_type, recorded) = upload("1f2e3d4c", "a", &file);
    let hash: String = Sha256::digest(&recorded).iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = project.path("tests/cassettes/weather/berlin.bodies");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{hash}.bin")), &recorded).unwrap();
    project.write(&format!(
        r#"{{"version": 2, "interactions": [{{
            "request": {{
                "method": "POST", "uri": "http://{HOST}/upload", "headers": {{"content-type": "{content_type}"}},
                "body": {{"file": "{hash}.bin", "size": {}, "sha256": "{hash}"}}
            }},
            "response": {{
                "status": 201, "version": "HTTP/1.1", "headers": {{"content-type": "text/plain"}},
                "body": {{"text": "stored"}}
            }}
        }}]}}"#,
        recorded.len()
    ));
    let replayed = project.replay(Config::new(), &async |session: Session| {
        let (content_type, body) = upload("a0b1c2d3", "a", &file);
        let url = format!("http://{HOST}/upload");
        let request = session.client().unwrap().post(url).header("content-type", content_type).body(body);
        request.send().await.unwrap().text().await.unwrap()
    });
    assert_eq!(replayed, "stored");
}

/// The content chooses among uploads to the same URL, and the recorded order among uploads of the same content.
#[test]
fn several_uploads_to_one_url() {
    let answers = AtomicUsize::new(0);
    let api = Api::start(Speaks::Http1, move |_| {
        answer(201, &[], format!("answer {}", answers.fetch_add(1, Ordering::Relaxed)))
    });
    let (project, config, url) = (Project::new(), api.config().prove(false), api.url("/upload"));
    let contents = [file(200 << 10), file(300 << 10)];
    let send = |uploads: [(usize, &'static str); 4]| {
        let (url, contents) = (&url, &contents);
        async move |session: Session| {
            let http = session.client().unwrap();
            let mut texts = Vec::new();
            for (n, boundary) in uploads {
                let (content_type, body) = upload(boundary, "a", &contents[n]);
                let request = http.post(url).header("content-type", content_type).body(body);
                texts.push(request.send().await.unwrap().text().await.unwrap());
            }
            texts
        }
    };
    project.record(config.clone(), &send([(0, "b0"), (1, "b1"), (0, "b2"), (1, "b3")]));
    drop(api);
    // The second upload has the same bytes as the third recording, and the others have new boundaries.
    let replayed = project.replay(config, &send([(1, "c0"), (0, "b2"), (0, "c2"), (1, "c3")]));
    assert_eq!(replayed, ["answer 1", "answer 2", "answer 0", "answer 3"]);
}

/// A body that was recorded in a file equals one within a greater inline limit, if the bytes are the same.
#[test]
fn a_greater_inline_limit_on_replay() {
    let api = Api::start(Speaks::Http1, |_| answer(201, &[], "stored"));
    let (project, config, url) = (Project::new(), api.config(), api.url("/upload"));
    let body = async |session: Session| {
        let request = session.client().unwrap().post(&url).header("content-type", "application/octet-stream");
        request.body(file(200 << 10)).send().await.unwrap().text().await.unwrap()
    };
    project.record(config.clone(), &body);
    drop(api);
    assert_eq!(project.replay(config.inline_limit(1 << 20), &body), "stored");
}

/// Two clients begin equal uploads, and get the id of the other one on replay. The files have random boundaries.
#[test]
fn uploads_under_ids_that_answers_gave() {
    let begun = AtomicUsize::new(0);
    let api = Api::start(Speaks::Http1, move |request| match request.uri().path() {
        "/uploads" => {
            let n = begun.fetch_add(1, Ordering::Relaxed);
            answer(
                201,
                &[("content-type", JSON)],
                format!(r#"{{"upload_id": "up-{}c0ffee{n}"}}"#, n * 7919 + 4711),
            )
        }
        path => answer(200, &[], format!("{path}: {} bytes", request.body().len())),
    });
    let (project, config, url) = (Project::new(), api.config().prove(false), api.url("/uploads"));
    let files = [file(200 << 10), file(300 << 10)];
    let send = |order: [usize; 2], boundary: &'static str| {
        let (url, files) = (&url, &files);
        async move |session: Session| {
            let http = session.client().unwrap();
            let mut ids = [String::new(), String::new()];
            for n in order {
                let answer: serde_json::Value =
                    serde_json::from_str(&http.post(url).send().await.unwrap().text().await.unwrap())
                        .unwrap();
                ids[n] = answer["upload_id"].as_str().unwrap().to_owned();
            }
            let mut texts = Vec::new();
            for n in order {
                let title = http.put(format!("{url}/{}/title", ids[n])).body(format!("title of {n}"));
                title.send().await.unwrap().error_for_status().unwrap();
            }
            for n in [0, 1] {
                let (content_type, body) = upload(boundary, "a", &files[n]);
                let put = http.put(format!("{url}/{}/file", ids[n])).header("content-type", content_type);
                let text = put.body(body).send().await.unwrap().text().await.unwrap();
                texts.push(text.replace(&ids[n], "ID"));
            }
            texts
        }
    };
    let recorded = project.record(config.clone(), &send([0, 1], "1f2e3d4c"));
    drop(api);
    assert_ne!(recorded[0], recorded[1]);
    for order in [[0, 1], [1, 0]] {
        assert_eq!(project.replay(config.clone(), &send(order, "a0b1c2d3")), recorded, "{order:?}");
    }
}
