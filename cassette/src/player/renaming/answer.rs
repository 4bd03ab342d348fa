//! Replaces recorded values in an answer by the values that clients of this run got in their place.
//!
//! Must not know: why a value has another name.

use std::collections::{HashMap, HashSet};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::atoms::{Atom, Walk};
use super::links::{Given, each_request_atom};
use super::origin::Origin;
use crate::capture::DIGESTS;
use crate::error::Result;
use crate::tape::{Body, Cassette, Chunks, Content, Request, Response};

/// For each recorded value to replace, the value of this run, and the origin of the recorded value.
#[derive(Debug, Default)]
pub(in crate::player) struct Renames(HashMap<String, Vec<(Origin, String)>>);

/// The greatest length of a body in a file whose values are replaced, in bytes.
const LONGEST: u64 = 16 << 20;

impl Renames {
    pub(super) fn add(&mut self, recorded: &Given, live: &str) {
        let names = self.0.entry(recorded.value.clone()).or_default();
        names.push((recorded.origin.clone(), live.to_owned()));
    }

    /// Replaces the recorded values in the answer to a recorded request. A short value with a name such as `id` is
    /// replaced only if the request is about the same kind of thing: its path names the collection, or it contains the
    /// value itself. Otherwise the `id` of a user would be replaced after two jobs have exchanged their ids.
    ///
    /// # Errors
    ///
    /// The body cannot be read.
    pub(in crate::player) fn apply(
        &self,
        cassette: &Cassette,
        request: &Request,
        response: &mut Response,
    ) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut in_request = HashSet::new();
        each_request_atom(request, &mut |atom| {
            if self.0.get(atom.text).is_some_and(|names| names.iter().any(|(origin, _)| origin.fits(&atom))) {
                in_request.insert(atom.text.to_owned());
            }
        });
        let mut rename = |atom: Atom<'_>| {
            let is_meant = |origin: &Origin| {
                !origin.is_vague(&atom) || origin.is_about(&request.uri) || in_request.contains(atom.text)
            };
            let mut names = self.0.get(atom.text)?.iter();
            names.find(|(origin, _)| origin.fits(&atom) && is_meant(origin)).map(|(_, live)| live.clone())
        };
        let mut walk = Walk::new(&mut rename);
        if let Some(body) = walk.bytes(&response.headers, &bytes(cassette, &response.body)?) {
            response.body.content = Content::Inline(body);
            // The body may have another length now, so the recorded offsets of its chunks would be wrong.
            if let Chunks::At(_) = response.body.chunks {
                response.body.chunks = Chunks::One;
            }
            DIGESTS.iter().for_each(|name| _ = response.headers.remove(*name));
        }
        let mut headers = |headers: &mut HeaderMap| {
            if let Some(new) = walk.headers(headers) {
                *headers = new;
            }
        };
        headers(&mut response.headers);
        headers(&mut response.trailers);
        Ok(())
    }
}

/// Returns the bytes of a body. Returns no bytes if the body is in a file and longer than [`LONGEST`].
fn bytes(cassette: &Cassette, body: &Body) -> Result<Bytes> {
    if let Content::Inline(bytes) = &body.content {
        return Ok(bytes.clone());
    }
    let mut all = BytesMut::new();
    if body.size() <= LONGEST {
        let mut reader = cassette.body_reader(body)?;
        while let Some(chunk) = reader.next_chunk()? {
            all.extend_from_slice(&chunk);
        }
    }
    Ok(all.freeze())
}
