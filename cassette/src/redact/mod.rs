//! Keeps secrets off the disk. A [`Redactor`] redacts every request and response before cassette stores it, and every
//! request before cassette matches it. It finds named secrets by their value in any encoding, fields by their name, and
//! tokens by their pattern, and replaces them with placeholders. It drops headers that are noise. Before
//! cassette installs a recording, a [`LeakCheck`] searches the recording for secrets again.
//!
//! Must not know: files, sockets, cassettes.

mod account;
mod before_read;
mod body;
mod formats;
mod heads;
mod hooks;
pub(crate) mod leaks;
mod links;
mod objection;
mod patterns;
pub(crate) mod redactor;
mod restore;
pub(crate) mod rules;
mod side;
mod stand_ins;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
mod text;
mod values;

pub(crate) use before_read::Watch;
pub(crate) use body::BodyRedactor;
pub(crate) use hooks::Hooked;
pub(crate) use leaks::check::LeakCheck;
pub(crate) use leaks::check::Seen;
pub(crate) use leaks::leak::Leak;
pub(crate) use leaks::leak::{LeakEncoding, LeakKind};
pub(crate) use objection::Objection;
pub(crate) use redactor::Redactor;
pub(crate) use restore::Restorer;
#[cfg(test)]
pub(crate) use rules::catalogue::{DefaultRule, RuleKind, default_rules};
pub use rules::hooks::{BodyHead, MOST_HOOKED, RequestHead, ResponseHead};
pub(crate) use rules::label::Label;
pub(crate) use rules::secret::Secret;
pub(crate) use rules::set::Rules;
pub(crate) use rules::unusable::Unusable;
pub use side::Side;
pub(crate) use values::encoding::Encoding;
#[cfg(test)]
pub(crate) use values::encodings::EncodingKind;
