//! The causes of a failed replay. A cause is something that the code under test got on replay and that differs from
//! what it got while recording, or a value that differs in each run. For each cause, the report shows the option that
//! removes it.
//!
//! Must not know: how a cause is found.

use super::page::Page;
use super::suggestions::RequestPlace;
use super::text::{URI, VALUE, clean, count, short};

/// A cause of a failed replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The code under test got a placeholder in place of a value.
    Redacted {
        /// The placeholder.
        placeholder: String,
        /// The place of the placeholder in the response, such as "the JSON at /token".
        place: String,
        /// The response.
        of: Answer,
        /// The label of the rule: `CAS0031 field access_token`. `None` if the cassette does not name it.
        rule: Option<String>,
        /// The purpose, such as "to keep the value", and the code to copy.
        mend: (String, String),
        /// Where the failure shows the placeholder, such as "the panic". `None` if the failure does not show it.
        seen: Option<String>,
    },
    /// The code under test did not get headers that the server sent.
    LeftOut {
        /// The names, in lower case. There is at least one.
        headers: Vec<String>,
        /// The response. `None` if it is unknown whether a server sent the header. Then only the failure names the
        /// header.
        of: Option<Answer>,
        /// Whether the failure names the header.
        named: bool,
    },
    /// The code under test got a body in chunks that differ from the chunks while recording.
    Chunks {
        /// The response.
        of: Answer,
        /// The number of chunks while recording.
        recorded: usize,
        /// The number of chunks on replay.
        replayed: usize,
    },
    /// A request contains a time that differs in each run.
    Time {
        /// The place in the request.
        place: RequestPlace,
        /// Method and URI.
        request: String,
    },
    /// A value in a request differs in each run.
    Random {
        /// The place in the request.
        place: RequestPlace,
        /// Method and URI.
        request: String,
    },
    /// A file of the output differs in each run.
    RandomOutput {
        /// The path of the file.
        path: String,
    },
    /// A request belongs to another test.
    OtherTest {
        /// Method and URI.
        request: String,
        /// True if this cassette contains the request of another test. False if a request of this test may be on
        /// another cassette.
        held: bool,
        /// The cassettes of the tests that ran at the same time.
        others: Vec<String>,
    },
    /// The replay in a new process sends a request that was not sent while recording.
    Fresh {
        /// Method and URI.
        request: String,
    },
}

/// A recorded response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The place of the recording on the cassette, from 0.
    pub(crate) index: usize,
    pub(crate) method: http::Method,
    pub(crate) uri: String,
}

/// How many names a cause lists.
const NAMED: usize = 8;

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "recording {}, {} {}", self.index + 1, self.method, short(&self.uri, URI))
    }
}

impl Cause {
    /// The name of this kind of cause in the machine-readable report. The names must never change.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Cause::Redacted { .. } => "redacted",
            Cause::LeftOut { .. } => "left_out",
            Cause::Chunks { .. } => "chunks",
            Cause::Time { .. } => "time",
            Cause::Random { .. } => "random",
            Cause::RandomOutput { .. } => "random_output",
            Cause::OtherTest { .. } => "other_test",
            Cause::Fresh { .. } => "fresh",
        }
    }

    pub(super) fn write(&self, page: &mut Page<'_>) {
        match self {
            Cause::Redacted { placeholder, place, of, rule, mend, seen } => {
                page.note("the code under test got another value in place of a redacted one");
                page.fact("placeholder", format_args!("{} in {}", clean(placeholder), short(place, VALUE)));
                page.fact("from", of);
                if let Some(rule) = rule {
                    page.fact("rule", clean(rule));
                }
                if let Some(seen) = seen {
                    page.fact("seen in", clean(seen));
                }
                page.fact(&mend.0, clean(&mend.1));
            }
            Cause::LeftOut { headers, of, named } => {
                page.note(match (of, headers.len()) {
                    (None, _) => {
                        "a header that the failure names is not on the cassette; a recording may leave it out"
                    }
                    (_, 1) => "the code under test did not get a header that the recording left out",
                    _ => "the code under test did not get headers that the recording left out",
                });
                let shown: Vec<&str> = headers.iter().take(NAMED).map(String::as_str).collect();
                let more = headers.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(", and {more} more") } else { String::new() };
                let noun = if headers.len() == 1 { "header" } else { "headers" };
                page.fact(noun, format_args!("{}{more}", clean(&shown.join(", "))));
                if let Some(of) = of {
                    page.fact("from", of);
                }
                let name = headers.first().map_or("", String::as_str);
                let why = if *named || headers.len() == 1 { "to keep it" } else { "to keep the first" };
                page.fact(why, format_args!(".allow_header({name:?}), and record again"));
            }
            Cause::Chunks { of, recorded, replayed } => {
                page.note("a body came in other chunks than from the server");
                page.fact("from", of);
                page.fact(
                    "chunks",
                    format_args!("{} while recording, {replayed} on replay", count(*recorded, "chunk")),
                );
                page.fact(
                    "to mend it",
                    "let the code read the body to its end; a network does not keep chunks",
                );
            }
            Cause::Time { place, request } => {
                page.note("a request contains a time that differs in each run");
                write_place(page, place, request);
                page.fact(
                    "or",
                    "read the time from `SystemTime::now()` or `Session::clock`, which stand still in a test",
                );
            }
            Cause::Random { place, request } => {
                page.note("a value in a request differs in each run");
                write_place(page, place, request);
                // Mode `learn` can ignore single places, but not a path and not a whole body.
                if !matches!(place, RequestPlace::Path { .. } | RequestPlace::Body) {
                    page.fact("or", "record in mode `learn`, which finds such values: CASSETTE_MODE=learn");
                }
            }
            Cause::RandomOutput { path } => {
                page.note("a file of the output differs in each run");
                page.fact("file", clean(path));
                page.fact("to ignore it", format_args!(".ignore_output({path:?})"));
            }
            Cause::OtherTest { request, held, others } => {
                page.note(match held {
                    true => "the cassette holds a request that belongs to another test",
                    false => "the cassette lacks a request, which may be on that of another test",
                });
                page.fact("request", short(request, URI));
                page.fact("ran at the same time", short(&others.join(", "), URI));
                super::note::write_shared(page);
            }
            Cause::Fresh { request } => {
                page.note("a fresh process sends a request that the recording process did not send");
                page.fact("request", short(request, URI));
                page.fact(
                    "likely cause",
                    "a cache, a token or a client in a `static`, filled by an earlier test of the process",
                );
                page.fact("to fix it", "record each test in a process of its own: cargo nextest run");
            }
        }
    }
}

fn write_place(page: &mut Page<'_>, place: &RequestPlace, request: &str) {
    page.fact("place", format_args!("{} of {}", clean(&place.name()), short(request, URI)));
    page.fact("to ignore it", clean(&place.ignore()));
}
