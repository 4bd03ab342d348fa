//! The key-value pairs of queries and forms, decoded and sorted, so that they compare as a multiset.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Pairs that are sorted by key and value.
pub(super) type Pairs<'a> = Vec<Pair<'a>>;

/// A key and a value. Both are bytes, because percent-encoded data may not be UTF-8.
pub(super) type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Parses a query or an `application/x-www-form-urlencoded` body (WHATWG URL §5.1). `+` is a space, `a` equals `a=`,
/// and empty pieces are skipped.
pub(super) fn parse(text: &[u8]) -> Pairs<'_> {
    let mut pairs: Pairs<'_> = text
        .split(|b| *b == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let at = memchr::memchr(b'=', piece).unwrap_or(piece.len());
            (decode(&piece[..at]), decode(piece.get(at + 1..).unwrap_or(b"")))
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

/// Reports each key whose values differ, with the values on both sides.
pub(super) fn differing(
    actual: &Pairs<'_>,
    recorded: &Pairs<'_>,
    mut found: impl FnMut(String, Vec<String>, Vec<String>),
) {
    let (mut a, mut r) = (actual.as_slice(), recorded.as_slice());
    loop {
        let key = match (a.first(), r.first()) {
            (Some((a, _)), Some((r, _))) => a.min(r),
            (Some((key, _)), None) | (None, Some((key, _))) => key,
            (None, None) => return,
        };
        let (of_a, of_r) = (take(&mut a, key), take(&mut r, key));
        if of_a != of_r {
            let values = |of: &[Pair<'_>]| of.iter().map(|(_, value)| text(value)).collect();
            found(text(key), values(of_a), values(of_r));
        }
    }
}

/// The bytes as readable text. Bytes that are not UTF-8 are percent-encoded.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|b| format!("%{b:02X}")));
    }
    text
}

/// Removes the pairs with this key from the beginning of `pairs`, and returns them.
fn take<'s, 'a>(pairs: &mut &'s [Pair<'a>], key: &[u8]) -> &'s [Pair<'a>] {
    let end = pairs.iter().position(|(k, _)| k.as_ref() != key).unwrap_or(pairs.len());
    let (taken, rest) = pairs.split_at(end);
    *pairs = rest;
    taken
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'+', b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(encoded: &str, expected: &[(&str, &str)]) {
        let pairs = parse(encoded.as_bytes());
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (text(k), text(v))).collect();
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, expected, "{encoded}");
    }

    #[test]
    fn pairs() {
        check("", &[]);
        check("&&", &[]);
        check("b=2&a=1", &[("a", "1"), ("b", "2")]);
        check("a=2&a=1&a=2", &[("a", "1"), ("a", "2"), ("a", "2")]);
        check("flag", &[("flag", "")]);
        check("flag=", &[("flag", "")]);
        check("=v", &[("", "v")]);
        check("a=b=c", &[("a", "b=c")]);
        check("a+b=c%20d%2Be", &[("a b", "c d+e")]);
        check("caf%C3%A9=%ff", &[("café", "%FF")]);
        check("a=100%&b=%zz", &[("a", "100%"), ("b", "%zz")]);
    }
}
