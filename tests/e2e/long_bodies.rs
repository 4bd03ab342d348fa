//! Tests that request bodies above the inline limit are compared by their meaning, as short ones are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use cassette::Session;

use crate::api::{Api, Speaks, answer};
use crate::project::Project;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Records the first of two requests, stops the server, and replays the second one. The result is that of the replay.
#[track_caller]
fn check(bodies: [(String, Vec<u8>); 2]) -> Result<(), String> {
    let api = Api::start(Speaks::Http1, |_| answer(201, &[], "stored"));
    let (project, config, url) = (Project::new(), api.config(), api.url("/upload"));
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
    match project.run(cassette::Mode::Replay, config, &body) {
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
        check([upload("1f2e3d4c", "a", &file), upload("a0b1c2d3e4f5", "a", &file)]).unwrap();
    }
}

#[test]
fn a_changed_part_is_named() {
    let (file, mut other) = (file(200 << 10), file(200 << 10));
    other[100_000] ^= 1;
    fails([upload("1f2e3d4c", "a", &file), upload("a0b1c2d3", "a", &other)], &["part `file`", "SHA-256"]);
    fails([upload("1f2e3d4c", "old", &file), upload("a0b1c2d3", "new", &file)], &["part `title`"]);
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
