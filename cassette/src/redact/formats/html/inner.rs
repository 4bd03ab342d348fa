//! The state of a text or an attribute value of a page while the parser reads it: the text is kept, or is redacted, or
//! is JSON.
//!
//! Must not know: tags, which value is redacted.

use std::io;
use std::sync::Arc;

use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::json::JsonFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::Pending;
use crate::redact::formats::unescape::{Coding, Unescaper};
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Named;
use crate::redact::values::encoding::Encoding;

/// A text or value being read.
pub(super) enum Inner {
    /// Only white space has been read.
    Blank,
    Kept,
    /// The project keeps the value.
    Excused(ValueDigest, Unescaper),
    /// The text may be JSON.
    Document(Box<JsonFields>, Unescaper, Pending),
    /// The text is redacted unless it is empty. The last member says whether any byte of the text has been read.
    Secret(ValueDigest, Unescaper, Arc<Rule>, bool),
}

impl Inner {
    /// The state at the beginning of a value of a field with a name on a list, or of another value.
    pub(super) fn of(named: Option<Named>, to: &Pass<'_>) -> Inner {
        let (value, unescaper) = (to.account.identity.value(), Unescaper::new(Coding::Xml));
        match named {
            Some(Named::Redacted(rule)) => Inner::Secret(value, unescaper, rule, false),
            Some(Named::Kept) => Inner::Excused(value, unescaper),
            None => Inner::Blank,
        }
    }

    pub(super) fn feed(&mut self, part: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        let is_new = match self {
            Inner::Blank => true,
            Inner::Excused(value, _) => value.is_empty(),
            _ => false,
        };
        if is_new && let Some(first) = part.trim_ascii_start().first() {
            let kept = std::mem::replace(self, Inner::Kept);
            *self = match first {
                b'{' | b'[' | b'&' => Inner::Document(
                    Box::new(JsonFields::within(to.rules, &[Encoding::Html])),
                    Unescaper::new(Coding::Xml),
                    Pending::default(),
                ),
                _ if matches!(kept, Inner::Excused(..)) => kept,
                _ => Inner::Kept,
            };
        }
        match self {
            Inner::Excused(value, unescaper) => {
                unescaper.push(part, &mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })?;
                to.out.keep(part)
            }
            Inner::Blank | Inner::Kept => to.out.keep(part),
            Inner::Document(inner, unescaper, pending) => unescaper.push(part, &mut |raw, decoded| {
                to.within(pending, raw, decoded, |to| inner.push(decoded, to))
            }),
            Inner::Secret(value, unescaper, _, any) => {
                *any |= !part.is_empty();
                to.out.skip(part.len())?;
                unescaper.push(part, &mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })
            }
        }
    }

    /// Ends the text or value.
    pub(super) fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        match std::mem::replace(self, Inner::Blank) {
            Inner::Secret(mut value, unescaper, rule, true) => {
                unescaper.finish(&mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })?;
                to.out.insert(&to.account.replace(&rule, &value, to.rules, &[Encoding::Html]))
            }
            Inner::Document(mut inner, unescaper, mut pending) => {
                unescaper.finish(&mut |raw, decoded| {
                    to.within(&mut pending, raw, decoded, |to| inner.push(decoded, to))
                })?;
                to.within(&mut pending, b"", b"", |to| inner.end(to))
            }
            Inner::Excused(mut value, unescaper) => {
                unescaper.finish(&mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })?;
                to.account.excuse(&value);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
