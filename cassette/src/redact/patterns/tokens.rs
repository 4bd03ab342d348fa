//! The token patterns of the catalogue: the anchor that a token begins with, and the rest that must follow.
//!
//! A pattern must be precise. It requires what the issuer documents (a prefix, an alphabet, a length, a part that
//! decodes), and word boundaries on both sides.
//!
//! Must not know: what becomes of a token.

use std::cell::Cell;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::placeholder;

/// One pattern of a rule in the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenPattern {
    pub(crate) id: &'static str,
    /// A token begins with one of these texts. The search looks for them.
    pub(crate) anchors: &'static [&'static str],
    rest: Rest,
}

/// The text that must follow an anchor.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// A run of characters of this class, with a least and a greatest length. No letter or digit may follow the run.
    Run(Class, usize, usize),
    /// At least this many characters of a class, with a digit among them. A text that only mentions such a key has no
    /// digit there.
    Keyed(Class, usize),
    /// Two runs of exact lengths with a dot between them.
    Pair(usize, usize),
    Jwt,
    Pem,
    /// User and password before a host.
    UserInfo,
}

/// Characters that a token is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Class {
    Alphanumeric,
    LowerHex,
    /// RFC 4648 §6, without padding.
    Base32,
    /// Letters, digits, `_`, `-`.
    Url,
    /// Letters, digits, `_`, `-`, `.`.
    Dotted,
    /// Letters, digits, `_`.
    Word,
    /// Letters, digits, `_`, `-`, `=`.
    Padded,
    /// Base64 with padding.
    Base64,
    /// The inside of a PEM block, with line breaks in any encoding.
    Pem,
}

/// The result of a match at an anchor.
#[derive(Debug, PartialEq)]
pub(crate) enum TokenMatch {
    Nothing,
    /// More text is needed to decide.
    More,
    /// The token is this part of the text. If there is a class, all characters of the class that follow belong to the
    /// token, too.
    Secret(Range<usize>, Option<Class>),
}

/// A match reads at most this many bytes. If a longer token continues in the same class, its rest is redacted without a
/// check.
pub(crate) const LONGEST: usize = 16 * 1024;

const ANY: usize = usize::MAX;

pub(crate) const PATTERNS: &[TokenPattern] = &[
    pattern("CAS0501", &["eyJ"], Rest::Jwt),
    // The header of a JWT may have white space or line breaks after its opening brace.
    pattern("CAS0501", &["eyAi", "eyAg", "eyAK", "ewog", "ewoi", "ewoJ", "ew0K", "ewki"], Rest::Jwt),
    pattern("CAS0502", &["-----BEGIN"], Rest::Pem),
    pattern("CAS0503", &["AKIA", "ASIA"], Rest::Run(Class::Base32, 16, 16)),
    pattern("CAS0504", &["AIza"], Rest::Run(Class::Url, 35, 35)),
    pattern("CAS0505", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], Rest::Run(Class::Alphanumeric, 36, 255)),
    pattern("CAS0505", &["github_pat_"], Rest::Run(Class::Word, 60, 255)),
    pattern("CAS0506", &["glpat-", "gldt-", "glrt-", "glptt-"], Rest::Run(Class::Dotted, 20, 255)),
    pattern(
        "CAS0507",
        &["xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-", "xapp-"],
        Rest::Keyed(Class::Url, 16),
    ),
    pattern(
        "CAS0508",
        &["sk_live_", "rk_live_", "sk_test_", "rk_test_"],
        Rest::Run(Class::Alphanumeric, 16, ANY),
    ),
    pattern("CAS0508", &["whsec_"], Rest::Run(Class::Base64, 24, ANY)),
    pattern(
        "CAS0509",
        &[
            "SK0", "SK1", "SK2", "SK3", "SK4", "SK5", "SK6", "SK7", "SK8", "SK9", "SKa", "SKb", "SKc", "SKd",
            "SKe", "SKf",
        ],
        Rest::Run(Class::LowerHex, 31, 31),
    ),
    pattern("CAS0510", &["SG."], Rest::Pair(22, 43)),
    pattern("CAS0511", &["npm_"], Rest::Run(Class::Alphanumeric, 36, 36)),
    pattern("CAS0512", &["pypi-AgE"], Rest::Run(Class::Url, 50, ANY)),
    pattern("CAS0513", &["sk-"], Rest::Keyed(Class::Alphanumeric, 32)),
    pattern(
        "CAS0513",
        &["sk-ant-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-"],
        Rest::Keyed(Class::Url, 32),
    ),
    pattern("CAS0514", &["ya29."], Rest::Run(Class::Dotted, 20, ANY)),
    pattern("CAS0515", &["://", ":\\/\\/", "%3A%2F%2F", "%3a%2f%2f"], Rest::UserInfo),
    pattern("CAS0516", &["shpat_", "shpss_", "shpca_", "shppa_"], Rest::Run(Class::Alphanumeric, 32, 64)),
    pattern("CAS0517", &["hf_"], Rest::Run(Class::Alphanumeric, 34, 40)),
    pattern("CAS0518", &["dop_v1_", "doo_v1_", "dor_v1_"], Rest::Run(Class::LowerHex, 64, 64)),
    pattern("CAS0519", &["GOCSPX-"], Rest::Run(Class::Url, 28, 28)),
    pattern("CAS0520", &["1//0", "1\\/\\/0", "1%2F%2F0", "1%2f%2f0"], Rest::Keyed(Class::Url, 40)),
    pattern("CAS0521", &["hvs.", "hvb."], Rest::Keyed(Class::Url, 24)),
    pattern("CAS0522", &["gsk_"], Rest::Run(Class::Alphanumeric, 52, 52)),
    pattern("CAS0523", &["dckr_pat_"], Rest::Run(Class::Url, 27, 27)),
    pattern("CAS0523", &["dckr_oat_"], Rest::Run(Class::Url, 32, 32)),
    pattern("CAS0524", &["ATATT3"], Rest::Run(Class::Padded, 100, ANY)),
    pattern(
        "CAS0525",
        &[
            "dapi0", "dapi1", "dapi2", "dapi3", "dapi4", "dapi5", "dapi6", "dapi7", "dapi8", "dapi9",
            "dapia", "dapib", "dapic", "dapid", "dapie", "dapif",
        ],
        Rest::Run(Class::LowerHex, 31, 31),
    ),
    pattern("CAS0526", &["lin_api_"], Rest::Run(Class::Alphanumeric, 40, 40)),
    pattern("CAS0527", &["ntn_"], Rest::Run(Class::Alphanumeric, 43, 50)),
    pattern("CAS0528", &["NRAK-"], Rest::Run(Class::Alphanumeric, 27, 27)),
    pattern("CAS0529", &["glsa_"], Rest::Run(Class::Word, 41, 41)),
    pattern("CAS0530", &["xai-"], Rest::Run(Class::Alphanumeric, 80, 80)),
];

const fn pattern(id: &'static str, anchors: &'static [&'static str], rest: Rest) -> TokenPattern {
    TokenPattern { id, anchors, rest }
}

impl TokenPattern {
    /// Matches the pattern at the beginning of `text`, which begins with an anchor of length `anchor`. `before` is the
    /// text before the anchor; `whole` says that nothing follows `text`. `runs` remembers the results of matches at
    /// other anchors of the whole text, and `start` is the offset of this anchor in the whole text.
    pub(crate) fn at(
        &self,
        before: &[u8],
        anchor: usize,
        text: &[u8],
        whole: bool,
        (runs, start): (&Runs, usize),
    ) -> TokenMatch {
        if !matches!(self.rest, Rest::UserInfo | Rest::Pem) && within_word(before) {
            return TokenMatch::Nothing;
        }
        let scan = Scan { text, whole, runs, start };
        match self.rest {
            Rest::Run(class, least, most) => scan.run(class, anchor, least, most, false),
            Rest::Keyed(class, least) => scan.run(class, anchor, least, ANY, true),
            Rest::Pair(first, second) => scan.pair(anchor, first, second),
            Rest::Jwt => scan.jwt(),
            Rest::Pem => scan.pem(anchor),
            Rest::UserInfo => scan.user_info(before, anchor),
        }
    }
}

impl Class {
    pub(crate) fn has(self, b: u8) -> bool {
        match self {
            Class::Alphanumeric => b.is_ascii_alphanumeric(),
            Class::LowerHex => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
            Class::Base32 => matches!(b, b'A'..=b'Z' | b'2'..=b'7'),
            Class::Url => b.is_ascii_alphanumeric() || b"_-".contains(&b),
            Class::Dotted => b.is_ascii_alphanumeric() || b"_-.".contains(&b),
            Class::Word => b.is_ascii_alphanumeric() || b == b'_',
            Class::Padded => b.is_ascii_alphanumeric() || b"_-=".contains(&b),
            Class::Base64 => b.is_ascii_alphanumeric() || b"+/=".contains(&b),
            Class::Pem => b.is_ascii_alphanumeric() || b"+/=-:,._ \t\r\n\\%&#;@()".contains(&b),
        }
    }
}

/// The results of earlier matches in a text, so that later matches need not read the same bytes again. Otherwise a long
/// word with many anchors would be read again for each anchor.
#[derive(Default)]
pub(crate) struct Runs {
    classes: [Stretch; Class::Pem as usize + 1],
    digits: Stretch,
    /// A range of the text that does not contain `alg` in base64.
    unnamed: Cell<(usize, usize)>,
}

impl Runs {
    fn of(&self, class: Class) -> &Stretch {
        &self.classes[class as usize]
    }

    /// Whether a text in base64 may contain `alg`. Base64 encodes groups of three bytes, and `alg` may begin at each
    /// byte of a group, so there are three cases.
    fn may_name_algorithm(&self, start: usize, text: &[u8]) -> bool {
        let (from, to) = self.unnamed.get();
        if from <= start && start + text.len() <= to {
            return false;
        }
        let found =
            [&b"YWxn"[..], b"hbG", b"FsZ"].iter().any(|alg| memchr::memmem::find(text, alg).is_some());
        if !found {
            self.unnamed.set((start, start + text.len()));
        }
        found
    }
}

/// A range of the text that contains no byte of a certain kind.
#[derive(Default)]
struct Stretch(Cell<(usize, usize)>);

impl Stretch {
    /// The offset in `text` of the first byte of the kind. `text` begins at the offset `start` of the whole text.
    fn until(&self, start: usize, text: &[u8], is: impl Fn(u8) -> bool) -> Option<usize> {
        let (from, to) = self.0.get();
        let known = if (from..=to).contains(&start) { (to - start).min(text.len()) } else { 0 };
        let found = text[known..].iter().position(|b| is(*b)).map(|at| known + at);
        #[cfg(test)]
        super::tests::LOOKED_AT.set(super::tests::LOOKED_AT.get() + found.unwrap_or(text.len()) - known);
        let end = start + found.unwrap_or(text.len());
        // Do not shorten a known range that ends after this text.
        if known == 0 || end > to {
            self.0.set((if known == 0 { start } else { from }, end));
        }
        found
    }
}

/// The number of bytes before an anchor that decide about a word boundary: the length of an escape in JSON or XML.
pub(crate) const BEFORE: usize = 6;

/// Whether a word continues after `before`. An escape such as `\n`, `\u003d` or `%3D` is not part of a word.
fn within_word(before: &[u8]) -> bool {
    match before {
        [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't'] => false,
        [.., b'\\', b'u', a, b, c, d] if [a, b, c, d].iter().all(|b| b.is_ascii_hexdigit()) => false,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => false,
        [.., last] => last.is_ascii_alphanumeric(),
        [] => false,
    }
}

struct Scan<'t> {
    text: &'t [u8],
    whole: bool,
    runs: &'t Runs,
    start: usize,
}

impl Scan<'_> {
    /// The number of bytes of the class from `from` on. `None` if more bytes of the class may come after the text.
    fn count(&self, class: Class, from: usize) -> Option<usize> {
        let rest = self.text.get(from..)?;
        let looked_at = &rest[..rest.len().min(LONGEST)];
        match self.runs.of(class).until(self.start + from, looked_at, |b| !class.has(b)) {
            Some(count) => Some(count),
            None if rest.len() >= LONGEST => Some(LONGEST),
            None => self.whole.then_some(rest.len()),
        }
    }

    fn has_digit(&self, from: usize, count: usize) -> bool {
        let body = &self.text[from..from + count];
        self.runs.digits.until(self.start + from, body, |b| b.is_ascii_digit()).is_some()
    }

    fn run(&self, class: Class, from: usize, least: usize, most: usize, digit: bool) -> TokenMatch {
        let Some(count) = self.count(class, from) else { return TokenMatch::More };
        // A letter or digit outside the class, as after base32, is no word boundary.
        let ends = !self.text.get(from + count).is_some_and(u8::is_ascii_alphanumeric) || count == LONGEST;
        if count < least || count > most || !ends || (digit && !self.has_digit(from, count)) {
            return TokenMatch::Nothing;
        }
        TokenMatch::Secret(0..from + count, (count == LONGEST).then_some(class))
    }

    fn pair(&self, from: usize, first: usize, second: usize) -> TokenMatch {
        let Some(count) = self.count(Class::Url, from) else { return TokenMatch::More };
        if count != first {
            return TokenMatch::Nothing;
        }
        let dot = from + count;
        match self.text.get(dot) {
            Some(b'.') => self.run(Class::Url, dot + 1, second, second, false),
            _ => TokenMatch::Nothing,
        }
    }

    /// Matches a JWT of three parts (RFC 7515 §3.1) or five parts (RFC 7516 §3.1). The first part is JSON that names an
    /// algorithm.
    fn jwt(&self) -> TokenMatch {
        let Some(count) = self.count(Class::Url, 0) else { return TokenMatch::More };
        if count == LONGEST || self.text.get(count) != Some(&b'.') {
            return TokenMatch::Nothing;
        }
        if !self.runs.may_name_algorithm(self.start, &self.text[..count]) {
            return TokenMatch::Nothing;
        }
        let Ok(header) = LENIENT.decode(&self.text[..count]) else { return TokenMatch::Nothing };
        if memchr::memmem::find(&header, b"\"alg\"").is_none() {
            return TokenMatch::Nothing;
        }
        let parts = if memchr::memmem::find(&header, b"\"enc\"").is_some() { 4 } else { 2 };
        let mut at = count;
        for part in 0..parts {
            if self.text.get(at) != Some(&b'.') {
                return TokenMatch::Nothing;
            }
            let Some(count) = self.count(Class::Url, at + 1) else { return TokenMatch::More };
            // The second part of a signed token is never empty. The second part of an encrypted token is empty if the
            // key is agreed on directly.
            if part == 0 && parts == 2 && count < 2 {
                return TokenMatch::Nothing;
            }
            at += 1 + count;
            if at >= LONGEST {
                return TokenMatch::Secret(0..at, Some(Class::Dotted));
            }
        }
        TokenMatch::Secret(0..at, None)
    }

    /// Matches a private key in the formats of RFC 7468 §10 and §11, OpenSSL, OpenSSH or PGP.
    fn pem(&self, from: usize) -> TokenMatch {
        const DASHES: &[u8] = b"-----";
        let text = &self.text[..self.text.len().min(LONGEST)];
        // Labels are shorter than 80 bytes.
        let head = &text[from..text.len().min(from + 80)];
        let end = memchr::memmem::find(head, DASHES);
        // Other characters between the dashes show that this is no label. The text may even be invalid JSON here.
        let written = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b" +%-".contains(b);
        if !head[..end.unwrap_or(head.len())].iter().all(written) {
            return TokenMatch::Nothing;
        }
        let Some(end) = end else {
            return if !self.whole && head.len() < 80 { TokenMatch::More } else { TokenMatch::Nothing };
        };
        let label = String::from_utf8_lossy(&head[..end]).replace("%20", " ").replace('+', " ");
        if !label.contains("PRIVATE KEY") {
            return TokenMatch::Nothing;
        }
        let body = from + end + DASHES.len();
        let inside = text[body..].iter().position(|b| !Class::Pem.has(*b));
        let until = inside.map_or(text.len(), |at| body + at);
        if let Some(at) = memchr::memmem::find(&text[body..until], b"-----END") {
            let tail = body + at + b"-----END".len();
            if let Some(end) = memchr::memmem::find(&text[tail..until], DASHES) {
                return TokenMatch::Secret(0..tail + end + DASHES.len(), None);
            }
        }
        match inside {
            None if text.len() == LONGEST => TokenMatch::Secret(0..LONGEST, Some(Class::Pem)),
            None if !self.whole => TokenMatch::More,
            // A key that is cut off is still a key. A text that only mentions the label has no long line of base64.
            _ if text[body..until].split(|b| !Class::Base64.has(*b)).any(|line| line.len() >= 32) => {
                TokenMatch::Secret(0..until, None)
            }
            _ => TokenMatch::Nothing,
        }
    }

    /// Matches the password before a host (RFC 3986 §3.2.1) in a URL in plain text, in JSON, or percent-encoded in a
    /// query.
    fn user_info(&self, before: &[u8], from: usize) -> TokenMatch {
        if !before.last().is_some_and(u8::is_ascii_alphanumeric) {
            return TokenMatch::Nothing;
        }
        let encoded = self.text[0] == b'%';
        let rest = &self.text[from..self.text.len().min(from + LONGEST)];
        let ends = |at: usize| match rest[at] {
            b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' => true,
            b'&' => encoded,
            b'%' if encoded => {
                let escape = rest.get(at + 1..at + 3).unwrap_or_default();
                [b"2F", b"3F", b"23", b"22", b"20"].iter().any(|end| escape.eq_ignore_ascii_case(*end))
            }
            b => b <= b' ',
        };
        let end = (0..rest.len()).find(|at| ends(*at));
        if end.is_none() && !self.whole && rest.len() < LONGEST {
            return TokenMatch::More;
        }
        let Some(end) = end.or((rest.len() < LONGEST).then_some(rest.len())) else {
            return TokenMatch::Nothing;
        };
        let authority = &rest[..end];
        let (at, colon): (&[u8], &[u8]) = if encoded { (b"%40", b"%3A") } else { (b"@", b":") };
        let Some(info) = rfind(authority, at).or_else(|| rfind(authority, b"@")) else {
            return TokenMatch::Nothing;
        };
        let info = &authority[..info];
        let Some((colon, width)) = outside(info, colon)
            .map(|found| (found, colon.len()))
            .or_else(|| outside(info, b":").map(|found| (found, 1)))
        else {
            return TokenMatch::Nothing;
        };
        let password = &info[colon + width..];
        // A private key or a Stripe key has line breaks or slashes, so the text was no password before the key was
        // replaced. The text must not become a password afterwards.
        let had_key = |key: &[u8]| memchr::memmem::find(info, key).is_some();
        if password.is_empty()
            || is_placeholder(password)
            || has_numbered(password)
            || [&b"[private-key:"[..], b"[stripe-key:"].into_iter().any(had_key)
        {
            return TokenMatch::Nothing;
        }
        TokenMatch::Secret(from + colon + width..from + info.len(), None)
    }
}

fn is_placeholder(text: &[u8]) -> bool {
    placeholder::parse(text).is_some()
        || placeholder::parse(&percent_encoding::percent_decode(text).collect::<Vec<u8>>()).is_some()
}

fn has_numbered(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let is_numbered = |span| placeholder::parse(&text.as_bytes()[span]).is_some_and(|p| p.numbered.is_some());
    placeholder::spans(&text).into_iter().any(is_numbered)
}

/// The offset of the first occurrence of `what`, without regard to case.
fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window.eq_ignore_ascii_case(what))
}

/// The offset of the first colon that is not in a placeholder.
fn outside(text: &[u8], colon: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find(&text[from..], colon)?;
        let begins = text[..at].iter().rposition(|b| *b == b'[');
        let ends = text[at..].iter().position(|b| *b == b']').map(|end| at + end + 1);
        match begins.zip(ends) {
            Some((begins, ends)) if placeholder::parse(&text[begins..ends]).is_some() => from = ends,
            _ => return Some(at),
        }
    }
}

/// The offset of the last occurrence of `what`, without regard to case.
fn rfind(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).rposition(|window| window.eq_ignore_ascii_case(what))
}

/// As lenient as the decoders of tokens: with or without padding, and with trailing bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
