//! The parts of a link (host, query, parameters), and where they end.
//!
//! Must not know: what is redacted, how the text around a link is encoded.

use std::ops::Range;

/// If no quotes or tags enclose a link, one of these characters ends the value of a parameter: the next column of a
/// table may follow, or the rest of a sentence.
pub(super) const STOPS: &[u8] = b",;)*";

/// If no quotes or tags enclose a link, it does not end with one of these characters.
pub(super) const LAST: &[u8] = b".:!?,;)*";

/// The range of the host in a link.
pub(super) fn host(link: &[u8]) -> Range<usize> {
    let end = link.iter().position(|b| b"/?#\\&".contains(b)).unwrap_or(link.len());
    let from = memchr::memrchr(b'@', &link[..end]).map_or(0, |at| at + 1);
    let length = memchr::memchr(b':', &link[from..end]).unwrap_or(end - from);
    from..from + length
}

/// Whether the text after two slashes without a scheme begins with a host. If not, the slashes may begin a comment.
pub(super) fn is_host(link: &[u8]) -> bool {
    let host = &link[host(link)];
    let labels = || host.split(|b| *b == b'.');
    let is_label =
        |label: &[u8]| !label.is_empty() && label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    labels().count() > 1 && labels().all(is_label)
}

/// A link, or its last value, without the punctuation of the sentence around it.
pub(super) fn without_last(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|b| !LAST.contains(b)).map_or(0, |at| at + 1)]
}

/// A quick test whether a link may hold other links, percent-encoded or not.
pub(super) fn may_hold_links(link: &[u8]) -> bool {
    let marks = [&b"//"[..], b"%2", b"%3"];
    link.contains(&b'?') || link.windows(2).any(|two| marks.contains(&two))
}

/// The query or the fragment, without the delimiter. `query` says that the text begins inside a query.
pub(super) fn part(link: &[u8], delimiter: u8, query: bool) -> Option<Range<usize>> {
    let fragment = memchr::memchr(b'#', link);
    match delimiter {
        b'#' => fragment.map(|at| at + 1..link.len()),
        _ if query => Some(0..fragment.unwrap_or(link.len())),
        _ => {
            let end = fragment.unwrap_or(link.len());
            memchr::memchr(b'?', &link[..end]).map(|at| at + 1..end)
        }
    }
}

/// The parameters after `from`, with one of the `delimiters` between them.
pub(super) fn pairs(link: &[u8], from: usize, delimiters: &[u8]) -> Vec<Range<usize>> {
    let mut at = from.min(link.len());
    let pairs = link[at..].split(|b| delimiters.contains(b)).map(|pair| {
        let pair = at..at + pair.len();
        at = pair.end + 1;
        pair
    });
    pairs.collect()
}

/// The value of a parameter; the whole parameter if it has no name.
pub(super) fn value(link: &[u8], pair: Range<usize>) -> Range<usize> {
    match memchr::memchr(b'=', &link[pair.clone()]) {
        Some(at) => pair.start + at + 1..pair.end,
        None => pair,
    }
}

/// Whether a character ends every link.
pub(super) fn ends(b: u8) -> bool {
    b <= b' ' || b >= 0x7f || b"\"'<>`{}|^".contains(&b)
}
