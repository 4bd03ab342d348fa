//! A recorded answer on its way to the client: with the session's own secrets and, from a template, with parts of the
//! request in it.
//!
//! Must not know: which recording answers which request.

use std::io::{self, Write};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use super::response_body::RecordedBody;
use super::{Fault, Played, Player, note};
use crate::body::Body;
use crate::capture;
use crate::error::Error;
use crate::redact::{Redactor, Restorer};
use crate::report::Unfilled;
use crate::tape::{self, Outcome, Request, Response, TransportError};
use crate::template::{Filler, Live, Values};

impl Player {
    /// The answer of an interaction that was [found](Self::find) for a request.
    pub(crate) fn play_recording(&self, i: usize, live: Option<Arc<Live>>) -> Played {
        match self.answer(i, live) {
            Ok(Ok(response)) => Played::Response(response),
            Ok(Err(e)) => Played::Error(e),
            Err(fault) => Played::Faulty(self.faulty(fault)),
        }
    }

    /// Notes a fault: what to tell the code under test.
    pub(crate) fn faulty(&self, fault: Fault) -> Fault {
        let copy = fault.copy();
        note(&self.faults, fault);
        copy
    }

    /// What was recorded, and its body unless that is longer than `most` bytes; filled in as it is for the client.
    pub(crate) fn recorded(
        &self,
        i: usize,
        live: Option<Arc<Live>>,
        most: usize,
    ) -> Result<(Outcome, Option<Vec<u8>>), Fault> {
        let mut outcome = self.cassette.interaction(i)?.outcome;
        let Outcome::Response(response) = &mut outcome else { return Ok((outcome, None)) };
        let values = self.values(i, live);
        if let Some(values) = &values {
            self.fill_head(i, values, response)?;
        }
        if response.body.size() > most as u64 {
            return Ok((outcome, None));
        }
        let content_type = capture::content_type(&response.headers);
        let mut filler = Filler::new(values, content_type, Vec::new());
        let mut reader = self.cassette.body_reader(&response.body)?;
        while let Some(chunk) = reader.next_chunk()? {
            filler.write_all(&chunk).map_err(|e| self.unfilled(i, &e))?;
        }
        let bytes = filler.finish().map_err(|e| self.unfilled(i, &e))?;
        Ok((outcome, Some(bytes)))
    }

    fn answer(
        &self,
        i: usize,
        live: Option<Arc<Live>>,
    ) -> Result<Result<http::Response<Body>, TransportError>, Fault> {
        let interaction = self.cassette.interaction(i)?;
        let mut recorded = match interaction.outcome {
            Outcome::Response(r) => r,
            Outcome::Error(e) => return Ok(Err(e)),
        };
        let refill =
            Refill { redactor: &self.redactor, restores: self.restores, values: self.values(i, live) };
        let (bodiless, recorded_status) = (recorded.body.size() == 0, recorded.status);
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::from_u16(recorded.status)
            .map_err(|e| Error::with_source(format!("interaction {i}: status {}", recorded.status), e))?;
        *response.version_mut() = recorded.version;
        if let Some(values) = &refill.values {
            self.fill_head(i, values, &mut recorded)?;
        }
        let Response { headers, body, trailers, cut, .. } = recorded;
        *response.headers_mut() = headers;
        if self.restores {
            self.restore_headers(response.headers_mut());
        }
        // The length of what isn't sent (RFC 9110 §9.3.2, §15.4.5).
        let head_only = interaction.request.method == http::Method::HEAD || recorded_status == 304;
        let headers = response.headers_mut();
        // Whoever edits a body by hand need not count it.
        if has_length(headers) && cut.is_none() && !head_only {
            headers.insert(header::CONTENT_LENGTH, body.size().into());
        }
        // Of a template every expression is looked at before the answer begins: what is wrong with one is told in time.
        if !bodiless && (refill.values.is_some() || refill.is_needed() && has_length(headers)) {
            let length = self.refilled_length(i, &refill, headers, &body)?;
            if has_length(headers) && cut.is_none() {
                headers.insert(header::CONTENT_LENGTH, length.into());
            } else if length != body.size() {
                // What was promised is no longer comparable with what comes.
                headers.remove(header::CONTENT_LENGTH);
            }
        }
        let reader = self.cassette.body_reader(&body)?;
        let refiller = (refill.is_needed() && !bodiless)
            .then(|| refill.writer(capture::content_type(response.headers()), Vec::new()));
        let has_length = has_length(response.headers());
        let played =
            RecordedBody::new(&body, reader, refiller, trailers, cut, has_length, self.faults.clone());
        *response.body_mut() = Body::new(played);
        Ok(Ok(response))
    }

    /// The length that the body will have with what is put into it. For that it is read twice: a client may size a
    /// buffer by it, or show progress.
    fn refilled_length(
        &self,
        i: usize,
        refill: &Refill<'_>,
        headers: &HeaderMap,
        body: &tape::Body,
    ) -> Result<u64, Fault> {
        let mut counted = refill.writer(capture::content_type(headers), Count(0));
        let mut reader = self.cassette.body_reader(body)?.unchecked();
        while let Some(chunk) = reader.next_chunk()? {
            counted.write_all(&chunk).map_err(|e| self.unfilled(i, &e))?;
        }
        let counted = counted.finish().and_then(Filler::finish).map_err(|e| self.unfilled(i, &e))?;
        Ok(counted.0)
    }

    /// What expressions of this answer stand for, if it is a template.
    fn values(&self, i: usize, live: Option<Arc<Live>>) -> Option<Arc<Values>> {
        let is_template = self.cassette.metadata().template || self.state().index.policy(i).template;
        live.filter(|_| is_template).map(|live| Arc::new(Values::new(live, self.clock.now())))
    }

    fn fill_head(&self, i: usize, values: &Arc<Values>, response: &mut Response) -> Result<(), Fault> {
        let Response { headers, trailers, .. } = response;
        let filled = values.fill_headers(headers).and_then(|()| values.fill_headers(trailers));
        filled.map_err(|e| self.unfilled(i, &e))
    }

    fn restore_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Ok(text) = std::str::from_utf8(value.as_bytes())
                && let Ok(restored) = HeaderValue::from_str(&self.redactor.restore_str(text))
            {
                *value = restored;
            }
        }
    }

    fn unfilled(&self, index: usize, reason: &dyn std::fmt::Display) -> Fault {
        match self.cassette.request(index) {
            Ok(Request { method, uri, .. }) => {
                let (cassette, reason) = (self.cassette.path().to_owned(), reason.to_string());
                Fault::Unfilled(Unfilled { cassette, index, method, uri, reason })
            }
            Err(e) => e.into(),
        }
    }
}

/// What is put back into a body.
struct Refill<'p> {
    redactor: &'p Redactor,
    restores: bool,
    values: Option<Arc<Values>>,
}

impl Refill<'_> {
    fn is_needed(&self) -> bool {
        self.restores || self.values.is_some()
    }

    /// Secrets come first: what a client sent is not searched for their placeholders.
    fn writer<W: Write>(&self, content_type: Option<&str>, next: W) -> Restorer<Filler<W>> {
        self.redactor.restorer(content_type, Filler::new(self.values.clone(), content_type, next))
    }
}

fn has_length(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH)
}

/// Counts what is written.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
