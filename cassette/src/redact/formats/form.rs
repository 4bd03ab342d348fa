//! Redacts fields by name in `application/x-www-form-urlencoded` text: in bodies and in the queries of URLs.
//!
//! Must not know: where the form comes from, links.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use percent_encoding::percent_decode;

use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::json::JsonFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::Pending;
use crate::redact::formats::unescape::{Coding, Unescaper};
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use crate::redact::values::encoding::Encoding;
use crate::redact::values::found_values;

/// Replaces the values of fields whose name has a rule. Empty values stay. If a value is JSON, the fields in the JSON
/// are redacted.
pub(crate) struct FormFields {
    at: At,
    key: Vec<u8>,
    /// The value being read, if the project keeps the field.
    excused: Option<(ValueDigest, Unescaper)>,
    /// Whether the text is the query of a URL. Some rules apply only to queries.
    is_query: bool,
    /// A redacted value ends before the first of these bytes. The rest of the value stays.
    stops: &'static [u8],
}

enum At {
    Key,
    /// In a value that is not redacted.
    Kept,
    /// Before the first byte of a value without a rule.
    Start,
    /// In a value that may be JSON.
    Document(Box<JsonFields>, Unescaper, Pending),
    /// In a value that is redacted unless it is empty. The last member keeps the first bytes of the raw value: if the
    /// rule redacts only tokens and the value is no token, these bytes are written unchanged.
    Secret(ValueDigest, Unescaper, Arc<Rule>, Vec<u8>),
}

const LONGEST_KEY: usize = 1024;

impl FormFields {
    pub(crate) fn new() -> FormFields {
        FormFields { at: At::Key, key: Vec::new(), excused: None, is_query: false, stops: b"" }
    }

    pub(crate) fn of_query() -> FormFields {
        FormFields { is_query: true, ..FormFields::new() }
    }

    /// The parser for the query of a URL that has no delimiters around it. A redacted value ends before the first byte
    /// that is one of the `stops`.
    pub(crate) fn of_query_up_to(stops: &'static [u8]) -> FormFields {
        FormFields { stops, ..FormFields::of_query() }
    }

    pub(crate) fn push(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        let mut i = 0;
        while i < chunk.len() {
            let rest = &chunk[i..];
            if let At::Key = self.at {
                let end = memchr::memchr2(b'=', b'&', rest);
                let part = &rest[..end.unwrap_or(rest.len())];
                self.key.extend_from_slice(&part[..part.len().min(LONGEST_KEY + 1 - self.key.len())]);
                let whole = part.len() + usize::from(end.is_some());
                to.out.keep(&rest[..whole])?;
                i += whole;
                if end.is_some() {
                    if rest[part.len()] == b'=' {
                        let kept = to.rules.keeps_form_field(&self.name());
                        self.excused =
                            kept.then(|| (to.account.identity.value(), Unescaper::new(Coding::Form)));
                        self.at = self.rule(to.rules).map_or(At::Start, |rule| {
                            At::Secret(
                                to.account.identity.value(),
                                Unescaper::new(Coding::Form),
                                rule,
                                Vec::new(),
                            )
                        });
                    }
                    self.key.clear();
                }
                continue;
            }
            let end = memchr::memchr(b'&', rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            self.feed(part, to)?;
            i += part.len();
            if end.is_some() {
                self.end(to)?;
                to.out.keep(b"&")?;
                i += 1;
            }
        }
        Ok(())
    }

    fn feed(&mut self, part: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        if let (At::Start, Some(first)) = (&self.at, part.first()) {
            self.at = match first {
                b'{' | b'[' | b'%' => At::Document(
                    Box::new(JsonFields::within(to.rules, &[self.encoding()])),
                    Unescaper::new(Coding::Form),
                    Pending::default(),
                ),
                _ => At::Kept,
            };
        }
        if let Some((value, unescaper)) = &mut self.excused {
            unescaper.push(part, &mut |raw, decoded| {
                value.push_as(raw, decoded);
                Ok(())
            })?;
        }
        match &mut self.at {
            At::Key | At::Start | At::Kept => to.out.keep(part),
            At::Document(inner, unescaper, pending) => unescaper.push(part, &mut |raw, decoded| {
                to.within(pending, raw, decoded, |to| inner.push(decoded, to))
            }),
            At::Secret(value, unescaper, _, written) => {
                let end = part.iter().position(|b| self.stops.contains(b));
                let (part, rest) = part.split_at(end.unwrap_or(part.len()));
                written.extend_from_slice(&part[..part.len().min(found_values::LONGEST + 1 - written.len())]);
                to.out.skip(part.len())?;
                unescaper.push(part, &mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })?;
                if end.is_some() {
                    self.end(to)?;
                    self.at = At::Kept;
                    to.out.keep(rest)?;
                }
                Ok(())
            }
        }
    }

    /// Ends the value.
    fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if let Some((mut value, unescaper)) = self.excused.take() {
            unescaper.finish(&mut |raw, decoded| {
                value.push_as(raw, decoded);
                Ok(())
            })?;
            to.account.excuse(&value);
        }
        match std::mem::replace(&mut self.at, At::Key) {
            At::Secret(mut value, unescaper, rule, written) if !written.is_empty() => {
                unescaper.finish(&mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })?;
                if rule.only_tokens
                    && written.len() <= found_values::LONGEST
                    && !value.is_token()
                    && let Ok(text) = std::str::from_utf8(&written)
                {
                    return to.out.insert(text);
                }
                to.out.insert(&to.account.replace(&rule, &value, to.rules, &[self.encoding()]))
            }
            At::Document(mut inner, unescaper, mut pending) => {
                unescaper.finish(&mut |raw, decoded| {
                    to.within(&mut pending, raw, decoded, |to| inner.push(decoded, to))
                })?;
                to.within(&mut pending, b"", b"", |to| inner.end(to))
            }
            _ => Ok(()),
        }
    }

    fn encoding(&self) -> Encoding {
        if self.is_query { Encoding::Percent } else { Encoding::Form }
    }

    /// Ends the form.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        self.end(to)
    }

    /// The rule for the field whose key has been read.
    fn rule(&self, rules: &Rules) -> Option<Arc<Rule>> {
        if self.key.len() > LONGEST_KEY {
            return None;
        }
        let name = self.name();
        rules
            .form_rule(&name)
            .or_else(|| rules.query.get(&name).filter(|rule| self.is_query || rule.only_tokens))
    }

    /// The decoded key that has been read.
    fn name(&self) -> String {
        let key = &self.key;
        let spaced: Cow<'_, [u8]> = if key.contains(&b'+') {
            key.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect()
        } else {
            key.into()
        };
        percent_decode(&spaced).decode_utf8_lossy().into_owned()
    }
}
