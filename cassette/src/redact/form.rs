//! Redaction by name of `application/x-www-form-urlencoded` text: bodies and the queries of URLs.

use std::borrow::Cow;
use std::io::{self, Write};

use percent_encoding::percent_decode;

use super::rules::REDACTED;
use super::{Fired, Rules};

/// Replaces the values of fields whose name is on the list. An empty value stays.
pub(super) struct FormFields {
    at: At,
    key: Vec<u8>,
}

enum At {
    Key,
    /// In a value that stays.
    Kept,
    /// At the first byte of a value that goes.
    Start(std::sync::Arc<str>),
    /// In a value that went.
    Replaced,
}

const LONGEST_KEY: usize = 1024;

impl FormFields {
    pub(super) fn new() -> FormFields {
        FormFields { at: At::Key, key: Vec::new() }
    }

    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        rules: &Rules,
        fired: &Fired,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let (mut i, mut kept) = (0, 0);
        while i < chunk.len() {
            let rest = &chunk[i..];
            match &self.at {
                At::Key => {
                    let end = memchr::memchr2(b'=', b'&', rest);
                    let part = &rest[..end.unwrap_or(rest.len())];
                    self.key.extend_from_slice(&part[..part.len().min(LONGEST_KEY + 1 - self.key.len())]);
                    i += part.len();
                    if end.is_some() {
                        if chunk[i] == b'=' {
                            self.at = rule(&self.key, rules).map_or(At::Kept, At::Start);
                        }
                        self.key.clear();
                        i += 1;
                    }
                }
                At::Start(label) if rest[0] != b'&' => {
                    out.write_all(&chunk[kept..i])?;
                    out.write_all(REDACTED.as_bytes())?;
                    fired.count(label);
                    self.at = At::Replaced;
                    kept = i;
                }
                At::Kept | At::Start(_) | At::Replaced => {
                    let end = memchr::memchr(b'&', rest);
                    i += end.unwrap_or(rest.len());
                    if matches!(self.at, At::Replaced) {
                        kept = i;
                    }
                    if end.is_some() {
                        self.at = At::Key;
                        i += 1;
                    }
                }
            }
        }
        out.write_all(&chunk[kept..])
    }
}

fn rule(key: &[u8], rules: &Rules) -> Option<std::sync::Arc<str>> {
    if key.len() > LONGEST_KEY {
        return None;
    }
    let spaced: Cow<'_, [u8]> = if key.contains(&b'+') {
        key.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect()
    } else {
        key.into()
    };
    rules.field_rule(&percent_decode(&spaced).decode_utf8_lossy())
}
