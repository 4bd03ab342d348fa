//! Removes the parts of an interaction that differ by chance in every recording, so that two recordings can be
//! compared. These parts are request ids in response headers, and the ends of chunks and the turns of messages, which
//! depend on the timing of the network.
//!
//! Must not know: why two recordings are compared.

use http::{HeaderMap, HeaderValue};

use super::{Chunks, Outcome, Turn, journal, parse};
use crate::request_ids::is_request_id;

/// The text of an interaction without the parts that differ by chance. Response headers and trailers with a request id
/// have an empty value, no body has ends of chunks, and turns have no numbers.
pub(super) fn without_chance(text: &[u8]) -> Vec<u8> {
    let Ok(mut interaction) = parse::interaction(text) else { return text.to_vec() };
    interaction.request.body.chunks = Chunks::One;
    interaction.turns.truncate(1);
    interaction.turns.iter_mut().for_each(|turn| *turn = Turn::default());
    if let Outcome::Response(response) = &mut interaction.outcome {
        response.body.chunks = Chunks::One;
        mask(&mut response.headers);
        mask(&mut response.trailers);
    }
    journal::line(0, &interaction).unwrap_or_else(|_| text.to_vec())
}

fn mask(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if is_request_id(name.as_str()) {
            *value = HeaderValue::from_static("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chance_goes() {
        let text = |sent: &str, got: &str, total: &str, body: &str, chunks: &str| {
            format!(
                r#"{{"request": {{"method": "GET", "uri": "https://a.test/", "headers": {{"x-request-id": "{sent}"}}}},
                "response": {{"status": 200, "headers": {{"x-request-id": "{got}", "x-total": "{total}"}},
                "body": {{"text": "request-id: {body}\n"{chunks}}}}}}}"#
            )
        };
        let masked = |text: String| without_chance(text.as_bytes());
        let one = masked(text("a", "a", "a", "a", ""));
        for same in [text("a", "b", "a", "a", ""), text("a", "a", "a", "a", r#", "chunks": [3]"#)] {
            assert!(parse::interaction(same.as_bytes()).is_ok(), "{same}");
            assert_eq!(one, masked(same));
        }
        for other in
            [text("b", "a", "a", "a", ""), text("a", "a", "b", "a", ""), text("a", "a", "a", "b", "")]
        {
            assert_ne!(one, masked(other));
        }
    }
}
