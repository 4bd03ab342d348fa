//! Places of a JSON document by pointer, while its tokens stream by.
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

/// Where a document stands. One for each document that is read.
pub(crate) struct Pointers {
    rules: PointerRules,
    /// The open containers that a pointer leads through.
    open: Vec<Level>,
    /// Containers within the last of them that none leads through.
    aside: usize,
    /// The pointers that lead to, or through, the value that comes next: a bit for each.
    next: u64,
}

struct Level {
    /// The index of the next element, in an array.
    index: Option<usize>,
    /// The pointers that lead through it.
    live: u64,
}

/// Bits of a set.
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

    /// `None` if no rule asks for places.
    pub(crate) fn begin(&self) -> Option<Pointers> {
        let next = u64::MAX;
        (!self.0.is_empty()).then(|| Pointers { rules: self.clone(), open: Vec::new(), aside: 0, next })
    }
}

impl Pointers {
    /// The name of the member that comes next, with its quotes.
    pub(crate) fn key(&mut self, key: &[u8]) {
        let key = String::from_utf8_lossy(&key[1..key.len() - 1]);
        self.step(&unescape(&key));
    }

    /// A value begins: the rule that points to it. Asked once for each.
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

    /// The value is a container.
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

    /// A container ends.
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
