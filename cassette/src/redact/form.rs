//! Redaction by name of `application/x-www-form-urlencoded` text: bodies and the queries of URLs.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use percent_encoding::percent_decode;

use super::rule::Rule;
use super::rules::REDACTED;
use super::{Fired, Rules};

/// Replaces the values of fields whose name is on the list. An empty value stays.
pub(super) struct FormFields {
    at: At,
    key: Vec<u8>,
    /// Of a URL: some names are on the list only there.
    is_query: bool,
}

enum At {
    Key,
    /// In a value that stays.
    Kept,
    /// At the first byte of a value that goes.
    Start(Arc<Rule>),
    /// In a value that went.
    Replaced,
}

const LONGEST_KEY: usize = 1024;

impl FormFields {
    pub(super) fn new() -> FormFields {
        FormFields { at: At::Key, key: Vec::new(), is_query: false }
    }

    pub(super) fn of_query() -> FormFields {
        FormFields { is_query: true, ..FormFields::new() }
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
                            self.at = self.rule(rules).map_or(At::Kept, At::Start);
                        }
                        self.key.clear();
                        i += 1;
                    }
                }
                At::Start(rule) if rest[0] != b'&' => {
                    out.write_all(&chunk[kept..i])?;
                    out.write_all(REDACTED.as_bytes())?;
                    fired.count(&rule.label);
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

    /// The rule for the field whose key has been read.
    fn rule(&self, rules: &Rules) -> Option<Arc<Rule>> {
        let key = &self.key;
        if key.len() > LONGEST_KEY {
            return None;
        }
        let spaced: Cow<'_, [u8]> = if key.contains(&b'+') {
            key.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect()
        } else {
            key.into()
        };
        let name = percent_decode(&spaced).decode_utf8_lossy();
        rules.field_rule(&name).or_else(|| rules.query.get(&name).filter(|_| self.is_query))
    }
}
