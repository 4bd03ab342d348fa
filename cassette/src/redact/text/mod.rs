//! The last stage of every text: named secrets by value, then what is known by its form.

pub(crate) mod by_pattern;
pub(crate) mod by_value;

use std::io::{self, Write};
use std::sync::Arc;

use crate::redact::account::Account;
use crate::redact::patterns::Shapes;
use crate::redact::rules::set::Rules;
use crate::redact::text::by_pattern::ShapeReplacer;
use crate::redact::text::by_value::Replacer;
use crate::redact::values::finder::Finder;

/// A writer that redacts what it can tell without knowing where it stands.
pub(crate) struct Values<W>(Replacer<ShapeReplacer<W>>);

impl<W: Write> Values<W> {
    pub(crate) fn new(
        values: Arc<Finder>,
        shapes: Arc<Shapes>,
        rules: Arc<Rules>,
        account: Arc<Account>,
        next: W,
    ) -> Self {
        let next = ShapeReplacer::new(shapes, rules, account.clone(), next);
        Values(Replacer::new(values, account, next))
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        self.0.finish()?.finish()
    }
}

impl<W: Write> Write for Values<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
