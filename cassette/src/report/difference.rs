//! One difference between two requests, as a line: this request first, then the recording.

use super::words::{bytes, shortened};
use crate::matcher::{BodyKind, Difference, PartDifference};

pub(super) fn say(difference: &Difference) -> String {
    match difference {
        Difference::Uri { actual, recorded } => values("uri", actual, recorded),
        Difference::Method { actual, recorded } => values("method", actual, recorded),
        Difference::Scheme { actual, recorded } => values("scheme", actual, recorded),
        Difference::Host { actual, recorded } => values("host", actual, recorded),
        Difference::Path { actual, recorded } => values("path", actual, recorded),
        Difference::Query { key, actual, recorded } => lists(&format!("query `{key}`"), actual, recorded),
        Difference::Form { key, actual, recorded } => lists(&format!("form `{key}`"), actual, recorded),
        Difference::Header { name, actual, recorded } => options(&format!("header `{name}`"), actual, recorded),
        Difference::Json { pointer, actual, recorded } => {
            let place = if pointer.is_empty() { "body".to_owned() } else { format!("body at `{pointer}`") };
            options(&place, actual, recorded)
        }
        Difference::Body { actual, recorded } => {
            format!("body: {} now, recorded {}", kind(*actual), kind(*recorded))
        }
        Difference::Multipart { part, difference } => {
            let part = format!("part `{part}`");
            match difference {
                PartDifference::OnlyActual => format!("{part}: not recorded"),
                PartDifference::OnlyRecorded => format!("{part}: recorded, absent now"),
                PartDifference::Header { name, actual, recorded } => {
                    options(&format!("{part}, header `{name}`"), actual, recorded)
                }
                PartDifference::Body(body) => format!("{part}, {}", say(body)),
            }
        }
        Difference::Bytes { offset, actual, recorded } => {
            let sizes = format!("{} now, {} recorded", bytes(*actual), bytes(*recorded));
            match offset {
                Some(offset) => format!("body: differs from byte {offset} on ({sizes})"),
                None => format!("body: another content ({sizes})"),
            }
        }
    }
}

fn kind(kind: BodyKind) -> &'static str {
    match kind {
        BodyKind::Empty => "none",
        BodyKind::Json => "JSON",
        BodyKind::Form => "a form",
        BodyKind::Multipart => "multipart",
        BodyKind::Bytes => "bytes",
    }
}

fn values(what: &str, actual: &str, recorded: &str) -> String {
    format!("{what}: `{}` now, recorded `{}`", shortened(actual), shortened(recorded))
}

fn options(what: &str, actual: &Option<String>, recorded: &Option<String>) -> String {
    match (actual, recorded) {
        (Some(a), Some(r)) => values(what, a, r),
        (Some(a), None) => format!("{what}: `{}` now, not recorded", shortened(a)),
        (None, Some(r)) => format!("{what}: absent now, recorded `{}`", shortened(r)),
        (None, None) => format!("{what}: differs"),
    }
}

fn lists(what: &str, actual: &[String], recorded: &[String]) -> String {
    let joined = |v: &[String]| (!v.is_empty()).then(|| v.join("`, `"));
    options(what, &joined(actual), &joined(recorded))
}
