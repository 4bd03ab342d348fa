use std::io::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::live::MOST_READ;
use super::*;
use crate::tests::sized;

/// A request with every part that an expression can name, and with this body.
fn live(content_type: &str, body: &[u8]) -> Arc<Live> {
    let request = http::Request::post("https://h/v1/caf%C3%A9/7?nonce=a+b%22&n=1&n=2&empty")
        .header("x-request-id", "r-1")
        .header("content-type", content_type);
    let (head, ()) = request.body(()).unwrap().into_parts();
    let mut listener = Listener::new(&head);
    body.chunks(3).for_each(|chunk| listener.push(chunk));
    Arc::new(listener.finish())
}

fn values(body: &[u8]) -> Arc<Values> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_250);
    Arc::new(Values::new(live("application/json", body), now))
}

const BODY: &[u8] = br#"{"id": 7, "big": 1.0e400, "name": "a \"b\"\u00e9", "no": null,
    "deep": {"": [true, {"a/b": [1.0, 2]}]}, "twice": 1, "twice": 2}"#;

fn fill(values: &Arc<Values>, content_type: &str, pieces: &[&[u8]]) -> Result<String, String> {
    let mut filler = Filler::new(Some(values.clone()), Some(content_type), Vec::new());
    for piece in pieces {
        filler.write_all(piece).map_err(|e| e.to_string())?;
    }
    let filled = filler.finish().map_err(|e| e.to_string())?;
    Ok(String::from_utf8(filled).unwrap())
}

/// Checks the result for every cut of the text into pieces.
#[track_caller]
fn check_as(content_type: &str, template: &str, expected: &str) {
    let values = values(BODY);
    for cut in 0..=template.len() {
        let (a, b) = template.as_bytes().split_at(cut);
        assert_eq!(fill(&values, content_type, &[a, b]).as_deref(), Ok(expected), "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = template.as_bytes().chunks(1).collect();
    assert_eq!(fill(&values, content_type, &bytes).as_deref(), Ok(expected), "byte by byte");
}

#[track_caller]
fn check(template: &str, expected: &str) {
    check_as("text/plain", template, expected);
}

#[test]
fn parts_of_the_request() {
    check("{{request.method}} {{request.path}}", "POST /v1/caf%C3%A9/7");
    check("{{request.path.1}}, {{request.path.2}}, {{request.path.3}}", "v1, café, 7");
    check("{{request.query.nonce}}|{{request.query.n}}|{{request.query.empty}}", "a b\"|1|");
    check("<{{ request.header.X-Request-Id }}>", "<r-1>");
    check("{{request.json./id}} {{request.json./big}} {{request.json./no}}", "7 1.0e400 null");
    check("{{request.json./name}}", "a \"b\"é");
    check("{{request.json./deep//1/a~1b}} {{request.json./twice}}", "[1.0, 2] 2");
    check("{{now}}, {{now.unix}}", "2001-09-09T01:46:40.25Z, 1000000000");
    let form = Values::new(live("application/x-www-form-urlencoded", b"state=x%26+y&z"), SystemTime::now());
    assert_eq!(fill(&Arc::new(form), "text/plain", &[b"{{request.form.state}}"]).unwrap(), "x& y");
}

#[test]
fn as_the_body_needs_it() {
    let name = "{{request.json./name}}";
    check_as("application/json", &format!(r#"{{"n": "Mr {name}"}}"#), r#"{"n": "Mr a \"b\"é"}"#);
    check_as("application/hal+json; charset=utf-8", &format!(r#"["{name}"]"#), r#"["a \"b\"é"]"#);
    check_as("text/javascript", &format!(r#"cb("{name}")"#), r#"cb("a \"b\"é")"#);
    check_as("application/x-www-form-urlencoded", &format!("a={name}"), "a=a+%22b%22%C3%A9");
    check_as("text/html", &format!("<p>{name}&amp;"), "<p>a &quot;b&quot;é&amp;");
    check_as("application/atom+xml", &format!("<p>{name}"), "<p>a &quot;b&quot;é");
}

/// A string that is one expression becomes the value that the request has there.
#[test]
fn values_of_json_keep_their_type() {
    let id = "{{request.json./id}}";
    check_as("application/json", &format!(r#"{{"id":"{id}"}}"#), r#"{"id":7}"#);
    check_as("application/json", &format!(r#""{id}""#), "7");
    check_as("application/json", &format!(r#"["no {id}", "{id}{id}", {id}]"#), r#"["no 7", "77", 7]"#);
    check_as("application/json", &format!(r#"["\"{id}\"", "x\\", "{id}"]"#), r#"["\"7\"", "x\\", 7]"#);
    check_as(
        "application/json",
        r#"{"of":"{{request.json./deep/}}"}"#,
        r#"{"of":[true, {"a/b": [1.0, 2]}]}"#,
    );
    check_as("application/json", r#"["{{request.query.n}}"]"#, r#"["1"]"#);
    let named = format!(r#"{{"{id}" : "{id}", "{id}":1}}"#);
    check_as("application/json", &named, r#"{"7" : 7, "7":1}"#);
    let spaces = " ".repeat(3000);
    check_as("application/json", &format!(r#"["{id}"{spaces}]"#), &format!("[7{spaces}]"));
    check_as("text/plain", &format!("\"{id}\""), "\"7\"");
}

#[test]
fn what_is_no_expression() {
    for text in [
        "",
        "{{",
        "}}",
        "{ {now} }",
        r#"{"a": {"b": {}}}"#,
        r#"{"a": "{{", "b": {"c": {}}}"#,
        "{{secret.KEY}} {{ secret.OTHER }}",
        "{{}} {{ }}",
        "{{a\nb}}",
    ] {
        check(text, text);
    }
    check("{{{now.unix}}}", "{1000000000}");
    check("{{ {{now.unix}}", "{{ 1000000000");
    check("{{'{{'}}name}} {{now.unix}}", "{{name}} 1000000000");
    let long = format!("{{{{{}}}}}", "x".repeat(2000));
    check(&long, &long);
}

#[track_caller]
fn refused(body: &[u8], template: &str, reason: &str) {
    let e = fill(&values(body), "text/plain", &[template.as_bytes()]).unwrap_err();
    assert!(e.starts_with(&format!("`{template}`: ")) && e.contains(reason), "{e}");
}

#[test]
fn what_can_not_be_filled_in() {
    refused(BODY, "{{nonce}}", "there is no such expression");
    refused(BODY, "{{request.query.once}}", "the request has no query key `once`");
    refused(BODY, "{{request.header.etag}}", "the request has no header `etag`");
    refused(BODY, "{{request.form.a}}", "the request has no form field `a`");
    refused(BODY, "{{request.path.4}}", "the request's path has no part 4");
    for pointer in ["/none", "/id/0", "/deep//2", "/deep//x"] {
        refused(BODY, &format!("{{{{request.json.{pointer}}}}}"), "the request's body has nothing there");
    }
    refused(b"a=1", "{{request.json./id}}", "the request's body is not JSON");
    refused(b"", "{{request.json./id}}", "the request's body is not JSON");
    refused(br#"["\ud800"]"#, "{{request.json./0}}", "can't be read");
    let long = |extra: usize| format!("[{}]", " ".repeat(MOST_READ - 2 + extra));
    assert!(fill(&values(long(0).as_bytes()), "text/plain", &[b"{{request.json.}}"]).is_ok());
    refused(long(1).as_bytes(), "{{request.json.}}", "longer than 1 MiB");
}

#[test]
fn headers() {
    let mut headers = HeaderMap::new();
    headers.insert("x-echo", "id={{request.header.x-request-id}}".parse().unwrap());
    headers.append("x-echo", "{{request.query.n}}".parse().unwrap());
    headers.insert("etag", "\"{{\"".parse().unwrap());
    let values = Arc::new(Values::new(live("", b"\"a\\nb\""), SystemTime::now()));
    values.fill_headers(&mut headers).unwrap();
    let echo: Vec<_> = headers.get_all("x-echo").iter().collect();
    assert_eq!(echo, ["id=r-1", "1"]);
    assert_eq!(headers["etag"], "\"{{\"");
    headers.insert("x-bad", "{{request.json.}}".parse().unwrap());
    let e = values.fill_headers(&mut headers).unwrap_err();
    assert_eq!(e, "header `x-bad`: the value has a character that is not allowed in a header");
    headers.insert("x-bad", "{{request.jason}}".parse().unwrap());
    let e = values.fill_headers(&mut headers).unwrap_err();
    assert!(e.starts_with("header `x-bad`: `{{request.jason}}`: there is no such"), "{e}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sized(300, 2000), failure_persistence: None, ..ProptestConfig::default() })]

    /// The cuts of a body change neither the output nor the errors.
    #[test]
    fn cuts_change_nothing(
        pieces in prop::collection::vec(
            prop_oneof![
                Just("{"), Just("{{"), Just("}"), Just("}}"), Just("\""), Just("\\"), Just("'{{'"), Just(" "), Just(":"),
                Just("now.unix"), Just("request.json./id"), Just("{{request.json./id}}"), Just("\"{{request.json./id}}\""),
                Just("secret.A"), Just("x"), Just("\n"), Just("é"),
            ],
            0..12,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        json in any::<bool>(),
    ) {
        let text = pieces.concat();
        let values = values(BODY);
        let content_type = if json { "application/json" } else { "text/plain" };
        let whole = fill(&values, content_type, &[text.as_bytes()]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|ends| &text.as_bytes()[ends[0]..ends[1]]).collect();
        prop_assert_eq!(&fill(&values, content_type, &parts), &whole, "{} cut at {:?}", text, cuts);
        if !text.contains("{{") {
            prop_assert_eq!(whole, Ok(text));
        }
    }
}
