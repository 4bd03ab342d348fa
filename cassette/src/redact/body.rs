//! Redaction of a body in one streaming pass: a chain of writers that redacts fields, then links, then the text.
//!
//! Must not know: where the body comes from, where the redacted body goes.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::redact::account::Account;
use crate::redact::formats::body_fields::BodyFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::WriterSink;
use crate::redact::links::stream::Links;
use crate::redact::rules::set::Rules;
use crate::redact::text::TextRedactor;

/// A writer that redacts a body and passes it on. First it redacts fields by name, then links in the same way as
/// separate URLs, then secrets by value and tokens by pattern. [`Redactor::body`](crate::redact::Redactor::body)
/// creates it.
pub struct BodyRedactor<W> {
    fields: BodyFields,
    rules: Arc<Rules>,
    account: Arc<Account>,
    next: Links<TextRedactor<W>>,
}

impl<W: Write> BodyRedactor<W> {
    pub(crate) fn new(
        content_type: Option<&str>,
        rules: Arc<Rules>,
        account: Arc<Account>,
        values: TextRedactor<W>,
    ) -> Self {
        let fields = BodyFields::of(content_type, 0);
        let next = Links::new(rules.clone(), account.clone(), values);
        BodyRedactor { fields, rules, account, next }
    }

    /// A handle that says, once the body is finished, whether redaction changed the body.
    pub(crate) fn changed(&self) -> Changed {
        Changed(self.account.clone())
    }

    /// Ends the body, writes the rest of it to the next writer, and returns that writer.
    ///
    /// # Errors
    ///
    /// Fails if the next writer fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.fields.finish(&mut Pass {
            rules: &self.rules,
            account: &self.account,
            out: &mut WriterSink(&mut self.next),
        })?;
        self.next.finish()?.finish()
    }
}

impl<W: Write> Write for BodyRedactor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.fields.push(
            bytes,
            &mut Pass { rules: &self.rules, account: &self.account, out: &mut WriterSink(&mut self.next) },
        )?;
        Ok(bytes.len())
    }

    /// Flushes the next writer. Bytes that may be the beginning of a secret stay in this writer until more of the body
    /// comes.
    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

/// Says whether redaction changed a body.
pub(crate) struct Changed(Arc<Account>);

impl Changed {
    pub(crate) fn get(&self) -> bool {
        self.0.hit.load(Ordering::Relaxed)
    }
}
