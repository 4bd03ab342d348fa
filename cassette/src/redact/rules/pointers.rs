//! Evaluates the JSON pointers of a project against a stream of JSON tokens.
//!
//! Must not know: what becomes of a value.

use std::sync::Arc;

use crate::json::unescape;
use crate::redact::rules::rule::Rule;
use crate::syntax::pointer::Pointer;
use crate::{Error, Result};

/// The pointers of a project, with their rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct PointerRules(Vec<(Pointer, Arc<Rule>)>);

/// The position of the reader in one document.
pub(crate) struct Pointers {
    rules: PointerRules,
    /// The open containers on the path of at least one pointer.
    open: Vec<Level>,
    /// The number of open containers that are on the path of no pointer. All of them are inside the last container of
    /// `open`.
    aside: usize,
    /// The pointers whose path contains the next value, one bit for each.
    next: u64,
}

struct Level {
    /// The index of the next element; `None` for an object.
    index: Option<usize>,
    /// The pointers whose path contains this container.
    live: u64,
}

/// The greatest number of pointers: a set of pointers has 64 bits, one bit for each pointer.
const MAX_POINTERS: usize = 64;

impl PointerRules {
    pub(crate) fn add(&mut self, pointer: Pointer, rule: Rule) -> Result<()> {
        if self.0.len() == MAX_POINTERS {
            return Err(Error::new(format!("more than {MAX_POINTERS} JSON pointers to redact"))
                .hint("redact the fields by name"));
        }
        self.0.push((pointer, Arc::new(rule)));
        Ok(())
    }

    /// The position at the beginning of a document. `None` if there are no pointers.
    pub(crate) fn begin(&self) -> Option<Pointers> {
        let next = u64::MAX;
        (!self.0.is_empty()).then(|| Pointers { rules: self.clone(), open: Vec::new(), aside: 0, next })
    }
}

impl Pointers {
    /// Notes the name of a member that the reader has reached. `key` includes the quotes.
    pub(crate) fn key(&mut self, key: &[u8]) {
        let key = String::from_utf8_lossy(&key[1..key.len() - 1]);
        self.step(&unescape(&key));
    }

    /// The rule that points to the value that begins now. The reader calls this exactly once for each value.
    pub(crate) fn value(&mut self) -> Option<Arc<Rule>> {
        if self.aside > 0 {
            return None;
        }
        match self.open.last_mut() {
            None => self.next = u64::MAX,
            Some(Level { index: Some(index), .. }) => {
                let name = index.to_string();
                *index += 1;
                self.step(&name);
            }
            Some(_) => {}
        }
        let depth = self.open.len();
        let here = |(n, (pointer, _)): &(usize, &(Pointer, Arc<Rule>))| {
            self.next >> n & 1 == 1 && pointer.depth() == depth
        };
        self.rules.0.iter().enumerate().find(here).map(|(_, (_, rule))| rule.clone())
    }

    /// Notes that the value that has begun is a container.
    pub(crate) fn open(&mut self, is_array: bool) {
        let longer = |n: usize| self.rules.0.get(n).is_some_and(|(p, _)| p.depth() > self.open.len());
        let live =
            (0..MAX_POINTERS).filter(|n| self.next >> n & 1 == 1 && longer(*n)).fold(0, |l, n| l | 1 << n);
        if self.aside > 0 || live == 0 {
            self.aside += 1;
        } else {
            self.open.push(Level { index: is_array.then_some(0), live });
        }
    }

    /// Notes that the innermost container has ended.
    pub(crate) fn close(&mut self) {
        match self.aside {
            0 => _ = self.open.pop(),
            _ => self.aside -= 1,
        }
    }

    fn step(&mut self, name: &str) {
        if self.aside > 0 {
            return;
        }
        let Some(level) = self.open.last() else { return };
        let depth = self.open.len() - 1;
        let leads = |n: &usize| {
            level.live >> n & 1 == 1 && self.rules.0.get(*n).is_some_and(|(p, _)| p.takes(depth, name))
        };
        self.next = (0..MAX_POINTERS).filter(leads).fold(0, |next, n| next | 1 << n);
    }
}
