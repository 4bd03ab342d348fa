//! Bodies on their way to the cassette and back, as a chain of writers in one streaming pass.

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

/// A writer that redacts what is written and passes it on: fields by name, links as URLs of their own, then secrets by
/// value and by form. From
/// [`Redactor::body`](crate::redact::Redactor::body).
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

    /// Tells, once the body is finished, whether it is another than it was.
    pub(crate) fn changed(&self) -> Changed {
        Changed(self.account.clone())
    }

    /// Says that the body is complete, passes on the rest and gives the next writer back.
    ///
    /// # Errors
    ///
    /// The next writer's.
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

    /// What might be the beginning of a secret is held back until it is known not to be.
    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

/// Whether a body was redacted.
pub(crate) struct Changed(Arc<Account>);

impl Changed {
    pub(crate) fn get(&self) -> bool {
        self.0.hit.load(Ordering::Relaxed)
    }
}
