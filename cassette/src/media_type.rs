//! The format that a `content-type` declares. Redaction, matching and templates all use this file, so that they agree
//! on the types that are JSON, XML and so on.
//!
//! Must not know: bodies, headers, what happens to a body.

/// The media type in lower case, without parameters (RFC 9110 §8.3.1). All other functions in this file take this
/// result.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// Any type or suffix for JSON (RFC 6839 §3.1).
pub(crate) fn is_json(essence: &str) -> bool {
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// The types for one JSON document on each line.
pub(crate) fn is_json_lines(essence: &str) -> bool {
    matches!(
        essence,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-json-stream"
    )
}

/// The types for XML (RFC 7303 §9).
pub(crate) fn is_xml(essence: &str) -> bool {
    matches!(essence, "text/xml" | "application/xml") || essence.ends_with("+xml")
}

pub(crate) fn is_html(essence: &str) -> bool {
    matches!(essence, "text/html" | "application/xhtml+xml")
}

/// The types for JavaScript: the names of RFC 9239, the obsolete names, and names with the prefix of a vendor.
pub(crate) fn is_script(essence: &str) -> bool {
    essence.ends_with("javascript") || essence.ends_with("ecmascript")
}

/// The type of URL-encoded forms (WHATWG URL §5).
pub(crate) fn is_form(essence: &str) -> bool {
    essence == "application/x-www-form-urlencoded"
}

/// The types whose messages have their length before them (gRPC, Connect).
pub(crate) fn is_enveloped(essence: &str) -> bool {
    essence.starts_with("application/connect+")
        || essence.starts_with("application/grpc") && !essence.starts_with("application/grpc-web-text")
}

/// The types of bodies that a server sends message by message, for as long as it likes. Takes the whole content type,
/// because Kubernetes marks its watches with the parameter `stream=watch`.
pub(crate) fn is_stream(content_type: &str) -> bool {
    let essence = essence(content_type);
    is_json_lines(&essence)
        || matches!(
            &*essence,
            "text/event-stream"
                | "application/json-seq"
                | "application/stream+json"
                | "application/vnd.amazon.eventstream"
                | "application/vnd.docker.multiplexed-stream"
                | "application/vnd.docker.raw-stream"
                | "multipart/x-mixed-replace"
        )
        || essence.starts_with("application/grpc")
        || essence.starts_with("application/connect+")
        || content_type.to_ascii_lowercase().contains("stream=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: &str, expected: &[&str]) {
        let essence = essence(content_type);
        let kinds = [
            ("json", is_json(&essence)),
            ("lines", is_json_lines(&essence)),
            ("xml", is_xml(&essence)),
            ("html", is_html(&essence)),
            ("script", is_script(&essence)),
            ("form", is_form(&essence)),
        ];
        let found: Vec<_> = kinds.iter().filter(|(_, is)| *is).map(|(kind, _)| *kind).collect();
        assert_eq!(found, expected, "{content_type}");
    }

    #[test]
    fn streams() {
        for stream in ["Text/Event-Stream; charset=utf-8", "application/x-ndjson", "application/grpc+proto"] {
            assert!(is_stream(stream), "{stream}");
        }
        assert!(is_stream("application/vnd.kubernetes.protobuf;stream=watch"));
        for whole in ["application/json", "text/csv", "application/octet-stream", ""] {
            assert!(!is_stream(whole), "{whole}");
        }
    }

    #[test]
    fn kinds() {
        check("Application/JSON; charset=utf-8", &["json"]);
        check("text/json", &["json"]);
        check("application/problem+json", &["json"]);
        check("application/x-ndjson", &["lines"]);
        check(" text/xml ;charset=utf-8", &["xml"]);
        check("image/svg+xml", &["xml"]);
        check("application/xhtml+xml", &["xml", "html"]);
        check("text/html", &["html"]);
        check("text/javascript", &["script"]);
        check("application/x-ecmascript; charset=utf-8", &["script"]);
        check("application/vnd.example+javascript", &["script"]);
        check("text/javascript1.5", &[]);
        check("application/x-www-form-urlencoded", &["form"]);
        check("text/plain", &[]);
        check("", &[]);
    }
}
