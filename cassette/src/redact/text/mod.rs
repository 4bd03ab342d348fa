//! The last stage of every text: named secrets by value, then what is known by its form.

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

/// A writer that redacts what it can tell without knowing where it stands.
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
