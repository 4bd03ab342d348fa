//! Pseudorandom numbers: splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA
//! 2014). They depend only on the seed, so that the server's data is the same in every run.

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

pub(super) struct Rng(u64);

impl Rng {
    /// A generator whose seed is the hash of `parts`, in this order.
    pub(super) fn of(parts: &[u64]) -> Self {
        Self(parts.iter().fold(0, |state, part| mix(state ^ part.wrapping_mul(STEP)).wrapping_add(STEP)))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `n`. Small numbers are a little more frequent, which does not matter here.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Random letters and digits, as in the tokens of real services.
    pub(super) fn text(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).map(|_| char::from(self.pick(LETTERS))).collect()
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_parts_give_equal_numbers() {
        assert_eq!(Rng::of(&[1, 2]).text(40), Rng::of(&[1, 2]).text(40));
        assert_ne!(Rng::of(&[1, 2]).text(40), Rng::of(&[2, 1]).text(40));
        assert_ne!(Rng::of(&[1]).next(), Rng::of(&[1, 0]).next());
    }

    /// Compares two numbers with the published sequence for the seed 0.
    #[test]
    fn the_sequence_is_splitmix64() {
        let mut rng = Rng(0);
        assert_eq!([rng.next(), rng.next()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }
}
