//! Finds the end of a string, and the bytes in it that need a closer look. The search takes eight bytes at a time.

/// [`quote_or_backslash`] looks at this number of words of eight bytes before it calls `memchr`.
const NEAR: usize = 4;

/// The offset after the closing quote of the string whose opening quote is before `from`, and whether the string has
/// escapes.
#[inline(always)]
pub(super) fn text_end(chunk: &[u8], from: usize) -> Option<(usize, bool)> {
    let (mut i, mut escapes) = (from, false);
    loop {
        i += quote_or_backslash(chunk.get(i..)?)?;
        if chunk[i] == b'"' {
            return Some((i + 1, escapes));
        }
        escapes = true;
        i += 2;
    }
}

/// The first quote or backslash. Most strings are so short that a call of `memchr` takes longer than looking at eight
/// bytes in a register.
#[inline(always)]
pub(crate) fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let (words, _) = text.as_chunks();
    for (n, word) in words.iter().take(NEAR).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found =
            zeros(word ^ u64::from_ne_bytes([b'"'; 8])) | zeros(word ^ u64::from_ne_bytes([b'\\'; 8]));
        if found != 0 {
            return Some(8 * n + found.trailing_zeros() as usize / 8);
        }
    }
    let near = 8 * words.len().min(NEAR);
    memchr::memchr2(b'"', b'\\', &text[near..]).map(|n| near + n)
}

/// The first quote, backslash or control character.
#[inline(always)]
pub(crate) fn text_special(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks();
    for (n, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ u64::from_ne_bytes([b'"'; 8]))
            | zeros(word ^ u64::from_ne_bytes([b'\\'; 8]))
            | controls(word);
        if found != 0 {
            return Some(8 * n + found.trailing_zeros() as usize / 8);
        }
    }
    let special = rest.iter().position(|b| !PLAIN[usize::from(*b)]);
    special.map(|n| 8 * words.len() + n)
}

/// Sets the upper bit of the first byte that is less than 0x20. No byte before it has its upper bit set; the bits after
/// it mean nothing.
#[inline(always)]
fn controls(word: u64) -> u64 {
    word.wrapping_sub(u64::from_ne_bytes([0x20; 8])) & !word & u64::from_ne_bytes([0x80; 8])
}

/// Sets the upper bit of the first byte that is 0. No byte before it has its upper bit set; the bits after it mean
/// nothing.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(u64::from_ne_bytes([1; 8])) & !word & u64::from_ne_bytes([0x80; 8])
}

/// The bytes that stand for themselves in a string.
pub(super) static PLAIN: [bool; 256] = {
    let mut table = [true; 256];
    let mut b = 0;
    while b < 0x20 {
        table[b] = false;
        b += 1;
    }
    table[b'"' as usize] = false;
    table[b'\\' as usize] = false;
    table
};
