//! Decodes a text in JSON, HTML or percent-encoding, up to the first character that no link can hold.
//!
//! Must not know: the parts of a link.

use super::decoded_text::DecodedText;

/// Decodes a percent-encoded link up to its end.
pub(super) fn percent(text: &[u8]) -> DecodedText {
    DecodedText::decode(text, |text| {
        let escape = text.get(..3).filter(|escape| escape[0] == b'%');
        match escape.and_then(|escape| hex(&escape[1..])) {
            Some(b) => (b > b' ' && !b"\"'<>`".contains(&b)).then_some((b, 3)),
            None => Some((text[0], 1)),
        }
    })
}

/// The first decoded byte of a text, which may be escaped for JSON, HTML or both, and the length of its encoding.
/// `None` if no link can hold the character.
pub(super) fn unit(text: &[u8]) -> Option<(u8, usize)> {
    let escapes = text.iter().take_while(|b| **b == b'\\').count();
    let (b, mut length) = match (escapes, &text[escapes..]) {
        (0, [b, ..]) => (*b, 1),
        (_, [b'/', ..]) => (b'/', escapes + 1),
        (_, [b'u', b'0', b'0', digits @ ..]) => (hex(digits.get(..2)?)?, escapes + 5),
        _ => return None,
    };
    if b == b'&' {
        while text[length..].starts_with(b"amp;") {
            length += b"amp;".len();
        }
        let entity = &text[length..];
        if let Some(number) = entity.strip_prefix(b"#")
            && let Some(end) = number.iter().take(8).position(|b| *b == b';')
        {
            let b = match number {
                [b'x' | b'X', digits @ ..] => hex(&digits[..end - 1])?,
                _ => std::str::from_utf8(&number[..end]).ok()?.parse().ok()?,
            };
            return (b < 0x7f).then_some((b, length + 1 + end + 1));
        }
        if [&b"quot;"[..], b"lt;", b"gt;", b"apos;", b"nbsp;"].iter().any(|name| entity.starts_with(name)) {
            return None;
        }
    }
    (b < 0x7f).then_some((b, length))
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}
