//! Random responses through five real clients, over HTTP/1.1 and HTTP/2. The client sees the same response while
//! recording and on replay. A redacted token has the same syntax.
#![cfg(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64"))]

mod case;
mod clients;

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cassette::Session;
use http::{HeaderMap, HeaderValue, Version, header};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::api::{Api, Speaks, answer};
use crate::project::Project;
use crate::size::sized;
use case::{Case, Piece, Place, any_cases, tokens_in};
use clients::{Answered, Asked, CLIENTS, Clients};

/// Headers that a replay makes anew, because they say how one connection transfers the message.
const OF_TRANSFER: [header::HeaderName; 4] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRAILER, header::TRANSFER_ENCODING];

#[test]
fn over_http_1() {
    check(Speaks::Http1);
}

#[test]
fn over_http_1_with_tls() {
    check(Speaks::Https1);
}

#[test]
fn over_http_2() {
    check(Speaks::Https2);
}

fn check(speaks: Speaks) {
    let config =
        Config { cases: sized(1, 40), max_shrink_iters: 100, failure_persistence: None, ..Config::default() };
    let run = |cases: Vec<Case>| {
        // A panic in the body of a session is a failure of the session, which reports it.
        recorded_and_replayed(speaks, &cases).map_err(TestCaseError::fail)
    };
    if let Err(e) = TestRunner::new(config).run(&any_cases(12, CLIENTS.len()), run) {
        panic!("{speaks:?}: {e}");
    }
}

/// Records all cases in one session, stops the server, replays, and compares.
fn recorded_and_replayed(speaks: Speaks, cases: &[Case]) -> Result<(), String> {
    let served = cases.to_vec();
    let api = Api::start(speaks, move |request| {
        let nth = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        nth.parse::<usize>()
            .ok()
            .and_then(|nth| served.get(nth))
            .map_or_else(|| answer(500, &[], "no such case"), Case::answer)
    });
    let (config, project, all) = (api.config(), Project::new(), Arc::new(cases.to_vec()));
    let seen = Mutex::new(Vec::new());
    let body = async |session: Session| {
        let clients = Clients::new(session, speaks).await;
        let mut last = None;
        for (nth, case) in all.iter().enumerate() {
            let asked = asked(nth, case.sends_back.and_then(|place| Some((place, last.clone()?))));
            let answered = decoded(clients.ask(case.client, asked).await);
            if let Ok(tokens) = tokens_in(&answered.body, &case.body()) {
                last = tokens.into_iter().next().or(last);
            }
            seen.lock().unwrap().push(answered);
        }
        clients.end().await;
        std::mem::take(&mut *seen.lock().unwrap())
    };
    let run = |mode| {
        let done = project.run(mode, config.clone(), &body);
        done.map(|(seen, _)| seen).map_err(|e| format!("{mode:?}: {e}"))
    };
    let recorded = run(cassette::Mode::Record)?;
    drop(api);
    let replayed = run(cassette::Mode::Replay)?;
    let cassette = project.cassette();
    let left_out = cassette.metadata().left_out.clone().unwrap_or_default().response;
    for (nth, case) in cases.iter().enumerate() {
        let (live, played) = (&recorded[nth], &replayed[nth]);
        let compared = compare(case, live, true, &[]).and_then(|()| compare(case, played, false, &left_out));
        compared.and_then(|()| same(live, played)).map_err(|e| {
            format!("request {nth} by {}: {e}\nrecorded {live:?}\nreplayed {played:?}", CLIENTS[case.client])
        })?;
    }
    Ok(())
}

/// The request of a case, which may contain a token of an earlier response.
fn asked(nth: usize, sent: Option<(Place, String)>) -> Asked {
    let mut asked = Asked { path: format!("/{nth}"), bearer: None, json: None };
    if let Some((place, token)) = sent {
        let percent: String = token
            .bytes()
            .map(|b| match b {
                b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
                b => format!("%{b:02X}"),
            })
            .collect();
        match place {
            Place::Bearer => asked.bearer = Some(token),
            Place::Query => asked.path = format!("/{nth}?after={percent}&n=1"),
            Place::Path => asked.path = format!("/{nth}/{percent}/rows"),
            Place::Json => asked.json = Some(serde_json::json!({"n": nth, "since": token}).to_string()),
            Place::Base64 => {
                let inner = STANDARD.encode(format!("user:{token}:{nth}"));
                asked.json = Some(serde_json::json!({"packed": inner}).to_string());
            }
        }
    }
    asked
}

/// The response without its `content-encoding`, which some clients have removed.
fn decoded(mut answered: Answered) -> Answered {
    let coding = answered.headers.remove(header::CONTENT_ENCODING);
    let mut out = Vec::new();
    let read = match coding.as_ref().map(HeaderValue::as_bytes) {
        Some(b"gzip") => flate2::read::GzDecoder::new(&answered.body[..]).read_to_end(&mut out),
        Some(b"deflate") => flate2::read::ZlibDecoder::new(&answered.body[..]).read_to_end(&mut out),
        Some(b"br") => brotli::Decompressor::new(&answered.body[..], 4096).read_to_end(&mut out),
        _ => return answered,
    };
    if !answered.body.is_empty() {
        read.expect("a compressed body");
        answered.body = out;
    }
    answered
}

/// Compares a response with what the server sent. Headers in `left_out` may be missing.
fn compare(case: &Case, seen: &Answered, is_live: bool, left_out: &[String]) -> Result<(), String> {
    let when = if is_live { "while recording" } else { "on replay" };
    tokens_in(&seen.body, &case.body()).map_err(|e| format!("the body {when}: {e}"))?;
    let sent: Vec<(header::HeaderName, Vec<Piece>)> = case.headers();
    // The list has the names of all responses: a digest is left out only where redaction changed the body.
    let may_miss = |name: &header::HeaderName| left_out.iter().any(|known| name == known.as_str());
    for name in seen.headers.keys() {
        let expected: Vec<_> = sent.iter().filter(|(known, _)| known == name).collect();
        let values: Vec<_> = seen.headers.get_all(name).iter().collect();
        if OF_TRANSFER.contains(name) || *name == header::CONTENT_TYPE {
            continue;
        }
        if values.len() != expected.len() {
            return Err(format!("{when} `{name}` is {values:?}"));
        }
        for (value, (_, pieces)) in values.iter().zip(expected) {
            tokens_in(value.as_bytes(), pieces).map_err(|e| format!("`{name}` {when}: {e}"))?;
        }
    }
    let missing = sent.iter().find(|(name, _)| !seen.headers.contains_key(name) && !may_miss(name));
    missing.map_or(Ok(()), |(name, _)| Err(format!("`{name}` is missing {when}")))
}

/// Compares what has no tokens.
fn same(live: &Answered, played: &Answered) -> Result<(), String> {
    let of = |seen: &Answered| {
        let content_type: Option<HeaderValue> = seen.headers.get(header::CONTENT_TYPE).cloned();
        let reason = (seen.version != Version::HTTP_2).then(|| seen.reason.clone());
        let trailers: HeaderMap = seen.trailers.clone();
        (seen.version, seen.status, reason, content_type, trailers)
    };
    if of(live) == of(played) {
        Ok(())
    } else {
        Err(format!("{:?} while recording, {:?} on replay", of(live), of(played)))
    }
}
