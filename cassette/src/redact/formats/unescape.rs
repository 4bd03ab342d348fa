//! Decodes a text in a stream: the escapes of JSON strings, the percent-encoding of forms, the entities of XML.
//!
//! Must not know: the content of the text.

use std::io;

/// The encoding of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Coding {
    /// The text between the quotes of a JSON string (RFC 8259 §7). The halves of a surrogate pair are decoded one by
    /// one.
    Json,
    /// A value of a form or query: percent-encoded, with `+` for a space.
    Form,
    /// Text of XML: entities (XML 1.0 §4.6) and character references.
    Xml,
}

/// Decodes a text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Unescaper {
    coding: Coding,
    /// The beginning of an escape that is not complete yet.
    held: Vec<u8>,
}

/// Receives raw bytes and the bytes that they encode: an unescaped run as both arguments, or one escape and its decoded
/// bytes.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> io::Result<()>;

/// The length of the longest entity or character reference that is decoded, without its semicolon.
const LONGEST_ENTITY: usize = 10;

impl Unescaper {
    pub(crate) fn new(coding: Coding) -> Unescaper {
        Unescaper { coding, held: Vec::new() }
    }

    pub(crate) fn push(&mut self, mut raw: &[u8], each: Each<'_>) -> io::Result<()> {
        while !raw.is_empty() {
            if !self.held.is_empty() {
                if self.coding == Coding::Xml && raw[0] == b'&' {
                    // The held `&` began no entity.
                    each(&self.held, &self.held)?;
                    self.held.clear();
                }
                self.held.push(raw[0]);
                raw = &raw[1..];
                if let Some(decoded) = self.coding.unit(&self.held) {
                    each(&self.held, &decoded)?;
                    self.held.clear();
                }
                continue;
            }
            let run = self.coding.run(raw);
            if run > 0 {
                each(&raw[..run], &raw[..run])?;
            } else if raw[0] == b'+' {
                each(b"+", b" ")?;
                raw = &raw[1..];
                continue;
            } else {
                self.held.push(raw[0]);
                raw = &raw[1..];
                continue;
            }
            raw = &raw[run..];
        }
        Ok(())
    }

    /// Ends the text. An incomplete escape stands for itself.
    pub(crate) fn finish(self, each: Each<'_>) -> io::Result<()> {
        if self.held.is_empty() { Ok(()) } else { each(&self.held, &self.held) }
    }
}

impl Coding {
    /// The length of the unescaped run at the beginning of a text.
    fn run(self, raw: &[u8]) -> usize {
        match self {
            Coding::Json => memchr::memchr(b'\\', raw),
            Coding::Form => memchr::memchr2(b'%', b'+', raw),
            Coding::Xml => memchr::memchr(b'&', raw),
        }
        .unwrap_or(raw.len())
    }

    /// The decoded bytes of an escape, or `None` while the escape is incomplete. An invalid escape stands for itself.
    fn unit(self, held: &[u8]) -> Option<Vec<u8>> {
        match (self, held) {
            (Coding::Json, [_, b'u', digits @ ..]) => {
                let unit = (digits.len() == 4).then(|| number(digits, 16))?;
                Some(unit.map_or_else(|| held.to_vec(), utf8))
            }
            (Coding::Json, [_, escape, ..]) => Some(vec![match escape {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => *other,
            }]),
            (Coding::Form, [_, a, b]) => {
                let byte = number(&[*a, *b], 16).and_then(|n| u8::try_from(n).ok());
                Some(byte.map_or_else(|| held.to_vec(), |b| vec![b]))
            }
            (Coding::Xml, [_, name @ .., b';']) => Some(match name {
                b"amp" => b"&".to_vec(),
                b"lt" => b"<".to_vec(),
                b"gt" => b">".to_vec(),
                b"quot" => b"\"".to_vec(),
                b"apos" => b"'".to_vec(),
                [b'#', b'x' | b'X', digits @ ..] => number(digits, 16).map_or_else(|| held.to_vec(), utf8),
                [b'#', digits @ ..] => number(digits, 10).map_or_else(|| held.to_vec(), utf8),
                _ => held.to_vec(),
            }),
            (Coding::Xml, [_, .., b' ']) => Some(held.to_vec()),
            (Coding::Xml, _) if held.len() > LONGEST_ENTITY => Some(held.to_vec()),
            _ => None,
        }
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_alphanumeric()))?;
    u32::from_str_radix(digits, radix).ok()
}

/// The UTF-8 bytes of a character. Half of a surrogate pair is no character, but must not be lost, so it is encoded as
/// if it were a character.
fn utf8(unit: u32) -> Vec<u8> {
    match char::from_u32(unit) {
        Some(c) => c.to_string().into_bytes(),
        None => [12, 6, 0]
            .map(|shift| 0x80 | (unit >> shift & 0x3f) as u8 | (u8::from(shift == 12) * 0x60))
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(coding: Coding, raw: &str, expected: &str) {
        for cut in 0..=raw.len() {
            let (mut kept, mut decoded) = (Vec::new(), Vec::new());
            let mut each = |r: &[u8], p: &[u8]| {
                kept.extend_from_slice(r);
                decoded.extend_from_slice(p);
                Ok(())
            };
            let mut decoder = Unescaper::new(coding);
            let (a, b) = raw.as_bytes().split_at(cut);
            decoder.push(a, &mut each).and_then(|()| decoder.push(b, &mut each)).unwrap();
            decoder.finish(&mut each).unwrap();
            assert_eq!(kept, raw.as_bytes(), "the raw bytes are complete");
            assert_eq!(String::from_utf8_lossy(&decoded), expected, "cut at {cut}");
        }
    }

    #[test]
    fn json() {
        check(Coding::Json, r#"a\"b\\\/\n\u0041é"#, "a\"b\\/\nAé");
        check(Coding::Json, r"\u00e9\uzzzz", r"é\uzzzz");
        check(Coding::Json, r"ab\u00", r"ab\u00");
        check(Coding::Json, r"ab\", r"ab\");
    }

    #[test]
    fn forms() {
        check(Coding::Form, "a%20b+c%C3%A9", "a b cé");
        check(Coding::Form, "100%", "100%");
        check(Coding::Form, "%zz%4", "%zz%4");
    }

    #[test]
    fn xml() {
        check(Coding::Xml, "a &amp; b &lt;&#65;&#x41;&quot;", "a & b <AA\"");
        check(Coding::Xml, "a & b &unknown; &", "a & b &unknown; &");
        check(Coding::Xml, "a=1&b=2&quot;&&amp;", "a=1&b=2\"&&");
    }
}
