//! The side of the engine that asks the real server what is on the cassette already: the answers are compared, and the
//! code under test gets the recorded one.
//!
//! Must not know: how differences are told.

use crate::placeholder;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;

use super::replay::{Held, refusal};
use super::{Answered, Begun, Engine, Pending, Replay};
use crate::body::Body;
use crate::capture::Capture;
use crate::config::VerifyPolicy;
use crate::drift::{self, MOST_CHANGES};
use crate::error::Error;
use crate::player::{Asked, Played};
use crate::redact::{Encoding, Side};
use crate::report::{Drifted, Problem};
use crate::tape::{BodySink, Content, Outcome, Request, Response, TransportError, TransportErrorKind};
use crate::template::Live;

/// Bytes of a body that are compared by what they mean. Of a longer one length and hash are.
const MOST_COMPARED: usize = 8 << 20;

/// A matched request on its way to the real server.
pub(crate) struct Verifying {
    engine: Engine,
    index: usize,
    what: Request,
    /// For an answer that is filled in.
    live: Option<Arc<Live>>,
}

impl Engine {
    /// Sends what is on the cassette, too.
    pub(super) async fn verify(self, request: http::Request<Body>) -> Begun {
        let super::Action::Verify(replay, _) = &self.0.action else {
            return Begun::over(super::no_way("this session does not verify".into()));
        };
        let (mut head, body) = request.into_parts();
        let mut held = Held::default();
        let Asked { request: asked, live } = match replay.read(&head, body, Some(&mut held)).await {
            Ok(asked) => asked,
            Err(unread) => return Begun::answered(self.unread(replay, &head, unread)),
        };
        let what = asked.clone();
        let index = match replay.player.choose(asked) {
            Ok(index) => index,
            Err(played) => return Begun::answered(replay.played(*played)),
        };
        if let Some(problem) = without_values(replay, &head, &what) {
            self.noted().problems.push(problem());
            return Begun::answered(Ok(refusal(&replay.site, problem())));
        }
        let body = filled_in(replay, &mut head, held);
        let verifying = Verifying { engine: self.clone(), index, what, live };
        Begun::Live(http::Request::from_parts(head, body), Pending::verifying(verifying))
    }
}

impl Verifying {
    /// The server answered.
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

    /// It did not, which may be what was recorded.
    pub(super) fn failed(self, error: &TransportError) -> Answered {
        self.compared(&Outcome::Error(error.clone()), None)
    }

    /// The live answer in the form of the cassette.
    async fn read(&self, head: http::response::Parts, mut body: Body) -> Result<Response, TransportError> {
        let (replay, _) = self.action()?;
        let broken = |e: &(dyn std::error::Error + 'static)| TransportError {
            kind: TransportErrorKind::Reset,
            message: crate::error::chain(e),
        };
        let sink = BodySink::hash_only(MOST_COMPARED);
        let uri = &self.what.uri;
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
            version: head.version,
            headers,
            body,
            trailers,
            cut: None,
        })
    }

    /// Notes what differs, and gives the recorded answer.
    fn compared(self, live: &Outcome, bytes: Option<&[u8]>) -> Answered {
        let (replay, policy) = self.action()?;
        match replay.player.recorded(self.index, self.live.clone(), MOST_COMPARED) {
            Ok((recorded, recorded_bytes)) => {
                let recorded = drift::Answer { outcome: &recorded, body: recorded_bytes.as_deref() };
                let live = drift::Answer { outcome: live, body: bytes };
                let changes = drift::compare(&recorded, &live, policy.values);
                if !changes.is_empty() {
                    let all_told = changes.len() < MOST_CHANGES;
                    let Request { method, uri, .. } = self.what.clone();
                    let drifted = Drifted { index: self.index, method, uri, changes, all_told };
                    self.engine.noted().drifted.push(drifted);
                }
            }
            Err(fault) => return replay.played(Played::Faulty(replay.player.faulty(fault))),
        }
        replay.played(replay.player.play_recording(self.index, self.live.clone()))
    }

    fn action(&self) -> Result<(&Replay, &VerifyPolicy), TransportError> {
        match &self.engine.0.action {
            super::Action::Verify(replay, policy) => Ok((replay, policy)),
            _ => Err(super::no_way("this session does not verify".into())),
        }
    }
}

/// A request that has the placeholder of a secret in it where the server needs the secret itself.
fn without_values<'a>(
    replay: &'a Replay,
    head: &'a http::request::Parts,
    asked: &Request,
) -> Option<impl Fn() -> Problem + use<'a>> {
    let mut names = BTreeSet::new();
    let mut look = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        let text = text.replace("%7B%7B", "{{").replace("%7D%7D", "}}");
        names.extend(placeholder::secrets_in(&text).map(str::to_owned));
    };
    look(head.uri.to_string().as_bytes());
    head.headers.values().for_each(|value| look(value.as_bytes()));
    if let Content::Inline(bytes) = &asked.body.content {
        look(bytes);
    }
    let name = names.into_iter().find(|name| replay.redactor.secret(name).is_none())?;
    Some(move || {
        let what = format!("{} {}", head.method, replay.redactor.uri(&head.uri.to_string()));
        let message = format!("{what} can't be sent: the secret {name} has no value here");
        Problem::Other(Error::new(message).hint(format!("set what gives the secret {name} its value")))
    })
}

/// Values that servers gave in this session go where the recorded answers have placeholders for them.
fn filled_in(replay: &Replay, head: &mut http::request::Parts, held: Held) -> Body {
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
