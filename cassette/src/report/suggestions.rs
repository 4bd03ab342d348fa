//! Suggestions for unmatched requests: settings to copy that would have made the requests match.
//!
//! Must not know: which suggestions apply.

use super::page::Page;
use super::palette::paint;
use super::text::clean;
use crate::selecting_headers::is_selecting;

/// Settings that would have made the requests of a test match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suggestions {
    /// Places that are redacted in the request of this run, but not in the recording. They should be redacted while
    /// recording, too.
    pub(crate) redact: Vec<RequestPlace>,
    /// Places that matching should ignore.
    pub(crate) ignore: Vec<RequestPlace>,
    /// A recording that should answer more than once.
    pub(crate) repeat: Option<Repeat>,
    /// Whether the requests came in an order other than the recorded one.
    pub(crate) any_order: bool,
}

/// A place in a request, as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum RequestPlace {
    /// A part of the path.
    Path {
        /// The path as recorded.
        recorded: String,
        /// A regular expression that matches the part.
        pattern: String,
    },
    /// A key of the query.
    Query(String),
    /// A field of a form.
    Form(String),
    /// A header, in lower case.
    Header(String),
    /// A JSON pointer.
    Json(String),
    /// The path of an XML element or attribute.
    Xml(String),
    /// The whole body.
    Body,
}

/// A recording that should answer more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// The place of the recording on the cassette, from 0. `None` if no similar recording was found.
    pub(crate) recording: Option<usize>,
}

/// A description, and the code to copy.
type Suggestion = (String, String);

/// All suggestions with consecutive numbers, in groups by the condition under which they help.
pub(super) fn write(page: &mut Page<'_>, suggestions: &Suggestions) {
    let Suggestions { redact, ignore, repeat, any_order } = suggestions;
    let (selecting, others): (Vec<_>, Vec<_>) = ignore.iter().partition(|place| place.is_selecting());
    let to_ignore = |places: Vec<&RequestPlace>| -> Vec<Suggestion> {
        places.into_iter().map(|place| (place.name(), place.ignore())).collect()
    };
    let groups: [(&str, Vec<Suggestion>); 5] = [
        (
            "if a response issued the value that is redacted here, redact it in this place, too, and record again",
            redact.iter().filter_map(|place| Some((place.name(), place.redact()?))).collect(),
        ),
        ("if this differs in every run, let the test's `Config` ignore it", to_ignore(others)),
        (
            "if this header does not change the response, let the test's `Config` ignore it",
            to_ignore(selecting),
        ),
        (
            "if the test may send this request more often than it did while recording",
            repeat.iter().flat_map(Repeat::suggestions).collect(),
        ),
        (
            "if the order does not matter",
            any_order
                .then(|| ("remove this from the test's `Config`".to_owned(), ".ordered()".to_owned()))
                .into_iter()
                .collect(),
        ),
    ];
    let mut number = 0;
    for (title, suggestions) in groups.iter().filter(|(_, suggestions)| !suggestions.is_empty()) {
        page.gap();
        page.line(2, title);
        for (what, code) in suggestions {
            number += 1;
            let code = paint(page.palette.emphasis, clean(code));
            page.line(4, format_args!("{number}. {}: {code}", clean(what)));
        }
    }
}

impl RequestPlace {
    pub(super) fn name(&self) -> String {
        match self {
            RequestPlace::Path { recorded, .. } => format!("a part of the path {recorded}"),
            RequestPlace::Query(key) => format!("the query key `{key}`"),
            RequestPlace::Form(field) => format!("the form field `{field}`"),
            RequestPlace::Header(name) => format!("the header `{name}`"),
            RequestPlace::Json(pointer) => format!("the JSON at {pointer}"),
            RequestPlace::Xml(path) => format!("the XML at {path}"),
            RequestPlace::Body => "the body".to_owned(),
        }
    }

    /// Whether this is a header that selects what a request asks for.
    fn is_selecting(&self) -> bool {
        matches!(self, RequestPlace::Header(name) if is_selecting(name))
    }

    /// The call on `Config` that ignores this place.
    pub(super) fn ignore(&self) -> String {
        match self {
            RequestPlace::Path { pattern, .. } => format!(".ignore_path(r\"{pattern}\")"),
            RequestPlace::Query(key) => format!(".ignore_query({key:?})"),
            RequestPlace::Form(field) => format!(".ignore_form({field:?})"),
            RequestPlace::Header(name) => format!(".ignore_header({name:?})"),
            RequestPlace::Json(pointer) => format!(".ignore_json({pointer:?})"),
            RequestPlace::Xml(path) => format!(".ignore_xml({path:?})"),
            RequestPlace::Body => ".ignore_body()".to_owned(),
        }
    }

    /// The call on `Config` that redacts this place, if there is one.
    fn redact(&self) -> Option<String> {
        Some(match self {
            RequestPlace::Path { pattern, .. } => format!(".redact_url(r\"{pattern}\")"),
            RequestPlace::Query(name) | RequestPlace::Form(name) => format!(".redact_field({name:?})"),
            RequestPlace::Header(name) => format!(".redact_header({name:?})"),
            RequestPlace::Json(pointer) => format!(".redact_pointer({pointer:?})"),
            RequestPlace::Xml(_) | RequestPlace::Body => return None,
        })
    }
}

impl Repeat {
    fn suggestions(&self) -> Vec<Suggestion> {
        let one = self.recording.map(|index| {
            (
                format!("write this into recording {} of the cassette", index + 1),
                "\"repeat\": true".to_owned(),
            )
        });
        let all = (
            "or repeat the last response of every request".to_owned(),
            ".exhausted(Exhausted::RepeatLast)".to_owned(),
        );
        one.into_iter().chain([all]).collect()
    }
}
