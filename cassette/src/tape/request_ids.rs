//! Compares interactions apart from the ids of requests in the headers of responses, which differ in every recording.
//!
//! Must not know: why two recordings are compared.

use crate::request_ids::is_request_id;

/// The beginning of a response in the text of an interaction in a document.
const RESPONSE: &[u8] = b"      \"response\": {";

/// The indentation of a header or a trailer, with the quote before its name.
const HEADER: &[u8] = b"          \"";

/// The text of an interaction in a document, without the values of headers of the response that identify a request.
pub(super) fn without_request_ids(text: &[u8]) -> Vec<u8> {
    let (mut out, mut in_response) = (Vec::with_capacity(text.len()), false);
    for line in text.split_inclusive(|b| *b == b'\n') {
        in_response |= line.starts_with(RESPONSE);
        match line.strip_prefix(HEADER).and_then(|rest| rest.split(|b| *b == b'"').next()) {
            Some(name) if in_response && std::str::from_utf8(name).is_ok_and(is_request_id) => {
                out.extend_from_slice(&line[..HEADER.len() + name.len()]);
                out.push(b'\n');
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_of_request_ids_go() {
        let text = |sent: &str, got: &str, total: &str, body: &str| {
            format!(
                "{{\n      \"request\": {{\n        \"headers\": {{\n          \"x-request-id\": \"{sent}\"\n        }}\n      }},\n\
                 \x20     \"response\": {{\n        \"headers\": {{\n          \"x-request-id\": \"{got}\",\n\
                 \x20         \"x-total\": \"{total}\"\n        }},\n        \"body\": {{\n          \"json\": {{\n\
                 \x20           \"request-id\": \"{body}\"\n          }}\n        }}\n      }}\n    }}"
            )
        };
        let masked = |text: String| without_request_ids(text.as_bytes());
        let one = masked(text("a", "a", "a", "a"));
        assert_eq!(one, masked(text("a", "b", "a", "a")));
        for other in [text("b", "a", "a", "a"), text("a", "a", "b", "a"), text("a", "a", "a", "b")] {
            assert_ne!(one, masked(other));
        }
    }
}
