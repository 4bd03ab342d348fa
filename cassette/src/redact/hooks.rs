//! Redaction by code of the project's own, for what no name, place or form tells: closures over heads and over whole
//! bodies. They come first, in the order in which they were added; everything else redacts what they leave.
//!
//! Must not know: sockets, cassettes.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};

use crate::error::panic_text;
use crate::media_type;
use crate::redact::{Objection, Redactor, Rules, Side};

/// The head of a request as a hook sees it: as the code under test sent it. What a hook makes of it is stored and
/// matched; the server gets it as it was.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method. It stays as it is, whatever a hook makes of it.
    pub method: Method,
    /// The whole URL: `https://api.example.com/users?page=2`.
    pub uri: String,
    /// The headers.
    pub headers: HeaderMap,
}

/// The head of an answer as a hook sees it: as the server sent it. What a hook makes of it is stored; on recording
/// the code under test gets it as it was.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseHead {
    /// The URL of the request as it is stored: redacted.
    pub uri: String,
    /// The status. It stays as it is, whatever a hook makes of it.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
}

/// Which body a hook is asked about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BodyHead {
    /// Whose it is.
    pub side: Side,
    /// The URL of the request as it is stored: redacted.
    pub uri: String,
    /// The headers that came with it, as they came.
    pub headers: HeaderMap,
}

impl BodyHead {
    /// The type of `content-type`, without parameters and in lower case (RFC 9110 §8.3.1): `application/pdf`. Empty if
    /// there is none.
    pub fn content_type(&self) -> String {
        let value = self.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        media_type::essence(value.unwrap_or(""))
    }
}

/// A body that a hook wants is held whole, and may have this many bytes once decoded: 16 MiB.
pub const MOST_HOOKED: usize = 16 << 20;

const REQUEST: &str = "redact_request_with";
const RESPONSE: &str = "redact_response_with";
const BODY: &str = "redact_body_with";

type HeadHook<H> = Hook<dyn Fn(&mut H) + Send + Sync>;

/// All hooks of a project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hooks {
    pub(crate) requests: Vec<HeadHook<RequestHead>>,
    pub(crate) responses: Vec<HeadHook<ResponseHead>>,
    pub(crate) bodies: Vec<Hook<dyn BodyHook>>,
}

pub(crate) struct Hook<F: ?Sized> {
    name: Arc<str>,
    run: Arc<F>,
}

impl<F: ?Sized> Hook<F> {
    fn new(name: &str, run: Arc<F>) -> Hook<F> {
        Hook { name: name.into(), run }
    }

    /// For `_metadata.redaction`.
    fn label(&self) -> String {
        label(&self.name)
    }
}

fn label(name: &str) -> String {
    format!("hook {name}")
}

impl<F: ?Sized> Clone for Hook<F> {
    fn clone(&self) -> Hook<F> {
        Hook { name: self.name.clone(), run: self.run.clone() }
    }
}

impl<F: ?Sized> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A pair of closures over a body.
pub(crate) trait BodyHook: Send + Sync {
    fn wants(&self, head: &BodyHead) -> bool;
    fn change(&self, head: &BodyHead, body: Vec<u8>) -> Vec<u8>;
}

impl<W, C> BodyHook for (W, C)
where
    W: Fn(&BodyHead) -> bool + Send + Sync,
    C: Fn(&BodyHead, Vec<u8>) -> Vec<u8> + Send + Sync,
{
    fn wants(&self, head: &BodyHead) -> bool {
        self.0(head)
    }

    fn change(&self, head: &BodyHead, body: Vec<u8>) -> Vec<u8> {
        self.1(head, body)
    }
}

impl Rules {
    /// Redacts the heads of requests by code of one's own: see [`Config::redact_request_with`](crate::Config::redact_request_with).
    #[must_use]
    pub fn request_with(
        mut self,
        name: &str,
        run: impl Fn(&mut RequestHead) + Send + Sync + 'static,
    ) -> Rules {
        self.labels.insert(label(name));
        self.hooks.requests.push(Hook::new(name, Arc::new(run)));
        self
    }

    /// Redacts the heads of answers by code of one's own: see
    /// [`Config::redact_response_with`](crate::Config::redact_response_with).
    #[must_use]
    pub fn response_with(
        mut self,
        name: &str,
        run: impl Fn(&mut ResponseHead) + Send + Sync + 'static,
    ) -> Rules {
        self.labels.insert(label(name));
        self.hooks.responses.push(Hook::new(name, Arc::new(run)));
        self
    }

    /// Redacts bodies by code of one's own: see [`Config::redact_body_with`](crate::Config::redact_body_with).
    #[must_use]
    pub fn body_with(
        mut self,
        name: &str,
        wants: impl Fn(&BodyHead) -> bool + Send + Sync + 'static,
        change: impl Fn(&BodyHead, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Rules {
        self.labels.insert(label(name));
        self.hooks.bodies.push(Hook::new(name, Arc::new((wants, change))));
        self
    }
}

impl Redactor {
    /// The URL and the headers of a request as they are stored and matched.
    pub(crate) fn request(&self, head: &http::request::Parts) -> Result<(String, HeaderMap), Objection> {
        let uri = head.uri.to_string();
        if let Some(returned) = self.returned(&uri, &head.headers) {
            return Err(returned);
        }
        let hooks = &self.0.rules.hooks.requests;
        if hooks.is_empty() {
            return Ok((self.uri(&uri), self.headers(&head.headers, Side::Request)));
        }
        let mut seen = RequestHead { method: head.method.clone(), uri, headers: head.headers.clone() };
        for hook in hooks {
            let (uri, headers) = (seen.uri.clone(), seen.headers.clone());
            run(hook, REQUEST, || (hook.run)(&mut seen))?;
            if !seen.uri.parse::<http::Uri>().is_ok_and(|uri| uri.authority().is_some()) {
                return Err(failed(hook, REQUEST, "left what is no URL".into()));
            }
            self.count_hook(hook, seen.uri != uri || seen.headers != headers);
        }
        Ok((self.uri(&seen.uri), self.headers(&seen.headers, Side::Request)))
    }

    /// The headers of an answer as they are stored. `uri` is that of the request, redacted.
    pub(crate) fn response(&self, uri: &str, head: &http::response::Parts) -> Result<HeaderMap, Objection> {
        let hooks = &self.0.rules.hooks.responses;
        if hooks.is_empty() {
            return Ok(self.headers(&head.headers, Side::Response));
        }
        let mut seen =
            ResponseHead { uri: uri.to_owned(), status: head.status, headers: head.headers.clone() };
        for hook in hooks {
            let headers = seen.headers.clone();
            run(hook, RESPONSE, || (hook.run)(&mut seen))?;
            self.count_hook(hook, seen.headers != headers);
        }
        Ok(self.headers(&seen.headers, Side::Response))
    }

    fn count_hook<F: ?Sized>(&self, hook: &Hook<F>, changed: bool) {
        if changed {
            self.1.note(&hook.label());
        }
    }
}

/// A writer that holds a body if a hook wants it, and passes it on at the end as the hooks left it. Otherwise it passes
/// on what it gets.
pub(crate) struct Hooked<W> {
    redactor: Redactor,
    state: State,
    next: W,
}

enum State {
    /// No hook has been asked yet.
    Unasked(Box<BodyHead>),
    Passing,
    Held {
        head: Box<BodyHead>,
        hooks: Vec<Hook<dyn BodyHook>>,
        body: Vec<u8>,
    },
}

impl<W: Write> Hooked<W> {
    pub(crate) fn new(redactor: &Redactor, side: Side, uri: &str, headers: &HeaderMap, next: W) -> Self {
        let state = match redactor.0.rules.hooks.bodies.is_empty() {
            true => State::Passing,
            false => {
                State::Unasked(Box::new(BodyHead { side, uri: uri.to_owned(), headers: headers.clone() }))
            }
        };
        Hooked { redactor: redactor.clone(), state, next }
    }

    /// Says that the body is complete. Whether it is another than it was.
    pub(crate) fn finish(mut self) -> io::Result<(W, bool)> {
        let State::Held { head, hooks, mut body } = self.state else { return Ok((self.next, false)) };
        let mut changed = false;
        for hook in &hooks {
            let before = body.clone();
            body = run(hook, BODY, || hook.run.change(&head, body))?;
            self.redactor.count_hook(hook, before != body);
            changed |= before != body;
        }
        self.next.write_all(&body)?;
        Ok((self.next, changed))
    }

    fn ask(&mut self) -> io::Result<()> {
        let State::Unasked(head) = std::mem::replace(&mut self.state, State::Passing) else { return Ok(()) };
        let mut hooks = Vec::new();
        for hook in &self.redactor.0.rules.hooks.bodies {
            if run(hook, BODY, || hook.run.wants(&head))? {
                hooks.push(hook.clone());
            }
        }
        if !hooks.is_empty() {
            self.state = State::Held { head, hooks, body: Vec::new() };
        }
        Ok(())
    }
}

impl<W: Write> Write for Hooked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.state, State::Unasked(_)) {
            self.ask()?;
        }
        match &mut self.state {
            State::Held { hooks, body, .. } => {
                if body.len() + bytes.len() > MOST_HOOKED {
                    let why =
                        format!("is for bodies of up to {} MiB, and this one is longer", MOST_HOOKED >> 20);
                    return Err(failed(&hooks[0], BODY, why).into());
                }
                body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            State::Unasked(_) | State::Passing => self.next.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

/// A panic would end the task that carries the exchange, out of everybody's sight.
fn run<F: ?Sized, T>(hook: &Hook<F>, with: &'static str, call: impl FnOnce() -> T) -> Result<T, Objection> {
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|panic| failed(hook, with, format!("panicked: {}", panic_text(&*panic))))
}

fn failed<F: ?Sized>(hook: &Hook<F>, with: &'static str, why: String) -> Objection {
    Objection::Hook { name: hook.name.as_ref().to_owned(), with, why }
}
