//! Makes the response for the client from a recording. Fills in the values of secrets. If the recording is a template,
//! also fills in parts of the request.
//!
//! Must not know: which recording answers which request.

use std::io::{self, Write};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use super::response_body::RecordedBody;
use super::{Chosen, Fault, Played, Player, note};
use crate::body::Body;
use crate::capture;
use crate::clock::format_http_date;
use crate::error::Error;
use crate::reason;
use crate::redact::{Redactor, Restorer};
use crate::report::Unfilled;
use crate::tape::{self, Interaction, Outcome, Request, Response, TransportError};
use crate::template::{Filler, Live, Values};

impl Player {
    /// Makes the answer from an interaction that [`find`](Self::find) or [`choose`](Self::choose) returned.
    pub(crate) fn play_recording(&self, chosen: &Chosen, live: Option<Arc<Live>>) -> Played {
        match self.answer(chosen, live) {
            Ok(Ok(response)) => Played::Response(response),
            Ok(Err(e)) => Played::Error(e),
            Err(fault) => Played::Faulty(self.faulty(fault)),
        }
    }

    /// Notes a fault for the report, and returns a copy of it for the answer.
    pub(crate) fn faulty(&self, fault: Fault) -> Fault {
        let copy = fault.copy();
        note(&self.faults, fault);
        copy
    }

    /// Returns the recorded outcome and its body. The body is `None` if it is longer than `most` bytes. A template is
    /// filled in as for a client.
    pub(crate) fn recorded(
        &self,
        chosen: &Chosen,
        live: Option<Arc<Live>>,
        most: usize,
    ) -> Result<(Outcome, Option<Vec<u8>>), Fault> {
        let i = chosen.index;
        let mut outcome = self.interaction(chosen)?.outcome;
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
        chosen: &Chosen,
        live: Option<Arc<Live>>,
    ) -> Result<Result<http::Response<Body>, TransportError>, Fault> {
        let i = chosen.index;
        let interaction = self.interaction(chosen)?;
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
        let Response { reason, headers, body, trailers, cut, .. } = recorded;
        if let Some(reason) = &reason {
            reason::set(response.extensions_mut(), &self.restored(reason));
        }
        *response.headers_mut() = headers;
        if self.restores {
            self.restore_headers(response.headers_mut());
        }
        self.add_date(response.headers_mut());
        // An answer to `HEAD` and a 304 have no body, but `content-length` may give the length of the body that an
        // answer to `GET` would have (RFC 9110 §9.3.2, §15.4.5).
        let head_only = interaction.request.method == http::Method::HEAD || recorded_status == 304;
        let headers = response.headers_mut();
        // cassette computes `content-length`, so somebody who edits a body by hand need not correct the header.
        if has_length(headers) && cut.is_none() && !head_only {
            headers.insert(header::CONTENT_LENGTH, body.size().into());
        }
        // A template is filled in once before the answer begins. So a wrong expression fails before the client gets the
        // head.
        if !bodiless && (refill.values.is_some() || refill.is_needed() && has_length(headers)) {
            let length = self.refilled_length(i, &refill, headers, &body)?;
            if has_length(headers) && cut.is_none() {
                headers.insert(header::CONTENT_LENGTH, length.into());
            } else if length != body.size() {
                // The body was cut off, and its length has changed. So the recorded length is wrong for it.
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

    /// Reads the recording, and replaces recorded values by the values that the client got in their place in earlier
    /// answers.
    fn interaction(&self, chosen: &Chosen) -> Result<Interaction, Fault> {
        let mut interaction = self.cassette.interaction(chosen.index)?;
        let Interaction { request, outcome, .. } = &mut interaction;
        if let (Outcome::Response(response), Some(renames)) = (outcome, &chosen.renames) {
            renames.apply(&self.cassette, request, response)?;
        }
        Ok(interaction)
    }

    /// Computes the length that the body has after it is filled in. For this, the function reads the whole body. The
    /// length must be exact, because a client may allocate a buffer of this length, or show its progress.
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

    /// Returns the values of the expressions in this answer. Returns `None` if the answer is not a template.
    fn values(&self, i: usize, live: Option<Arc<Live>>) -> Option<Arc<Values>> {
        let is_template = self.cassette.metadata().template || self.state().index.policy(i).template;
        live.filter(|_| is_template).map(|live| Arc::new(Values::new(live, self.clock.now())))
    }

    fn fill_head(&self, i: usize, values: &Arc<Values>, response: &mut Response) -> Result<(), Fault> {
        let Response { headers, trailers, .. } = response;
        let filled = values.fill_headers(headers).and_then(|()| values.fill_headers(trailers));
        filled.map_err(|e| self.unfilled(i, &e))
    }

    /// Adds a `date` header if the recording dropped the `date` headers of its answers. The date is the time of the
    /// session, which the code under test also sees.
    fn add_date(&self, headers: &mut HeaderMap) {
        let left_out = self.cassette.metadata().left_out.as_ref();
        let had_date = left_out.is_some_and(|names| names.response.iter().any(|name| header::DATE == **name));
        if had_date
            && !headers.contains_key(header::DATE)
            && let Some(date) = format_http_date(self.clock.now())
            && let Ok(date) = HeaderValue::try_from(date)
        {
            headers.insert(header::DATE, date);
        }
    }

    fn restore_headers(&self, headers: &mut HeaderMap) {
        headers.values_mut().for_each(|value| *value = self.restored(value));
    }

    fn restored(&self, value: &HeaderValue) -> HeaderValue {
        let restored = std::str::from_utf8(value.as_bytes()).ok().and_then(|text| {
            HeaderValue::from_str(&self.redactor.restore_str(text)).ok().filter(|_| self.restores)
        });
        restored.unwrap_or_else(|| value.clone())
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

/// The values that are filled into a body: secrets, and the values of a template.
struct Refill<'p> {
    redactor: &'p Redactor,
    restores: bool,
    values: Option<Arc<Values>>,
}

impl Refill<'_> {
    fn is_needed(&self) -> bool {
        self.restores || self.values.is_some()
    }

    /// Makes a writer that fills in secrets first and then the expressions of a template. So a placeholder that a
    /// template takes from the request is not replaced.
    fn writer<W: Write>(&self, content_type: Option<&str>, next: W) -> Restorer<Filler<W>> {
        self.redactor.restorer(content_type, Filler::new(self.values.clone(), content_type, next))
    }
}

fn has_length(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH)
}

/// A writer that counts the bytes and drops them.
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
