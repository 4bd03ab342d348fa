//! The last stage of every text: replaces named secrets and found values by value, then tokens by pattern.
//!
//! Must not know: formats, where the text stands in a body.

pub(crate) mod by_pattern;
pub(crate) mod by_value;

use std::io::{self, Write};
use std::sync::Arc;

use crate::redact::account::Account;
use crate::redact::patterns::Patterns;
use crate::redact::rules::set::Rules;
use crate::redact::text::by_pattern::TokenReplacer;
use crate::redact::text::by_value::ValueReplacer;
use crate::redact::values::finder::Finder;

/// A writer that redacts all secrets that need no context: known values, and tokens with a pattern.
pub(crate) struct TextRedactor<W>(ValueReplacer<TokenReplacer<W>>);

impl<W: Write> TextRedactor<W> {
    pub(crate) fn new(
        values: Arc<Finder>,
        patterns: Arc<Patterns>,
        rules: Arc<Rules>,
        account: Arc<Account>,
        next: W,
    ) -> Self {
        let next = TokenReplacer::new(patterns, rules, account.clone(), next);
        TextRedactor(ValueReplacer::new(values, account, next))
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        self.0.finish()?.finish()
    }
}

impl<W: Write> Write for TextRedactor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
