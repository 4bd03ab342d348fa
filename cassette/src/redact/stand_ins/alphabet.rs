//! The alphabets of values: which characters a run of a value has, and how cassette writes such a run of a stand-in.
//!
//! Must not know: the rest of a value.

use super::random::Random;

/// The characters of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Digits,
    LowerHex,
    UpperHex,
    /// RFC 4648 §6.
    Base32,
    Lower,
    Upper,
    Letters,
    LowerAlphanumeric,
    UpperAlphanumeric,
    Alphanumeric,
    Base64,
    Base64Url,
    /// The first digit of the fourth group of a UUID (RFC 9562 §4.1).
    Variant,
    UpperVariant,
}

/// The marks of stand-ins. The last two are hexadecimal.
pub(super) const MARKS: [&str; 4] = ["cassette", "CASSETTE", "ca55e77e", "CA55E77E"];

const DIGITS: &[u8] = b"0123456789";
const LOWER_HEX: &[u8] = b"0123456789abcdef";
const UPPER_HEX: &[u8] = b"0123456789ABCDEF";
const BASE_32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWER_ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER_ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A shorter run gets no mark, because the mark would leave too few characters that differ between stand-ins.
const SHORTEST_MARKED: usize = 12;

/// Each alphabet with its notation, in the order in which the alphabet of a run is chosen.
const ALL: [(Alphabet, &str); 14] = [
    (Alphabet::Digits, "0-9"),
    (Alphabet::LowerHex, "0-9a-f"),
    (Alphabet::UpperHex, "0-9A-F"),
    (Alphabet::Base32, "A-Z2-7"),
    (Alphabet::Lower, "a-z"),
    (Alphabet::Upper, "A-Z"),
    (Alphabet::Letters, "A-Za-z"),
    (Alphabet::LowerAlphanumeric, "a-z0-9"),
    (Alphabet::UpperAlphanumeric, "A-Z0-9"),
    (Alphabet::Alphanumeric, "A-Za-z0-9"),
    (Alphabet::Base64, "A-Za-z0-9+/"),
    (Alphabet::Base64Url, "A-Za-z0-9_-"),
    (Alphabet::Variant, "89ab"),
    (Alphabet::UpperVariant, "89AB"),
];

impl Alphabet {
    /// The smallest usual alphabet of a run of letters and digits.
    pub(super) fn of(run: &str) -> Alphabet {
        use Alphabet::{Alphanumeric, Base32, LowerHex, UpperHex};
        let is = |alphabet: Alphabet| run.bytes().all(|b| alphabet.characters().contains(&b));
        let has_digit = run.bytes().any(|b| b.is_ascii_digit());
        let fits = |alphabet: Alphabet| match alphabet {
            // A shorter run, or a run without digits, may belong to any alphabet.
            LowerHex | UpperHex => run.len() >= 8 && has_digit && is(alphabet),
            Base32 => run.len() >= 16 && has_digit && is(alphabet),
            _ => is(alphabet),
        };
        let known =
            ALL.iter().map(|(alphabet, _)| *alphabet).take_while(|alphabet| *alphabet != Alphabet::Base64);
        known.into_iter().find(|alphabet| fits(*alphabet)).unwrap_or(Alphanumeric)
    }

    /// The characters that stand-ins have: those that need no escapes in any text.
    fn characters(self) -> &'static [u8] {
        match self {
            Alphabet::Digits => DIGITS,
            Alphabet::LowerHex => LOWER_HEX,
            Alphabet::UpperHex => UPPER_HEX,
            Alphabet::Base32 => BASE_32,
            Alphabet::Lower => LOWER,
            Alphabet::Upper => UPPER,
            Alphabet::Letters => LETTERS,
            Alphabet::LowerAlphanumeric => LOWER_ALPHANUMERIC,
            Alphabet::UpperAlphanumeric => UPPER_ALPHANUMERIC,
            Alphabet::Alphanumeric | Alphabet::Base64 | Alphabet::Base64Url => ALPHANUMERIC,
            Alphabet::Variant => b"89ab",
            Alphabet::UpperVariant => b"89AB",
        }
    }

    /// The notation of the alphabet between the brackets of a regular expression.
    pub(super) fn notation(self) -> &'static str {
        ALL.iter().find(|(alphabet, _)| *alphabet == self).map_or("", |(_, notation)| notation)
    }

    pub(super) fn named(notation: &str) -> Option<Alphabet> {
        ALL.iter().find(|(_, known)| *known == notation).map(|(alphabet, _)| *alphabet)
    }

    /// The mark of a stand-in with a run of this alphabet and length.
    fn mark(self, length: usize) -> Option<&'static str> {
        let [lower, upper, lower_hex, upper_hex] = MARKS;
        match self {
            _ if length < SHORTEST_MARKED => None,
            Alphabet::Digits | Alphabet::Variant | Alphabet::UpperVariant => None,
            Alphabet::LowerHex => Some(lower_hex),
            Alphabet::UpperHex => Some(upper_hex),
            Alphabet::Base32 | Alphabet::Upper | Alphabet::UpperAlphanumeric => Some(upper),
            _ => Some(lower),
        }
    }

    /// Appends a run of a stand-in. Only the first long run of a stand-in gets a mark, which `marked` remembers.
    pub(super) fn write(self, length: usize, random: &mut Random, marked: &mut bool, out: &mut String) {
        let begins = out.len();
        if let Some(mark) = self.mark(length).filter(|_| !*marked) {
            out.push_str(mark);
            *marked = true;
        } else if self == Alphabet::Digits {
            // The number fits into every integer type into which all numbers of this length fit, and nearly always
            // into the type of the recorded number: 20 digits that begin with 10 fit into 64 bits, 3 digits that begin
            // with 1 into 8 bits.
            out.push('1');
            if matches!(length, 20 | 39) {
                out.push('0');
            }
        }
        while out.len() < begins + length {
            out.push(random.pick(self.characters()));
        }
        out.truncate(begins + length);
        let decodes = matches!(self, Alphabet::Base64 | Alphabet::Base64Url | Alphabet::Alphanumeric);
        // Strict decoders of base64 refuse a last character whose spare bits are not zero (RFC 4648 §3.5).
        let ends: &[u8] = match length % 4 {
            2 => b"AQgw",
            3 => b"AEIMQUYcgkosw048",
            _ => b"",
        };
        if decodes && length >= SHORTEST_MARKED && !ends.is_empty() {
            out.pop();
            out.push(random.pick(ends));
        }
    }
}
