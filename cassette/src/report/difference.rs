//! Writes one difference between a request and a recording.
//!
//! Must not know: how differences are found.

use super::page::Page;
use super::palette::paint;
use super::text::{VALUE, clean, count, excerpt, short, short_pair, size};
use crate::matcher::{BodyKind, Difference, PartDifference};
use crate::selecting_headers::is_selecting;
use crate::tape::{Content, Request};

/// How many values of one key a report shows.
const VALUES: usize = 4;

/// The two requests that were compared. Some values that the report shows are only in the requests, and not in the
/// [`Difference`].
#[derive(Clone, Copy)]
pub(super) struct Sides<'r> {
    pub(super) actual: &'r Request,
    pub(super) recorded: &'r Request,
}

/// Writes the name of the part that differs, then `-` and the recorded value, `+` and the requested value.
pub(super) fn write(page: &mut Page<'_>, indent: usize, difference: &Difference, sides: Sides<'_>) {
    match difference {
        Difference::Uri { actual, recorded } => pair(page, indent, "URI", recorded, actual),
        Difference::Method { actual, recorded } => pair(page, indent, "method", recorded, actual),
        Difference::Scheme { actual, recorded } => pair(page, indent, "scheme", recorded, actual),
        Difference::Host { actual, recorded } => pair(page, indent, "host", recorded, actual),
        Difference::Path { actual, recorded } => pair(page, indent, "path", recorded, actual),
        Difference::Query { key, actual, recorded } => {
            lists(page, indent, &format!("query `{}`", short(key, VALUE)), recorded, actual);
        }
        Difference::Header { name, actual, recorded } => {
            optional(
                page,
                indent,
                &format!("header `{}`", clean(name)),
                recorded.as_deref(),
                actual.as_deref(),
            );
            if recorded.is_none() && is_selecting(name) {
                page.line(
                    indent + 2,
                    "matching compares this header by default: it selects what a request asks for",
                );
                page.line(
                    indent + 2,
                    "record a cassette again that was recorded before cassette kept this header",
                );
            }
        }
        Difference::Bytes { offset: Some(offset), actual, recorded, .. } => {
            let title = format!(
                "body, from byte {offset} on ({} recorded, {} requested)",
                size(*recorded),
                size(*actual)
            );
            let at = usize::try_from(*offset).unwrap_or(usize::MAX);
            match (&sides.recorded.body.content, &sides.actual.body.content) {
                (Content::Inline(recorded), Content::Inline(actual)) => {
                    page.change(indent, title, &[excerpt(recorded, at)], &[excerpt(actual, at)]);
                }
                _ => page.line(indent, title),
            }
        }
        Difference::Custom { matcher } => {
            let matcher = paint(page.palette.emphasis, clean(matcher));
            page.line(indent, format_args!("the matcher `{matcher}` refuses it; all else is equal"));
        }
        other => body(page, indent, "body", other),
    }
}

/// The name of the part that differs.
pub(super) fn name(difference: &Difference) -> String {
    match difference {
        Difference::Uri { .. } => "URI".to_owned(),
        Difference::Method { .. } => "method".to_owned(),
        Difference::Scheme { .. } => "scheme".to_owned(),
        Difference::Host { .. } => "host".to_owned(),
        Difference::Path { .. } => "path".to_owned(),
        Difference::Query { key, .. } => format!("query `{}`", short(key, VALUE)),
        Difference::Header { name, .. } => format!("header `{}`", clean(name)),
        Difference::Json { pointer: place, .. } | Difference::Xml { path: place, .. } => {
            format!("body {}", short(place, VALUE)).trim_end().to_owned()
        }
        Difference::Form { key, .. } => format!("form field `{}`", short(key, VALUE)),
        Difference::Multipart { part, .. } => format!("part `{}`", short(part, VALUE)),
        Difference::Custom { matcher } => format!("matcher `{}`", clean(matcher)),
        _ => "body".to_owned(),
    }
}

/// Writes a difference between two bodies of requests or of multipart parts. `of` is the name of the body in the
/// report.
fn body(page: &mut Page<'_>, indent: usize, of: &str, difference: &Difference) {
    match difference {
        Difference::Body { actual, recorded } => {
            page.change(indent, of, &[kind(*recorded).to_owned()], &[kind(*actual).to_owned()]);
        }
        Difference::Json { pointer, actual, recorded } => {
            let place =
                if pointer.is_empty() { String::new() } else { format!(" at {}", short(pointer, VALUE)) };
            optional(page, indent, &format!("JSON {of}{place}"), recorded.as_deref(), actual.as_deref());
        }
        Difference::Xml { path, actual, recorded } => {
            let title = format!("XML {of} at {}", short(path, VALUE));
            optional(page, indent, &title, recorded.as_deref(), actual.as_deref());
        }
        Difference::Form { key, actual, recorded } => {
            lists(page, indent, &format!("form {of}, field `{}`", short(key, VALUE)), recorded, actual);
        }
        Difference::Bytes { offset: Some(offset), actual, recorded, part } => {
            let title = format!("{of}, from byte {offset} on");
            let (actual, recorded) = match part {
                Some([actual, recorded]) => {
                    let at = usize::try_from(*offset).unwrap_or(usize::MAX);
                    (visible(excerpt(actual, at)), visible(excerpt(recorded, at)))
                }
                None => (size(*actual), size(*recorded)),
            };
            page.change(indent, title, &[recorded], &[actual]);
        }
        Difference::Bytes { offset: None, actual, recorded, .. } if actual == recorded => {
            page.line(indent, format!("{of}, by its SHA-256: other bytes of the same length ({actual} B)"));
        }
        Difference::Bytes { offset: None, actual, recorded, .. } => {
            let exact = size(*actual) == size(*recorded);
            let text = |bytes: u64| if exact { format!("{bytes} B") } else { size(bytes) };
            page.change(indent, format!("{of}, by its SHA-256"), &[text(*recorded)], &[text(*actual)]);
        }
        Difference::Multipart { part, difference } => {
            let part = format!("part `{}` of the {of}", short(part, VALUE));
            match difference {
                PartDifference::OnlyActual => page.change(indent, part, &[absent()], &["present".to_owned()]),
                PartDifference::OnlyRecorded => {
                    page.change(indent, part, &["present".to_owned()], &[absent()])
                }
                PartDifference::Header { name, actual, recorded } => {
                    let title = format!("{part}, header `{}`", clean(name));
                    optional(page, indent, &title, recorded.as_deref(), actual.as_deref());
                }
                PartDifference::Body(difference) => body(page, indent, &part, difference),
            }
        }
        _ => page.line(indent, of),
    }
}

fn pair(page: &mut Page<'_>, indent: usize, title: &str, recorded: &str, actual: &str) {
    let (recorded, actual) = short_pair(recorded, actual);
    page.change(indent, title, &[recorded], &[actual]);
}

fn optional(page: &mut Page<'_>, indent: usize, title: &str, recorded: Option<&str>, actual: Option<&str>) {
    let (before, after) = match (recorded, actual) {
        (Some(recorded), Some(actual)) => short_pair(recorded, actual),
        (recorded, actual) => {
            let shown = |value: Option<&str>| value.map_or_else(absent, |v| short(v, VALUE));
            (shown(recorded), shown(actual))
        }
    };
    page.change(indent, title, &[visible(before)], &[visible(after)]);
}

fn lists(page: &mut Page<'_>, indent: usize, title: &str, recorded: &[String], actual: &[String]) {
    if let ([recorded], [actual]) = (recorded, actual) {
        return optional(page, indent, title, Some(recorded), Some(actual));
    }
    page.change(indent, title, &values(recorded), &values(actual));
}

fn values(values: &[String]) -> Vec<String> {
    if values.is_empty() {
        return vec![absent()];
    }
    let mut shown: Vec<_> = values.iter().take(VALUES).map(|v| visible(short(v, VALUE))).collect();
    if values.len() > VALUES {
        shown.push(format!("… and {}", count(values.len() - VALUES, "more value")));
    }
    shown
}

fn absent() -> String {
    "(absent)".to_owned()
}

fn visible(value: String) -> String {
    if value.is_empty() { "(empty)".to_owned() } else { value }
}

fn kind(kind: BodyKind) -> &'static str {
    match kind {
        BodyKind::Empty => "(absent)",
        BodyKind::Json => "JSON",
        BodyKind::Form => "a form",
        BodyKind::Multipart => "multipart",
        BodyKind::Xml => "XML",
        BodyKind::Bytes => "neither JSON, XML nor a form",
    }
}
