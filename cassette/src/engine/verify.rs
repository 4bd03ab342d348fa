//! Mode `verify`: sends a recorded request to the real server, compares the answers, and gives the recorded answer to
//! the code under test.
//!
//! Must not know: the text of a difference.

use crate::placeholder;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;

use super::answer::{Answered, refusal};
use super::incidents::Incidents;
use super::replay::{Held, Replay};
use crate::body::Body;
use crate::capture::Capture;
use crate::drift::{self, MOST_CHANGES};
use crate::player::{Asked, Chosen, Played};
use crate::reason;
use crate::redact::{Encoding, Side};
use crate::report::{Drifted, Obstacle, Problem};
use crate::tape::{BodySink, Content, Outcome, Request, Response, TransportError, TransportErrorKind};
use crate::template::Live;

/// The greatest length of a body, in bytes, that is compared by meaning. Longer bodies are compared by length and hash.
const MOST_COMPARED: usize = 8 << 20;

/// A matched request on its way to the real server.
pub(crate) struct Verifying {
    replay: Arc<Replay>,
    incidents: Arc<Incidents>,
    /// Whether values are compared, and not only the schema.
    values: bool,
    chosen: Chosen,
    redacted: Request,
    /// The request as the client sent it, if the recorded answer is a template.
    live: Option<Arc<Live>>,
}

impl Verifying {
    /// Looks for the request on the cassette, and returns the request to send to the real server.
    ///
    /// # Errors
    ///
    /// The request must not be sent. The error is the answer for the client.
    pub(super) fn begin(
        replay: Arc<Replay>,
        incidents: Arc<Incidents>,
        values: bool,
        mut head: http::request::Parts,
        asked: Asked,
        held: Held,
    ) -> Result<(http::Request<Body>, Verifying), Box<Answered>> {
        let Asked { request: asked, live } = asked;
        let redacted = asked.clone();
        let chosen = match replay.player.choose(asked) {
            Ok(chosen) => chosen,
            Err(played) => return Err(Box::new(replay.played(*played))),
        };
        if let Some(obstacle) = without_value(&replay, &head, &redacted) {
            incidents.problem(Problem::Obstacle(obstacle.clone()));
            return Err(Box::new(Ok(refusal(&replay.site, Problem::Obstacle(obstacle)))));
        }
        let body = with_live_values(&replay, &mut head, held);
        let verifying = Verifying { replay, incidents, values, chosen, redacted, live };
        Ok((http::Request::from_parts(head, body), verifying))
    }

    /// Compares the server's answer with the recorded answer, and returns the recorded answer.
    pub(super) async fn answered(self, response: http::Response<Body>) -> Answered {
        let (head, body) = response.into_parts();
        let (outcome, bytes) = match self.read(head, body).await {
            Ok(response) => {
                let bytes = match &response.body.content {
                    Content::Inline(bytes) => Some(bytes.clone()),
                    Content::File(_) => None,
                };
                (Outcome::Response(response), bytes)
            }
            Err(e) => (Outcome::Error(e), None),
        };
        self.compared(&outcome, bytes.as_deref())
    }

    /// Compares a transport failure with the recorded outcome, which may be a failure as well. Returns the recorded
    /// outcome.
    pub(super) fn failed(self, error: &TransportError) -> Answered {
        self.compared(&Outcome::Error(error.clone()), None)
    }

    /// Reads the live answer, and returns it as a recording would store it: redacted and decoded.
    async fn read(&self, head: http::response::Parts, mut body: Body) -> Result<Response, TransportError> {
        let replay = &self.replay;
        let broken = |e: &(dyn std::error::Error + 'static)| TransportError {
            kind: TransportErrorKind::Reset,
            message: crate::error::chain(e),
        };
        let sink = BodySink::hash_only(MOST_COMPARED);
        let uri = &self.redacted.uri;
        let mut capture = Capture::new(&replay.redactor, Side::Response, uri, &head.headers, sink);
        let mut trailers = HeaderMap::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| broken(&*e))?;
            match frame.into_data() {
                Ok(chunk) => capture.write_all(&chunk).map_err(|e| broken(&e))?,
                Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
        let mut headers = replay.redactor.response(uri, &head).map_err(|e| broken(&e))?;
        let body = capture.finish(&mut headers).map_err(|e| broken(&e))?;
        let trailers = replay.redactor.headers(&trailers, Side::Response);
        Ok(Response {
            status: head.status.as_u16(),
            reason: reason::of(&head.extensions).map(|reason| replay.redactor.reason(reason)),
            version: head.version,
            headers,
            body,
            trailers,
            cut: None,
        })
    }

    /// Notes how the live answer differs from the recorded answer, and returns the recorded answer.
    fn compared(self, live: &Outcome, bytes: Option<&[u8]>) -> Answered {
        let replay = &self.replay;
        match replay.player.recorded(&self.chosen, self.live.clone(), MOST_COMPARED) {
            Ok((recorded, recorded_bytes)) => {
                let recorded = drift::ComparedAnswer { outcome: &recorded, body: recorded_bytes.as_deref() };
                let live = drift::ComparedAnswer { outcome: live, body: bytes };
                let policy =
                    drift::Compared { values: self.values, more_headers: replay.player.has_left_out() };
                let changes = drift::compare(&recorded, &live, policy);
                if !changes.is_empty() {
                    let complete = changes.len() < MOST_CHANGES;
                    let Request { method, uri, .. } = self.redacted.clone();
                    let drifted = Drifted { index: self.chosen.index(), method, uri, changes, complete };
                    self.incidents.drifted(drifted);
                }
            }
            Err(fault) => return replay.played(Played::Faulty(replay.player.faulty(fault))),
        }
        replay.played(replay.player.play_recording(&self.chosen, self.live.clone()))
    }
}

/// Returns an obstacle if the request contains the placeholder of a secret whose value is missing. The real server
/// would need the value.
fn without_value(replay: &Replay, head: &http::request::Parts, asked: &Request) -> Option<Obstacle> {
    let mut names = BTreeSet::new();
    let mut look = |text: &[u8]| {
        // Clients percent-encode the brackets of a placeholder in a URL. Some clients also encode the bar before the
        // name of an encoding.
        let text = percent_encoding::percent_decode(text).decode_utf8_lossy();
        names.extend(placeholder::secrets_in_loosely(&text).map(str::to_owned));
    };
    look(head.uri.to_string().as_bytes());
    head.headers.values().for_each(|value| look(value.as_bytes()));
    if let Content::Inline(bytes) = &asked.body.content {
        look(bytes);
    }
    let name = names.into_iter().find(|name| replay.redactor.secret(name).is_none())?;
    let uri = replay.redactor.uri(&head.uri.to_string());
    Some(Obstacle::MissingValue { method: head.method.clone(), uri, name })
}

/// Replaces placeholders in the request by the values that servers gave in this session. The code under test has read
/// the placeholders in recorded answers, and the real server does not know them.
fn with_live_values(replay: &Replay, head: &mut http::request::Parts, held: Held) -> Body {
    let redactor = &replay.redactor;
    let uri = head.uri.to_string();
    if let Cow::Owned(sent) = redactor.sent(uri.as_bytes(), Encoding::Percent)
        && let Ok(uri) = http::Uri::try_from(sent)
    {
        head.uri = uri;
    }
    for value in head.headers.values_mut() {
        if let Cow::Owned(sent) = redactor.sent(value.as_bytes(), Encoding::Plain)
            && let Ok(mut sent) = HeaderValue::from_bytes(&sent)
        {
            sent.set_sensitive(value.is_sensitive());
            *value = sent;
        }
    }
    if head.headers.contains_key(header::CONTENT_ENCODING) {
        return held.into_body();
    }
    let encoding = Encoding::of(crate::capture::content_type(&head.headers));
    let data = held.data();
    match data.as_deref().map(|data| redactor.sent(data, encoding)) {
        Some(Cow::Owned(sent)) => {
            if head.headers.contains_key(header::CONTENT_LENGTH) {
                head.headers.insert(header::CONTENT_LENGTH, sent.len().into());
            }
            Body::from(bytes::Bytes::from(sent))
        }
        _ => held.into_body(),
    }
}
