//! Secrets that the leak check found in a recording, with a suggestion for each of them. The report never shows the
//! value of a secret.
//!
//! Must not know: how secrets are found.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::palette::paint;
use super::setup::path;
use super::text::{URI, VALUE, clean, short};
use crate::placeholder;
use crate::redact::suggest::Suggestion;
use crate::redact::{LeakEncoding, LeakKind};

/// All places in which the final leak check found a secret.
#[derive(Clone, Debug)]
pub(crate) struct Leaks {
    /// The cassette, which is unchanged.
    pub(crate) cassette: PathBuf,
    /// The leaks. There is at least one.
    pub(crate) found: Vec<Leak>,
}

/// One place in which the check found a secret.
#[derive(Clone, Debug)]
pub(crate) struct Leak {
    /// Depending on `kind`: the name of the secret, the rule whose pattern found it, or the placeholder that the value
    /// has in other places.
    pub(crate) name: String,
    /// The kind of the secret.
    pub(crate) kind: LeakKind,
    /// The encoding of the value in this place.
    pub(crate) encoding: LeakEncoding,
    /// Whether the check decompressed the data first.
    pub(crate) unpacked: bool,
    /// The place of the secret in the recording.
    pub(crate) place: LeakPlace,
    /// A rule that redacts the secret more precisely than the option that redacts the whole place, if there is such a
    /// rule.
    pub(crate) rule: Option<Suggestion>,
}

/// The place in which a secret was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) enum LeakPlace {
    /// An interaction of the recording.
    Interaction {
        /// The place of the interaction on the cassette, from 1.
        number: usize,
        /// `GET https://…`, redacted.
        request: String,
        /// Whether the secret is in the response.
        of_answer: bool,
        /// The part of the request or the response.
        part: LeakPart,
    },
    /// The metadata of the cassette.
    Metadata,
    /// The manifest of the output.
    Output {
        /// The path of the file, unless the path contains the secret.
        path: Option<String>,
    },
}

/// A part of a request or of a response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) enum LeakPart {
    /// The URL.
    Url,
    /// The value of the header or trailer with this name.
    Header(String),
    /// The body.
    Body {
        /// The line, from 1, if the body has several lines.
        line: Option<u64>,
        /// The JSON pointer of the place, if the body is JSON.
        pointer: Option<String>,
    },
    /// Any other part, with the keys that lead to it in the cassette.
    Other(String),
}

/// How many places a report shows.
const SHOWN: usize = 10;

impl Leaks {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        page.error(format_args!(
            "the new recording of `{}` contains {}, and was not saved",
            clean(&site.cassette),
            match self.found.len() {
                1 => "a secret".to_owned(),
                places => format!("secrets in {places} places"),
            },
        ));
        page.fact("cassette", format_args!("{} is unchanged", path(&self.cassette)));
        page.gap();
        for leak in self.found.iter().take(SHOWN) {
            let name = paint(page.palette.emphasis, clean(&leak.name));
            // For this kind, the configuration does not name the secret. A rule redacted the value in another place,
            // and `name` is the placeholder there.
            let what = if leak.kind == LeakKind::Found { "the value of " } else { "" };
            let of_other = match leak.kind {
                LeakKind::SecretOfOther => ", a secret that another test of this process names",
                _ => "",
            };
            let unpacked = if leak.unpacked { ", unpacked" } else { "" };
            page.line(2, format_args!("{what}{name}, {}{unpacked}{of_other}", leak.encoding.name()));
            leak.place.write(page);
            page.line(4, format_args!("fix: {}", leak.suggestion()));
        }
        page.more(2, self.found.len(), SHOWN, "");
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        let places = if self.found.len() == 1 { "that place" } else { "those places" };
        let why = format!("redact {places} in the test's `Config`, then record again");
        Help { why, command: site.record_command() }
    }
}

impl LeakPlace {
    fn write(&self, page: &mut Page<'_>) {
        match self {
            LeakPlace::Interaction { number, request, of_answer, part } => {
                page.line(4, format_args!("interaction {number}: {}", short(request, URI)));
                let side = if *of_answer { "response" } else { "request" };
                page.line(
                    4,
                    match part {
                        LeakPart::Url => "its URL".to_owned(),
                        LeakPart::Header(name) => format!("header {} of the {side}", clean(name)),
                        LeakPart::Body { line: Some(line), .. } => format!("body of the {side}, line {line}"),
                        LeakPart::Body { pointer: Some(at), .. } => {
                            format!("body of the {side}, at {}", short(at, VALUE))
                        }
                        LeakPart::Body { .. } => format!("body of the {side}"),
                        LeakPart::Other(what) => format!("{} of the {side}", clean(what)),
                    },
                );
            }
            LeakPlace::Metadata => page.line(4, "`_metadata` of the cassette"),
            LeakPlace::Output { path: Some(path) } => {
                page.line(
                    4,
                    format_args!("a name that the snapshot lists for the output file {}", short(path, URI)),
                );
            }
            LeakPlace::Output { path: None } => page.line(4, "the name of an output file"),
        }
    }
}

impl Leak {
    /// The option that redacts the secret. If possible, it is a line to copy.
    fn suggestion(&self) -> String {
        // The test does not know the secret, so cassette had nothing to replace.
        if self.kind == LeakKind::SecretOfOther {
            let name = clean(&self.name);
            return format!(
                "name it for every test, in `cassette.toml`: secret_from_env = [{name:?}], or in the test's `Config`"
            );
        }
        let by_rule = self.rule.as_ref().map(|rule| match rule {
            Suggestion::Url(pattern) => format!(".redact_url({:?})", clean(pattern)),
            Suggestion::SomeUrl => "`Config::redact_url` with a pattern".to_owned(),
            Suggestion::Field(name) => format!(".redact_field({:?})", clean(name)),
            Suggestion::SomeBody => "`Config::redact_body_with`".to_owned(),
        });
        let option = by_rule.unwrap_or_else(|| self.suggestion_for_place());
        if let (LeakKind::Found, Some(header)) = (self.kind, placeholder::header_of(&self.name)) {
            return format!("{option}; if it is not a secret, .allow_header({:?})", clean(header));
        }
        match self.name.split_once(' ') {
            Some((id, _)) if self.kind == LeakKind::Token => {
                format!("{option}; if it is not a secret, .without_rule({id:?})")
            }
            _ => option,
        }
    }

    /// The option that redacts the whole place.
    fn suggestion_for_place(&self) -> String {
        match &self.place {
            LeakPlace::Interaction { part, .. } => match part {
                LeakPart::Url => {
                    "`Config::redact_url` with a pattern, or `Config::redact_request_with`".to_owned()
                }
                LeakPart::Header(name) => format!(".redact_header({:?})", clean(name)),
                LeakPart::Body { pointer: Some(pointer), .. } => {
                    format!(".redact_pointer({:?})", short(pointer, VALUE))
                }
                LeakPart::Body { .. } if self.unpacked => "`Config::redact_body_with`".to_owned(),
                LeakPart::Body { .. } => {
                    "`Config::redact_body_with`, or `Config::redact_field` if the secret is the whole value of a field"
                        .to_owned()
                }
                LeakPart::Other(_) => {
                    "`Config::redact_response_with` or `Config::redact_request_with`".to_owned()
                }
            },
            LeakPlace::Metadata => "rename the rules and hooks: the cassette lists their names".to_owned(),
            LeakPlace::Output { .. } => {
                "let the test write other names: the snapshot keeps those of files, columns and link targets"
                    .to_owned()
            }
        }
    }
}
