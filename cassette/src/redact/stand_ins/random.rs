//! Numbers that look random and depend only on a seed, so that every replay makes the same stand-ins. They protect
//! nothing, so a simple generator is enough.
//!
//! Must not know: what the numbers are for.

/// The generator SplitMix64.
pub(super) struct Random(u64);

impl Random {
    /// A generator for a seed (FNV-1a).
    pub(super) fn new(seed: &str) -> Random {
        let mix = |hash: u64, b: u8| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        Random(seed.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of these characters.
    pub(super) fn pick(&mut self, characters: &[u8]) -> char {
        char::from(characters[(self.number() % characters.len() as u64) as usize])
    }
}
