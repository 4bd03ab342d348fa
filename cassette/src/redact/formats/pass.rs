//! The context of one pass over a text: the rules in force, the account, and the sink.
//!
//! Must not know: formats.

use std::io;

use crate::redact::account::Account;
use crate::redact::formats::splice::{Pending, Sink};
use crate::redact::rules::set::Rules;

/// The context that every parser receives together with the bytes.
pub(crate) struct Pass<'p> {
    pub(crate) rules: &'p Rules,
    pub(crate) account: &'p Account,
    pub(crate) out: &'p mut dyn Sink,
}

impl Pass<'_> {
    /// Parses a text that is encoded inside the current text. `raw` is a piece of the current text, and `decoded` is
    /// the piece of the inner text that it encodes. `read` passes `decoded` to the inner parser. `pending` holds bytes
    /// that the inner parser has read, but not yet kept or skipped.
    pub(crate) fn within(
        &mut self,
        pending: &mut Pending,
        raw: &[u8],
        decoded: &[u8],
        read: impl FnOnce(&mut Pass<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Pass { rules, account, out } = self;
        read(&mut Pass { rules, account, out: &mut pending.sink(raw, decoded, *out) })
    }
}
