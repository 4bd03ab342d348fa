//! Tests that `keep_field` alone keeps a field, in every format and in requests and responses. The values have the
//! pattern of an issuer's tokens, so that without the option a name and a pattern redact them.

use cassette::Session;

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::Project;

const KEPT: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

/// Content type and body of responses. `@` stands for the value.
const BODIES: [(&str, &str); 14] = [
    ("application/json", r#"{"a": {"access_token": "@"}}"#),
    ("application/json", r#"{"text": "{\"access_token\": \"@\"}"}"#),
    ("application/x-www-form-urlencoded", "a=1&access_token=@"),
    ("application/xml", "<r><access_token>@</access_token></r>"),
    ("application/xml", r#"<r access_token="@"/>"#),
    ("application/soap+xml", "<s:r xmlns:s=\"urn:s\"><s:access_token><![CDATA[@]]></s:access_token></s:r>"),
    ("text/html", r#"<form><input type="hidden" name="access_token" value="@"></form>"#),
    ("text/html", r#"<form><input value="@" name="access_token" type="hidden"></form>"#),
    ("text/html", r#"<meta name="access_token" content="@">"#),
    ("text/html", r#"<div data-access-token="@"></div>"#),
    ("text/html", r#"<script>var x = {"access_token": "@"};</script>"#),
    ("text/html", r#"<a href="https://h.test/?access_token=@&amp;b=1">x</a>"#),
    ("text/event-stream", "data: {\"access_token\": \"@\"}\n\n"),
    ("application/javascript", "callback({\"access_token\": \"@\"})"),
];

#[test]
fn in_every_format() {
    let api = Api::start(Speaks::Http1, |request| {
        let nth = request.uri().path().trim_start_matches('/').parse::<usize>();
        match nth.ok().and_then(|nth| BODIES.get(nth)) {
            Some((content_type, body)) => {
                answer(200, &[("content-type", content_type)], body.replace('@', KEPT))
            }
            None => answer(200, &[], "sent"),
        }
    });
    let config = api.config().keep_field("access_token");
    let (project, seen) = Project::both_with(config, api, async |session: Session| {
        let http = session.client().unwrap();
        let mut seen = Vec::new();
        for nth in 0..BODIES.len() {
            let request = http.get(format!("http://{HOST}/{nth}"));
            seen.push(see(request.send().await.unwrap()).await.body);
        }
        let multipart = format!(
            "--b\r\ncontent-disposition: form-data; name=\"access_token\"\r\n\r\n{KEPT}\r\n--b--\r\n"
        );
        let requests = [
            http.get(format!("http://{HOST}/query?access_token={KEPT}&a=1")),
            http.post(format!("http://{HOST}/multipart"))
                .header("content-type", "multipart/form-data; boundary=b")
                .body(multipart),
        ];
        for request in requests {
            seen.push(see(request.send().await.unwrap()).await.body);
        }
        seen
    });
    for ((content_type, body), seen) in BODIES.iter().zip(&seen) {
        assert_eq!(*seen, body.replace('@', KEPT), "{content_type}");
    }
    assert!(!project.text().contains("access_token:"), "{}", project.text());
    let requests = project.requests();
    assert!(requests.iter().any(|request| request.contains(KEPT)), "{requests:?}");
    assert_eq!(project.text().matches(KEPT).count(), BODIES.len() + 2, "{}", project.text());
}
