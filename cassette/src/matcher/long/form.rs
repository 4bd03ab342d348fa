//! Hashes a URL-encoded form as a multiset of fields, as [`pairs`](super::super::pairs) compares a short one.

use percent_encoding::percent_decode;

use super::hash::{self, Sample, Stream};
use super::{OwnOptions, PREVIEW, TOKEN};
use crate::matcher::pairs;
use crate::meaning::Meaning;

#[derive(Debug)]
pub(in crate::matcher) struct FormReader {
    options: OwnOptions,
    /// Bytes of the key or value that were not decoded yet.
    raw: Vec<u8>,
    /// The key, while its value is read.
    key: Option<Key>,
    stream: Stream,
    preview: Vec<u8>,
    sum: u128,
    fields: u128,
    sample: Sample,
    failed: bool,
}

#[derive(Debug)]
struct Key {
    text: Vec<u8>,
    counts: bool,
}

impl FormReader {
    pub(super) fn new(options: OwnOptions) -> FormReader {
        FormReader {
            options,
            raw: Vec::new(),
            key: None,
            stream: Stream::new(b'v'),
            preview: Vec::new(),
            sum: 0,
            fields: 0,
            sample: Sample::new(),
            failed: false,
        }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        while !self.failed {
            let end = match self.key {
                None => memchr::memchr2(b'=', b'&', bytes),
                Some(_) => memchr::memchr(b'&', bytes),
            };
            self.raw.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            let Some(end) = end else { break };
            if bytes[end] == b'=' {
                self.key_ends();
            } else {
                self.field_ends();
            }
            bytes = &bytes[end + 1..];
        }
        if self.raw.len() > TOKEN {
            match self.key {
                None => self.failed = true,
                Some(_) => self.value(false),
            }
        }
    }

    pub(super) fn finish(mut self) -> Option<Meaning> {
        self.field_ends();
        let hash = hash::mixed(b'f', [self.fields, self.sum]);
        (!self.failed).then(|| Meaning::Form(self.sample.finish(hash, self.fields == 0)))
    }

    fn key_ends(&mut self) {
        let text = decoded(&self.raw);
        self.raw.clear();
        let counts = self.options.in_force().form(&text);
        self.key = Some(Key { text, counts });
        self.stream.restart(b'v');
        self.preview.clear();
    }

    fn field_ends(&mut self) {
        if self.key.is_none() {
            // Empty pieces do not count, and `a` equals `a=`.
            if self.raw.is_empty() {
                return;
            }
            self.key_ends();
        }
        self.value(true);
        let value = self.stream.end();
        let Some(Key { text, counts: true }) = self.key.take() else { return };
        let field = hash::mixed(b'p', [hash::of(b'k', &text), value]);
        self.sum = self.sum.wrapping_add(field);
        self.fields += 1;
        let preview = &self.preview;
        self.sample.add(0, &pairs::text(&text), field, || super::shortened(pairs::text(preview)));
    }

    /// Decodes the value so far. An escape that may continue is left for later, unless the value `ends`.
    fn value(&mut self, ends: bool) {
        let last = self.raw.len().saturating_sub(2);
        let cut = match memchr::memchr(b'%', &self.raw[last..]) {
            Some(at) if !ends => last + at,
            _ => self.raw.len(),
        };
        if self.key.as_ref().is_some_and(|key| key.counts) {
            let text = decoded(&self.raw[..cut]);
            self.stream.write(&text);
            let room = PREVIEW.saturating_sub(self.preview.len());
            self.preview.extend_from_slice(&text[..room.min(text.len())]);
        }
        self.raw.drain(..cut);
    }
}

fn decoded(raw: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).collect()
}
