//! The open containers of a document, in so little memory that a million levels do no harm.

/// One bit for each open container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack {
    bits: Vec<u64>,
    depth: usize,
}

impl Stack {
    pub(crate) fn push(&mut self, set: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(set) << bit;
        self.depth += 1;
    }

    pub(crate) fn pop(&mut self) {
        self.depth -= 1;
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn top(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        Some(self.bits[last / 64] >> (last % 64) & 1 == 1)
    }
}
