//! One pass over a text: the rules in force, the account, and where the text goes.
//!
//! Must not know: formats.

use std::io;

use crate::redact::account::Account;
use crate::redact::formats::splice::{Pending, Sink};
use crate::redact::rules::set::Rules;

/// What every reader of a format is given with the bytes that it reads.
pub(crate) struct Pass<'p> {
    pub(crate) rules: &'p Rules,
    pub(crate) account: &'p Account,
    pub(crate) out: &'p mut dyn Sink,
}

impl Pass<'_> {
    /// The same for a text within this one, which came encoded as `raw` and means `plain`. What is pending is a part of
    /// an escape whose rest has not come yet.
    pub(crate) fn within(
        &mut self,
        pending: &mut Pending,
        raw: &[u8],
        plain: &[u8],
        read: impl FnOnce(&mut Pass<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Pass { rules, account, out } = self;
        read(&mut Pass { rules, account, out: &mut pending.sink(raw, plain, *out) })
    }
}
