//! The errors of the reader about malformed and hostile files.

use super::*;
use crate::tape::outline::CHUNK;

/// Writes `text` as a document and reads all of it. Reading must fail with the error `expected`.
#[track_caller]
fn check(text: &str, expected: &str) {
    check_within(&Limits::default(), text, expected);
}

#[track_caller]
fn check_within(limits: &Limits, text: &str, expected: &str) {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.files().folder()).unwrap();
    std::fs::write(dir.files().document(), text).unwrap();
    let e = read_all(&dir.files(), limits).expect_err("it should be refused");
    assert_eq!(e.path(), Some(dir.files().document().as_path()));
    let text = e.to_string();
    let (_, found) = text.split_once("berlin.json:").unwrap();
    assert_eq!(found.trim_start(), expected);
}

fn read_all(files: &Files, limits: &Limits) -> Result<()> {
    let cassette = Cassette::open_with(files, limits)?;
    for i in 0..cassette.len() {
        cassette.request(i)?;
        let interaction = cassette.interaction(i)?;
        for body in interaction.bodies() {
            read(&cassette, body)?;
        }
    }
    Ok(())
}

/// A document with one interaction, on lines 3 to 5: the fields of the request, then `outcome`.
fn one(request: &str, outcome: &str) -> String {
    let required = r#""method": "GET", "uri": "/""#;
    format!(
        "{{\"version\": 2, \"interactions\": [\n{{\n\"request\": {{{required}{request}}},\n{outcome}\n}}]}}"
    )
}

fn answered(fields: &str) -> String {
    one("", &format!("\"response\": {{\"status\": 200{fields}}}"))
}

#[test]
fn structure() {
    check("", "1:1: the file ends here, expected a cassette: `{`");
    check("\n  hello", "2:3: expected a cassette: `{`");
    // A byte order mark is skipped, once and only at the beginning.
    check("\u{feff}{}", "1:1: missing field `version`, expected 2");
    check("\u{feff}\n  hello", "2:3: expected a cassette: `{`");
    check("\u{feff}", "1:4: the file ends here, expected a cassette: `{`");
    check("\n\u{feff}{}", "2:1: expected a cassette: `{`");
    check("{}", "1:1: missing field `version`, expected 2");
    check("{\"version\": 2}", "1:1: missing field `interactions`");
    check("{\"version\": 2, \"interactions\": {}}", "1:32: expected an array of interactions: `[`");
    check("{\"version\": 2, \"interactions\": [\n1]}", "2:1: expected an interaction: `{`");
    check("{\"version\": 2, \"interactions\": [{}\n", "2:1: the file ends here, expected `,` or `]`");
    check("{\"version\": 2, \"interactions\": []}\nx", "2:1: expected the end of the file");
    check("{\"version\": 2,\n}", "2:1: expected a key: `\"`");
    check("{\"version\" 2}", "1:12: expected `:`");
    check("{\"version\": 2,\n\"x\": [}", "2:7: expected `]`");
    check("{\"version\": 2,\n\"x\": }", "2:6: expected a value");
    check("{\"version\": 2,\n\"x\": \"y\n\"}", "2:6: the string has no end on its line");
    check("{\"version\": 2, \"x\": \"y", "1:21: the string has no end");
    check("{\"version\": 2, \"x\": \"y\\", "1:21: the string has no end");
    check("{\"version\": 2, \"x\": [[", "1:23: the file ends here, expected `]`");
    check("{\"version\": 2, \"version\": 2}", "1:16: `version` occurs twice");
}

#[test]
fn versions() {
    check(
        "{\"version\": 1,\n\"interactions\": []}",
        "1:13: the cassette has version 1, this library reads 2",
    );
    check(
        "{\n\"version\": 99, \"interactions\": []}",
        "2:12: the cassette has version 99, this library reads 2",
    );
    check("{\"version\": \"2\", \"interactions\": []}", "1:13: the version is not the number 2");
    check("{\"version\": 2x, \"interactions\": []}", "1:14: trailing characters");
}

#[test]
fn metadata() {
    let with = |text: &str| format!("{{\"version\": 2,\n\"_metadata\": {text}, \"interactions\": []}}");
    check(
        &with("[1]"),
        "2:14: invalid type: sequence, expected an object with what is known of the recording",
    );
    check(&with("{\"recorded_at\":\n5}"), "3:1: invalid type: integer `5`, expected a string");
    check(&with("{\"redaction\": [1]}"), "2:29: invalid type: integer `1`, expected a string");
    check(&with("{\"interactions\": -1}"), "2:32: invalid value: integer `-1`, expected usize");
}

#[test]
fn interactions() {
    check(&one("", "\"x\": 1"), "2:1: missing field `response` (or `error`)");
    check(
        &one("", "\"response\": {\"status\": 200}, \"error\": {\"kind\": \"dns\"}"),
        "2:1: both a `response` and an `error`",
    );
    check(&one(", \"uri\": \"/\"", "\"x\": 1"), "3:46: duplicate field `uri`");
    check(
        &one("", "\"error\": {\"kind\": \"odd\"}"),
        "4:23: `odd` is not one of `dns`, `connect`, `tls`, `timeout`, `reset`, `protocol`, \
         `NO_ERROR`, `PROTOCOL_ERROR`, `FLOW_CONTROL_ERROR`, `SETTINGS_TIMEOUT`, `STREAM_CLOSED`, `FRAME_SIZE_ERROR`, \
         `REFUSED_STREAM`, `CANCEL`, `COMPRESSION_ERROR`, `CONNECT_ERROR`, `ENHANCE_YOUR_CALM`, `INADEQUATE_SECURITY`, \
         `HTTP_1_1_REQUIRED`",
    );
    check(&one("", "\"response\": {}"), "4:14: missing field `status`");
    check(
        &one("", "\"response\": {\"status\": 2000}"),
        "4:27: invalid value: integer `2000`, expected a status from 100 to 999",
    );
    check(
        &one("", "\"response\": {\"status\": \"200\"}"),
        "4:28: invalid type: string \"200\", expected a status from 100 to 999",
    );
    check(
        &answered(", \"version\": \"HTTP/4\""),
        "4:47: `HTTP/4` is not one of `HTTP/0.9`, `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`, `HTTP/3`",
    );
    check(&one("", "\"response\": {\"status\": tru}"), "4:27: expected ident");
    check(
        "{\"version\": 2, \"interactions\": [{\"request\":\n {\"method\": \"G T\", \"uri\": \"\"}}]}",
        "2:17: `G T` is not a method, such as `GET`",
    );
    check("{\"version\": 2, \"interactions\": [\n {}]}", "2:3: missing field `request`");
    check(
        "{\"version\": 2, \"interactions\": [{\"request\": 5}]}",
        "1:45: invalid type: integer `5`, expected a request: an object",
    );
}

#[test]
fn headers_and_bodies() {
    let header = |value: &str| answered(&format!(", \"headers\": {{\"a\":\n{value}}}"));
    check(
        &header("1"),
        "5:1: invalid type: integer `1`, expected a string, `{\"base64\": …}`, or an array of them",
    );
    check(&header("\"a\\nb\""), "5:6: the value of `a` cannot be in a header");
    check(&header("{\"hex\": \"00\"}"), "5:6: expected the key `base64`");
    check(&header("{\"base64\": \"!\"}"), "5:14: not base64: Invalid symbol 33, offset 0.");
    check(&answered(", \"headers\": {\"a b\": \"\"}"), "4:45: `a b` is not the name of a header");

    let body = |fields: &str| answered(&format!(", \"body\":\n{{{fields}}}"));
    check(&body("\"text\": 1"), "5:10: invalid type: integer `1`, expected a string or an array of lines");
    check(
        &body("\"text\": \"\", \"base64\": \"\""),
        "5:26: a body is only one of `json`, `text`, `base64` and `file`",
    );
    check(&body("\"json\": [1,]"), "5:13: expected value");
    check(&body("\"json\": 01"), "5:11: invalid number");
    check(
        &body("\"json\": 1, \"style\": \"odd\""),
        "5:26: unknown JSON style \"odd\": expected one of `compact`, `spaced`, `indent-2`, `indent-4`, `indent-tab`, each with or without `+newline`",
    );
    check(&body("\"base64\": \"AA\""), "5:15: not base64: Invalid padding");
}

#[test]
fn references_stay_in_the_folder() {
    let hash = "0".repeat(64);
    let file = |name: &str| {
        answered(&format!(", \"body\":\n{{\"size\": 1, \"sha256\": \"{hash}\", \"file\": \n\"{name}\"}}"))
    };
    let refused = |name: &str| {
        let what = "the name of a body file: 64 lower-case hexadecimal digits, a dot, an extension";
        check(&file(name), &format!("6:{}: `{name}` is not {what}", name.len() + 2));
    };
    refused("../../secret.json");
    refused("/etc/passwd");
    refused("a/b.json");
    refused(&hash);
    refused(&format!("{hash}."));
    refused(&format!("{hash}.json/../x"));
    refused(&format!("{hash}..json"));
    refused(&format!("{}.json", "A".repeat(64)));
    check(
        &file(&format!("{}.json", "1".repeat(64))),
        "6:72: `sha256` is not the one in the name of the file",
    );
    check(&answered(&format!(", \"body\": {{\"file\": \"{hash}.bin\"}}")), "4:116: missing field `size`");
}

#[test]
fn limits() {
    let limits = Limits { document: 200, interaction: 50, interactions: 2, depth: 3 };
    let with = |text: &str| format!("{{\"version\": 2, \"interactions\": [{text}]}}");
    check_within(&limits, &" ".repeat(201), "the cassette is 201 bytes long, 200 are the most");
    check_within(&limits, &with("{}, {},\n{}"), "2:1: more than 2 interactions");
    check_within(&limits, &with("{\"x\": [[[\n[]]]]}"), "2:1: nested deeper than 3 levels");
    check_within(&limits, &with(&format!("{{\"x\": \"{}\"}}", "x".repeat(42))), "1:33: longer than 50 bytes");
    check("{\"version\": 2, \"x\":", "1:20: the file ends here, expected a value");
    let deep = "[".repeat(1_000_000);
    check(&with(&format!("{{\"request\": {deep}")), "1:173: nested deeper than 128 levels");
}

#[test]
fn unknown_keys_are_ignored() {
    let dir = Dir::new();
    let text = r#"{"new": [{"a": "]\"}"}], "version": 2, "interactions": [{"x": {}, "request": {"y": 1,
        "method": "GET", "uri": "/a"}, "response": {"status": 204, "z": null, "body": {"w": 1}}}]}"#;
    std::fs::create_dir_all(dir.files().folder()).unwrap();
    std::fs::write(dir.files().document(), text.replace('\n', "\r\n")).unwrap();
    let cassette = Cassette::open_files(&dir.files()).unwrap();
    assert_eq!(cassette.request(0).unwrap().uri, "/a");
    assert_eq!(response_of(&cassette.interaction(0).unwrap()).status, 204);
}

#[test]
fn tokens_across_reads() {
    // The reader reads in chunks. Each byte of the text is at the edge of a chunk once, and the result is always the
    // same.
    let text = r#"{"version": 2, "interactions": [{"request": {"method": "GET", "uri": "/\"\\"}, "response": {"status": 204}}]}"#;
    let dir = Dir::new();
    std::fs::create_dir_all(dir.files().folder()).unwrap();
    for cut in 0..=text.len() {
        std::fs::write(dir.files().document(), " ".repeat(CHUNK - cut) + text).unwrap();
        let cassette = Cassette::open_files(&dir.files()).unwrap();
        assert_eq!(cassette.request(0).unwrap().uri, "/\"\\");
    }
}

#[test]
fn a_missing_cassette() {
    let dir = Dir::new();
    assert!(!dir.files().exists());
    let e = Cassette::open_files(&dir.files()).unwrap_err();
    assert_eq!(e.to_string(), format!("{}: there is no cassette", dir.files().document().display()));
    record(&dir.files(), &[]);
    assert!(dir.files().exists());
}

#[test]
fn body_files_are_checked() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), options(1)).unwrap();
    let long = body(&journal, "text/csv", &[b'x'; 200_000]);
    journal.append(0, &exchange(0, long)).unwrap();
    install(&journal);
    let cassette = Cassette::open_files(&dir.files()).unwrap();
    let body = response_of(&cassette.interaction(0).unwrap()).body.clone();
    assert_eq!(read(&cassette, &body).unwrap().len(), 200_000);
    let Content::File(file) = &body.content else { panic!("it is long") };
    let path = dir.files().bodies().join(&file.name);

    let check = |expected: &str| {
        let e = read(&cassette, &body).unwrap_err();
        assert_eq!(e.path(), Some(path.as_path()));
        assert!(e.to_string().contains(expected), "{e}");
    };
    let mut damaged = vec![b'x'; 200_000];
    damaged[199_999] = b'y';
    std::fs::write(&path, &damaged).unwrap();
    check("its SHA-256 is ");
    // The reader may return all chunks except the last before it detects the difference.
    let before: u64 =
        cassette.body_reader(&body).unwrap().map_while(Result::ok).map(|c| c.len() as u64).sum();
    assert_eq!(before, 3 * 64 * 1024);
    std::fs::write(&path, b"short").unwrap();
    check("it has 5 bytes instead of 200000");
    std::fs::remove_file(&path).unwrap();
    check("the file of a body is missing");
    std::fs::create_dir(&path).unwrap();
    check("not a regular file");

    let outside = BodyFile { name: "../berlin.json".into(), ..file.clone() };
    let outside = Body { content: Content::File(outside), ..Body::default() };
    assert!(cassette.body_reader(&outside).unwrap_err().to_string().contains("not the name of a body file"));
}
