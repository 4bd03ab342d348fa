//! The search for tokens by the patterns of their issuers.
//!
//! Must not know: streams, what becomes of a token.

mod anchors;
mod tokens;

use std::sync::Arc;

use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use anchors::ANCHORS;
pub(crate) use tokens::{BEFORE, Class};
use tokens::{PATTERNS, Runs, TokenMatch};

/// The rules of the token patterns.
pub(crate) struct Patterns {
    /// The rule of each pattern; `None` if the rule is not in force.
    rules: [Option<Arc<Rule>>; PATTERNS.len()],
}

/// A token in a text.
#[derive(Debug)]
pub(crate) struct Token<'s> {
    pub(crate) rule: &'s Arc<Rule>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// If this is a class, the token is longer than a match reads: it continues after `end` with all characters of the
    /// class.
    pub(crate) swallow: Option<Class>,
}

/// The result of a search.
pub(crate) enum Next<'s> {
    Token(Token<'s>),
    /// No token begins before this place. A token may begin at this place; more text will decide.
    Open(usize),
}

impl Patterns {
    pub(crate) fn new(rules: &Rules) -> Patterns {
        Patterns { rules: std::array::from_fn(|pattern| rules.default_rule(PATTERNS[pattern].id).cloned()) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.iter().all(Option::is_none)
    }

    /// The first token in `text` that begins at `from` or later. `before` is the text before `text`; `whole` says that
    /// no text follows.
    pub(crate) fn next(&self, before: &[u8], text: &[u8], from: usize, whole: bool) -> Next<'_> {
        let mut at = from;
        let runs = Runs::default();
        while let Some((start, anchor)) = ANCHORS.find(text, at) {
            at = start + 1;
            let Some(rule) = &self.rules[anchor.pattern] else { continue };
            let mut room = [0; BEFORE];
            let before = last(before, &text[..start], &mut room);
            match PATTERNS[anchor.pattern].at(
                before,
                anchor.text.len(),
                &text[start..],
                whole,
                (&runs, start),
            ) {
                TokenMatch::Nothing => {}
                TokenMatch::More => return Next::Open(start),
                TokenMatch::Secret(span, swallow) => {
                    // If the user before a password is a token, redact the user and the password.
                    let user = &text[start + 1..start + span.start.max(1)];
                    let (user_at, end) = (start + 1, start + span.end);
                    let start = match self.next(&text[start..=start], user, 0, true) {
                        Next::Token(inner) => user_at + inner.start,
                        Next::Open(_) => start + span.start,
                    };
                    return Next::Token(Token { rule, start, end, swallow });
                }
            }
        }
        // The text may end in the beginning of an anchor.
        let open = if whole { 0 } else { ANCHORS.longest() - 1 };
        Next::Open(text.len().saturating_sub(open).max(at.min(text.len())))
    }
}

/// The documented prefixes of tokens. A JWT, a private key and a password in a URL have none.
pub(crate) fn prefixes() -> impl Iterator<Item = &'static str> {
    let others = |pattern: &&tokens::TokenPattern| !["CAS0501", "CAS0502", "CAS0515"].contains(&pattern.id);
    let of = |pattern: &'static tokens::TokenPattern| {
        // The anchors of these two rules end in the first digit of the token.
        let digits = usize::from(["CAS0509", "CAS0525"].contains(&pattern.id));
        pattern.anchors.iter().map(move |anchor| &anchor[..anchor.len() - digits])
    };
    let escaped = |prefix: &&str| prefix.contains(['\\', '%']);
    PATTERNS.iter().filter(others).flat_map(of).filter(move |prefix| !escaped(prefix))
}

/// The last [`BEFORE`] bytes of `a` followed by `b`.
pub(crate) fn last<'r>(a: &[u8], b: &'r [u8], room: &'r mut [u8; BEFORE]) -> &'r [u8] {
    if b.len() >= BEFORE || a.is_empty() {
        return &b[b.len().saturating_sub(BEFORE)..];
    }
    let a = &a[a.len().saturating_sub(BEFORE - b.len())..];
    room[..a.len()].copy_from_slice(a);
    room[a.len()..a.len() + b.len()].copy_from_slice(b);
    &room[..a.len() + b.len()]
}

#[cfg(test)]
pub(crate) mod tests;
