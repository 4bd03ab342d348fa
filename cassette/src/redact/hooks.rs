//! Runs a project's own redaction code: closures that change the heads of messages, or whole bodies. They are for
//! secrets that no name, pointer or pattern finds. The hooks run first, in the order in which the project added them.
//! Then all rules apply to the results of the hooks.
//!
//! Must not know: sockets, cassettes.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::HeaderMap;

use crate::error::panic_text;
use crate::redact::objection::Objection;
use crate::redact::redactor::Redactor;
use crate::redact::rules::hooks::{BodyHead, BodyHook, Hook, MOST_HOOKED, RequestHead, ResponseHead};
use crate::redact::side::Side;

const REQUEST: &str = "redact_request_with";
const RESPONSE: &str = "redact_response_with";
const BODY: &str = "redact_body_with";

impl Redactor {
    /// Returns the redacted URL and headers of a request. cassette stores and matches these.
    pub(crate) fn request(&self, head: &http::request::Parts) -> Result<(String, HeaderMap), Objection> {
        let uri = head.uri.to_string();
        if let Some(returned) = self.returned(&uri, &head.headers) {
            return Err(returned);
        }
        let hooks = &self.rules().hooks.requests;
        if hooks.is_empty() {
            return Ok((self.uri(&uri), self.headers(&head.headers, Side::Request)));
        }
        let mut seen = RequestHead { method: head.method.clone(), uri, headers: head.headers.clone() };
        for hook in hooks {
            let (uri, headers) = (seen.uri.clone(), seen.headers.clone());
            run(hook, REQUEST, || (hook.run)(&mut seen))?;
            if !seen.uri.parse::<http::Uri>().is_ok_and(|uri| uri.authority().is_some()) {
                return Err(failed(hook, REQUEST, "left an invalid URL".into()));
            }
            self.count_hook(hook, seen.uri != uri || seen.headers != headers);
        }
        self.note_removed(Side::Request, &head.headers, &seen.headers);
        Ok((self.uri(&seen.uri), self.headers(&seen.headers, Side::Request)))
    }

    /// Returns the redacted headers of a response, which cassette stores. `uri` is the redacted URL of the request.
    pub(crate) fn response(&self, uri: &str, head: &http::response::Parts) -> Result<HeaderMap, Objection> {
        let hooks = &self.rules().hooks.responses;
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
        self.note_removed(Side::Response, &head.headers, &seen.headers);
        Ok(self.headers(&seen.headers, Side::Response))
    }

    /// Notes the headers that hooks removed.
    fn note_removed(&self, side: Side, before: &HeaderMap, after: &HeaderMap) {
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.leave_out(side, name.as_str());
        }
    }

    fn count_hook<F: ?Sized>(&self, hook: &Hook<F>, changed: bool) {
        if changed {
            self.account().note(&hook.label());
        }
    }
}

/// A writer for a body. If a hook wants the body, the writer holds the whole body, and passes on the changed body at
/// the end. Otherwise it passes on the bytes as they come.
pub(crate) struct Hooked<W> {
    redactor: Redactor,
    state: State,
    next: W,
}

enum State {
    /// The hooks have not been asked yet whether they want the body.
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
        let state = match redactor.rules().hooks.bodies.is_empty() {
            true => State::Passing,
            false => {
                State::Unasked(Box::new(BodyHead { side, uri: uri.to_owned(), headers: headers.clone() }))
            }
        };
        Hooked { redactor: redactor.clone(), state, next }
    }

    /// Ends the body and runs the hooks that want it. Returns the next writer, and whether a hook changed the body.
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
        for hook in &self.redactor.rules().hooks.bodies {
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

/// Calls a hook and catches a panic: a panic would end the task of the exchange, and nobody would see it.
fn run<F: ?Sized, T>(hook: &Hook<F>, with: &'static str, call: impl FnOnce() -> T) -> Result<T, Objection> {
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|panic| failed(hook, with, format!("panicked: {}", panic_text(&*panic))))
}

fn failed<F: ?Sized>(hook: &Hook<F>, with: &'static str, why: String) -> Objection {
    Objection::Hook { name: hook.name.as_ref().to_owned(), with, why }
}
