//! A writer that puts stand-ins in place of numbered placeholders, in one pass.
//!
//! Must not know: how a stand-in is made.

use std::io::{self, Write};
use std::sync::Arc;

use super::StandIns;
use crate::placeholder::{self, LONGEST};

/// A writer that puts stand-ins in place of their placeholders. Other texts pass unchanged. A stand-in needs no escapes
/// in JSON, forms, URLs, HTML and XML.
pub(crate) struct Substitute<W> {
    stand_ins: Arc<StandIns>,
    /// Bytes that may be the beginning of a placeholder.
    held: Vec<u8>,
    pub(crate) next: W,
}

impl<W: Write> Substitute<W> {
    pub(crate) fn new(stand_ins: Arc<StandIns>, next: W) -> Substitute<W> {
        Substitute { stand_ins, held: Vec::new(), next }
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.next.write_all(&self.held)?;
        Ok(self.next)
    }

    /// Passes on the text up to a possible beginning of a placeholder, whose offset it returns.
    fn pass(&mut self, text: &[u8]) -> io::Result<usize> {
        let (mut done, mut at) = (0, 0);
        while let Some(open) = memchr::memchr(b'[', &text[at..]) {
            let start = at + open;
            at = start + 1;
            let inner = text[at..].iter().take(LONGEST);
            let length = inner.take_while(|b| is_inside(**b)).count();
            match text.get(at + length) {
                None if length < LONGEST => {
                    self.next.write_all(&text[done..start])?;
                    return Ok(start);
                }
                Some(b']') if length > 0 => {
                    let end = at + length + 1;
                    let stand_in =
                        std::str::from_utf8(&text[start..end]).ok().and_then(|p| self.stand_ins.text(p));
                    if let Some(stand_in) = stand_in {
                        self.next.write_all(&text[done..start])?;
                        self.next.write_all(stand_in.as_bytes())?;
                        (done, at) = (end, end);
                    }
                }
                _ => {}
            }
        }
        self.next.write_all(&text[done..])?;
        Ok(text.len())
    }
}

/// Whether a byte may stand between the brackets of a numbered placeholder.
fn is_inside(b: u8) -> bool {
    b == b':' || placeholder::is_name_char(char::from(b))
}

impl<W: Write> Write for Substitute<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stand_ins.is_empty() {
            self.next.write_all(bytes)?;
        } else if self.held.is_empty() {
            let passed = self.pass(bytes)?;
            self.held.extend_from_slice(&bytes[passed..]);
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.extend_from_slice(bytes);
            let passed = self.pass(&text)?;
            text.drain(..passed);
            self.held = text;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}
