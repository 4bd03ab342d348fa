//! What a text stands for, piece by piece as it comes: escapes of JSON strings, percent-encoding of forms.
//!
//! Must not know: what the text holds.

use std::io;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Coding {
    /// Between the quotes of a JSON string (RFC 8259 §7). Halves of a surrogate pair come one by one.
    Json,
    /// A value of a form or query: percent-encoded, with `+` for a space.
    Form,
    /// Text of XML: entities (XML 1.0 §4.6) and character references.
    Xml,
}

/// Decodes a text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Plain {
    coding: Coding,
    /// The beginning of an escape.
    held: Vec<u8>,
}

/// Gets what stands there and what it stands for: the same run of bytes twice, or one escape and its meaning.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> io::Result<()>;

/// No entity that means anything here is longer.
const LONGEST_ENTITY: usize = 10;

impl Plain {
    pub(crate) fn new(coding: Coding) -> Plain {
        Plain { coding, held: Vec::new() }
    }

    pub(crate) fn push(&mut self, mut raw: &[u8], each: Each<'_>) -> io::Result<()> {
        while !raw.is_empty() {
            if !self.held.is_empty() {
                if self.coding == Coding::Xml && raw[0] == b'&' {
                    // The one before was none.
                    each(&self.held, &self.held)?;
                    self.held.clear();
                }
                self.held.push(raw[0]);
                raw = &raw[1..];
                if let Some(plain) = self.coding.unit(&self.held) {
                    each(&self.held, &plain)?;
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

    /// An escape that was never finished stands for itself.
    pub(crate) fn finish(self, each: Each<'_>) -> io::Result<()> {
        if self.held.is_empty() { Ok(()) } else { each(&self.held, &self.held) }
    }
}

impl Coding {
    /// How many bytes stand for themselves.
    fn run(self, raw: &[u8]) -> usize {
        match self {
            Coding::Json => memchr::memchr(b'\\', raw),
            Coding::Form => memchr::memchr2(b'%', b'+', raw),
            Coding::Xml => memchr::memchr(b'&', raw),
        }
        .unwrap_or(raw.len())
    }

    /// What an escape means, once it is whole. What means nothing stands for itself.
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

/// Halves of a surrogate pair are no characters, but must not be lost.
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
            let (mut kept, mut plain) = (Vec::new(), Vec::new());
            let mut each = |r: &[u8], p: &[u8]| {
                kept.extend_from_slice(r);
                plain.extend_from_slice(p);
                Ok(())
            };
            let mut decoder = Plain::new(coding);
            let (a, b) = raw.as_bytes().split_at(cut);
            decoder.push(a, &mut each).and_then(|()| decoder.push(b, &mut each)).unwrap();
            decoder.finish(&mut each).unwrap();
            assert_eq!(kept, raw.as_bytes(), "what stands there is all told");
            assert_eq!(String::from_utf8_lossy(&plain), expected, "cut at {cut}");
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
