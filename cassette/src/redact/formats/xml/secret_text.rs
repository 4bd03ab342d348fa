//! A redacted text or attribute value of XML: its placeholder replaces the content, and the white space around it stays.
//!
//! Must not know: tags, which text is redacted.

use std::io;
use std::sync::Arc;

use crate::redact::account::Account;
use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::Sink;
use crate::redact::formats::unescape::Unescaper;
use crate::redact::rules::rule::Rule;
use crate::redact::values::encoding::Encoding;

/// A redacted text.
pub(super) struct SecretText {
    value: ValueDigest,
    /// `None` in CDATA, which has no escapes.
    unescaper: Option<Unescaper>,
    rule: Arc<Rule>,
    /// Whether the text has content other than white space.
    any: bool,
    /// White space after the content so far. It stays if the text ends here.
    tail: Vec<u8>,
}

impl SecretText {
    pub(super) fn new(rule: Arc<Rule>, unescaper: Option<Unescaper>, account: &Account) -> SecretText {
        SecretText { value: account.identity.value(), unescaper, rule, any: false, tail: Vec::new() }
    }

    pub(super) fn feed(&mut self, text: &[u8], out: &mut dyn Sink) -> io::Result<()> {
        let end = text.trim_ascii_end().len();
        let start = if self.any { 0 } else { end - text[..end].trim_ascii_start().len() };
        if end == 0 {
            // The part is only white space.
            return if self.any {
                self.tail.extend_from_slice(text);
                Ok(())
            } else {
                out.keep(text)
            };
        }
        out.keep(&text[..start])?;
        self.any = true;
        let tail = std::mem::take(&mut self.tail);
        self.value.push(&tail);
        let (value, content) = (&mut self.value, &text[start..end]);
        match &mut self.unescaper {
            None => value.push(content),
            Some(unescaper) => unescaper.push(content, &mut |raw, decoded| {
                value.push_as(raw, decoded);
                Ok(())
            })?,
        }
        out.skip(tail.len() + content.len())?;
        self.tail.extend_from_slice(&text[end..]);
        Ok(())
    }

    /// Ends the text, which has these encodings.
    pub(super) fn end(self, encodings: &[Encoding], to: &mut Pass<'_>) -> io::Result<()> {
        let SecretText { mut value, unescaper, rule, any, tail } = self;
        let encodings = if unescaper.is_some() { encodings } else { encodings.get(1..).unwrap_or_default() };
        if let Some(unescaper) = unescaper {
            unescaper.finish(&mut |raw, decoded| {
                value.push_as(raw, decoded);
                Ok(())
            })?;
        }
        if any {
            to.out.insert(&to.account.replace(&rule, &value, to.rules, encodings))?;
        }
        to.out.keep(&tail)
    }
}
