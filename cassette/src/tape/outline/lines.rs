//! The fast path for documents in this library's own layout. It finds the end of an interaction by the lines of the
//! text, without reading the tokens.

use memchr::{memchr2_iter, memmem};

/// The interaction at the start of a text, found by the lines that [`layout`](super::super::layout) writes. A JSON
/// string cannot contain a line break. So a line that looks like the last line of an object is the last line of an
/// object.
pub(super) struct Lines {
    pub(super) len: usize,
    pub(super) request_at: usize,
    pub(super) request_len: usize,
}

impl Lines {
    /// Returns `None` if the interaction has more keys than request and outcome, has another layout, or does not end in
    /// `text`. The caller then reads the interaction token by token.
    ///
    /// Also returns `None` if the numbers of opening and closing brackets differ. That happens if a person has edited
    /// the document and its lines are not what they seem. It also happens if strings contain brackets, which costs only
    /// time.
    pub(super) fn of(text: &[u8], depth: usize) -> Option<Lines> {
        const BEGIN: &[u8] = b"{\n      \"request\": {\n";
        const REQUEST_END: &[u8] = b"\n      }";
        const OUTCOMES: [&[u8]; 2] = [b",\n      \"response\": {\n", b",\n      \"error\": {\n"];
        const END: &[u8] = b"\n      }\n    }";
        const NEXT: [&[u8]; 2] = [b",\n    {\n", b"\n  ]\n"];
        if !text.starts_with(BEGIN) {
            return None;
        }
        let request_at = BEGIN.len() - 2;
        let request_end = request_at + memmem::find(&text[request_at..], REQUEST_END)? + REQUEST_END.len();
        OUTCOMES.iter().find(|outcome| text[request_end..].starts_with(outcome))?;
        // The first line that looks like the end of the outcome is its end. The interaction must end right after it.
        let outcome_end = request_end + memmem::find(&text[request_end..], REQUEST_END)?;
        let len = outcome_end + text[outcome_end..].starts_with(END).then_some(END.len())?;
        let (request, rest) = (&text[request_at..request_end], &text[request_end..len]);
        // If there are at most `depth` opening brackets, the nesting is at most `depth`, too.
        let paired = |text: &[u8], more: usize| {
            let opening = memchr2_iter(b'{', b'[', text).count() + more;
            opening <= depth && opening == memchr2_iter(b'}', b']', text).count()
        };
        let goes_on = NEXT.iter().any(|next| text[len..].starts_with(next));
        (goes_on && paired(request, 0) && paired(rest, 1)).then_some(Lines {
            len,
            request_at,
            request_len: request.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "{\n      \"request\": {\n        \"uri\": \"/\"\n      },\n      \"error\": {\n        \"kind\": \"dns\"\n      }\n    }";

    #[track_caller]
    fn check(text: &str, found: bool) {
        let lines = Lines::of(text.as_bytes(), 8);
        assert_eq!(lines.is_some(), found, "{text}");
        if let Some(lines) = lines {
            assert!(text[..lines.len].ends_with("\n    }"), "{text}");
            let request = &text[lines.request_at..][..lines.request_len];
            assert!(request.starts_with("{\n") && request.ends_with("\n      }"), "{text}");
        }
    }

    #[test]
    fn what_is_found_by_its_lines() {
        check(&format!("{OURS},\n    {{\n"), true);
        check(&format!("{OURS}\n  ]\n}}"), true);
        check(&format!("{OURS} ,\n    {{\n"), false);
        check(&format!("{OURS},\n    "), false);
        check(OURS, false);
        let more = format!("{}{}", &OURS[..OURS.len() - 6], ",\n      \"repeat\": true\n    }");
        check(&format!("{more}\n  ]\n}}"), false);
        check(&OURS[..OURS.len() - 1], false);
        check(&format!("{}\n  ]\n", OURS.replace("/", "{")), false);
        check(&format!("{}\n  ]\n", OURS.replace("/", "[{[}]}")), true);
        check(&format!("{}\n  ]\n", OURS.replace("/", &"[]".repeat(9))), false);
        check(&format!("{}\n  ]\n", OURS.replace("\n", "\r\n")), false);
    }
}
