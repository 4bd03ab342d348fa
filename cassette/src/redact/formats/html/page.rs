//! Decides from the beginning of markup whether it is an HTML page or other XML.
//!
//! Must not know: content types, rules.

use super::tag::{COMMENT, is_space};

/// At most this many bytes of the text before a document's first element are examined.
pub(crate) const LONGEST_PROLOGUE: usize = 1024;

/// Whether markup is a page, by its document type or its first element. `markup` is the text so far. Returns `None` if
/// more text is needed, and `or` if the markup is undecided after [`LONGEST_PROLOGUE`].
pub(crate) fn is_page(markup: &[u8], or: bool) -> Option<bool> {
    let head = &markup[..markup.len().min(LONGEST_PROLOGUE)];
    detect(head).or((head.len() == LONGEST_PROLOGUE).then_some(or))
}

fn detect(mut text: &[u8]) -> Option<bool> {
    loop {
        text = text.trim_ascii_start();
        let Some(markup) = text.strip_prefix(b"<") else {
            return if text.is_empty() { None } else { Some(false) };
        };
        let end: &[u8] = match markup.first()? {
            b'?' => b"?>",
            b'!' if COMMENT.starts_with(&markup[..markup.len().min(COMMENT.len())]) => b"-->",
            b'!' => {
                let name = markup.iter().position(u8::is_ascii_whitespace)?;
                let is_type = markup[..name].eq_ignore_ascii_case(b"!doctype");
                return if is_type { is_html(markup[name..].trim_ascii_start()) } else { Some(false) };
            }
            _ => return is_html(markup),
        };
        text = &markup[memchr::memmem::find(markup, end)? + end.len()..];
    }
}

fn is_html(name: &[u8]) -> Option<bool> {
    let end = name.iter().position(|b| is_space(*b) || b"/>[".contains(b))?;
    Some(name[..end].eq_ignore_ascii_case(b"html"))
}
