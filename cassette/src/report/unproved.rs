//! The report on a new recording that does not replay, and was therefore not installed.
//!
//! Must not know: how the replay ran.

use std::time::Duration;

use super::TestSite;
use super::page::{Help, Page};

/// A recording that does not replay.
#[derive(Clone, Debug)]
pub(crate) struct Unproved {
    /// Where the replay ran.
    pub(crate) by: ProvedBy,
    /// How the replay ended.
    pub(crate) why: WhyUnproved,
}

/// Where a replay ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProvedBy {
    /// In a new process of the same executable.
    Process,
    /// On a thread of the recording process.
    Thread,
}

/// How the replay ended, if it did not pass.
#[derive(Clone, Debug)]
pub(crate) enum WhyUnproved {
    /// The replay failed.
    Failed {
        /// The texts of the problems of the replay.
        problems: Vec<String>,
        /// The text of the panic, if the test panicked.
        panic: Option<String>,
        /// The texts of the causes.
        causes: Vec<String>,
        /// Whether a second replay passed.
        passed_again: bool,
    },
    /// The process or the thread of the replay ended without a result.
    Ended {
        /// The exit status.
        status: String,
        /// The end of the output, redacted.
        output: String,
    },
    /// The replay took too long.
    TimedOut {
        /// The limit.
        limit: Duration,
        /// Whether it is the limit that applies if the configuration sets none.
        is_default: bool,
    },
}

impl Unproved {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error("the recording passed, but it does not replay, so it was not installed");
        page.fact(
            "replayed",
            match self.by {
                ProvedBy::Process => "offline, in a new process of this executable",
                ProvedBy::Thread => "offline, on a thread of this process",
            },
        );
        match &self.why {
            WhyUnproved::Failed { problems, panic, causes, passed_again } => {
                if *passed_again {
                    page.fact(
                        "replayed again",
                        "passed: the result depends on the order of events or on chance",
                    );
                }
                for cause in causes {
                    page.gap();
                    let cause = cause.strip_prefix("note: ").unwrap_or(cause);
                    page.quote(2, &format!("cause: {cause}"));
                }
                page.gap();
                page.line(2, "the replay failed:");
                if let Some(panic) = panic {
                    page.quote(4, &format!("the test panicked: {panic}"));
                }
                for problem in problems {
                    page.gap();
                    page.quote(4, problem);
                }
            }
            WhyUnproved::Ended { status, output } => {
                page.fact("ended", format_args!("without a result: {status}"));
                page.gap();
                page.quote(4, output);
            }
            WhyUnproved::TimedOut { limit, is_default } => {
                let which = match is_default {
                    true => "30 s and ten times the time of the recording",
                    false => "the limit that the `Config` sets",
                };
                page.fact(
                    "stopped",
                    format_args!("after {} s, {which}", (limit.as_secs_f64() * 10.0).round() / 10.0),
                );
                page.fact("if it takes longer", "`.proof_limit(Duration::from_secs(…))` in the `Config`");
                page.fact(
                    "hint",
                    "on replay nothing answers a request that is not recorded; look for code that waits for ever",
                );
            }
        }
        page.gap();
        page.fact(
            "to install without a replay",
            "`prove = false` in the attribute, or `.prove(false)` in the `Config`",
        );
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help { why: "once the cause is mended, record again".to_owned(), command: site.again_command() }
    }
}
