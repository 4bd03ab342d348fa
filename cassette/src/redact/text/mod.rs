//! The last stage of every text: named secrets by value, then what is known by its form.

pub(crate) mod by_value;

use std::io::{self, Write};
use std::sync::Arc;

use crate::redact::patterns::ShapeReplacer;
use crate::redact::text::by_value::Replacer;
use crate::redact::{Fired, Inner};

/// A writer that redacts what it can tell without knowing where it stands.
pub(crate) struct Values<W>(Replacer<ShapeReplacer<W>>);

impl<W: Write> Values<W> {
    pub(crate) fn new(redactor: &Inner, fired: Arc<Fired>, next: W) -> Self {
        let shapes = ShapeReplacer::new(redactor.shapes.clone(), redactor.rules.clone(), fired.clone(), next);
        Values(Replacer::new(redactor.values.clone(), fired, shapes))
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
