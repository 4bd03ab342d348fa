//! Reports on a cassette that does not exist, cannot be read, or is in use.
//!
//! Must not know: the format of a cassette, or how it is locked.

use std::path::{Path, PathBuf};

use super::TestSite;
use super::page::{Help, Page};
use super::palette::paint;
use super::setup;
use super::text::{VALUE, clean, quoted, window};
use crate::error::Error;
use crate::mode::Mode;
use crate::tape::lfs;

/// There is no cassette to replay.
#[derive(Clone, Debug)]
pub(crate) struct MissingCassette {
    /// The file that does not exist.
    pub(crate) file: PathBuf,
    /// The mode that the code of the test asks for, if the test replays only because `CI` is set.
    pub(crate) asked: Option<Mode>,
}

/// The cassette exists, but cannot be read.
#[derive(Debug)]
pub(crate) struct MalformedCassette {
    /// The error, with the file and the position.
    pub(crate) error: Error,
    /// The text of the line with the error.
    pub(crate) line: Option<String>,
}

/// A cassette that two tests use.
#[derive(Clone, Debug)]
pub(crate) enum AlreadyOpen {
    /// Two tests of one process open the cassette.
    InThisProcess {
        /// The cassette.
        file: PathBuf,
        /// The test that opened the cassette first, if it is known.
        first: Option<TestSite>,
    },
    /// A test in another process of the same run has opened the cassette.
    ByAnotherTest {
        /// The cassette.
        file: PathBuf,
        /// The other test.
        first: TestSite,
    },
}

/// A cassette that another process recorded while this process waited to record it.
#[derive(Clone, Debug)]
pub(crate) struct RecordedMeanwhile {
    /// The cassette.
    pub(crate) file: PathBuf,
}

impl RecordedMeanwhile {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        let name = clean(&site.cassette);
        page.error(format_args!(
            "another process recorded cassette `{name}` while this one waited to record it"
        ));
        page.fact("file", setup::path(&self.file));
        page.gap();
        page.line(
            2,
            "Two tests use this cassette, or one test was started twice. cassette keeps the other recording.",
        );
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help {
            why: "check whether the other recording answers this test, too".to_owned(),
            command: site.run_command(),
        }
    }
}

/// The message that a process prints while it waits for another process to record a cassette.
pub(crate) fn waiting(cassette: &str, lock: &Path, holder: Option<u32>) -> String {
    let who = holder.map_or("another process".to_owned(), |pid| format!("process {pid}"));
    format!("cassette: {who} is recording `{}`, waiting for {}", clean(cassette), setup::path(lock))
}

/// The message that a session prints while it waits until other sessions of its process have ended.
pub(crate) fn waiting_for_turn(cassette: &str, open: &[String]) -> String {
    format!(
        "cassette: `{}` waits until the session of {} has ended, because sessions take turns if one of them records; \
         Config::record_in_parallel() lets them record at the same time",
        clean(cassette),
        quoted(open)
    )
}

impl MissingCassette {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        page.error(format_args!("cassette `{}` has not been recorded", clean(&site.cassette)));
        page.fact("file", format_args!("{} does not exist", setup::path(&self.file)));
        if let Some(asked) = self.asked {
            page.fact(
                "why",
                format_args!(
                    "`CI` is set, so only CASSETTE_MODE makes a test record: this test has mode `{asked}`, and replays"
                ),
            );
        }
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        let why = match self.asked {
            None => "record it, which needs the network",
            Some(_) => "record it on your machine and commit it; to record in CI, which needs the network",
        };
        Help { why: why.to_owned(), command: site.record_command() }
    }
}

impl MalformedCassette {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        let headline = format!("cassette `{}` cannot be read", clean(&site.cassette));
        let message = setup::message(&self.error);
        let Some(file) = self.error.path() else {
            page.error(headline);
            return page.fact("reason", clean(&message));
        };
        let file = setup::path(file);
        match (self.error.position(), &self.line) {
            (Some((line, column)), Some(text)) => {
                page.error_in_file(headline, format_args!("{file}:{line}:{column}"));
                self.write_line(page, text, line, column, &message);
            }
            (Some((line, column)), None) => {
                page.error_in_file(headline, format_args!("{file}:{line}:{column}"));
                page.fact("reason", clean(&message));
            }
            (None, _) => {
                page.error_in_file(headline, file);
                page.fact("reason", clean(&message));
            }
        }
        if self.error.help() != Some(lfs::PULL) {
            setup::write_causes(page, &self.error);
        }
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        if self.error.help() == Some(lfs::PULL) {
            return Help { why: "fetch the files".to_owned(), command: lfs::PULL.to_owned() };
        }
        Help { why: "repair the file, or record it again".to_owned(), command: site.record_command() }
    }

    /// Writes the line of the file, with a mark below the position of the error.
    fn write_line(&self, page: &mut Page<'_>, text: &str, line: usize, column: usize, message: &str) {
        let (error, dim) = (page.palette.error, page.palette.dim);
        let column = column.saturating_sub(1);
        let start = column.saturating_sub(VALUE / 2);
        let shown = window(text.trim_end(), start, VALUE);
        // A `…` or an escape makes the text before the position longer, and the mark must move with it.
        let before: String = text.chars().skip(start).take(column - start).collect();
        let offset = clean(&before).chars().count() + usize::from(start > 0);
        let number = line.to_string();
        let margin = format!("{:width$} {}", "", paint(dim, "|"), width = number.len());
        page.line(1, &margin);
        page.line(1, format_args!("{} {} {shown}", paint(dim, number), paint(dim, "|")));
        page.line(
            1,
            format_args!("{margin} {:offset$}{}", "", paint(error, format_args!("^ {}", clean(message)))),
        );
    }
}

impl AlreadyOpen {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        let name = clean(&site.cassette);
        let place = |test: &TestSite| format!("{} at {}:{}", clean(&test.test), clean(&test.file), test.line);
        let shared = "Two tests use this cassette. Give each test a cassette of its own.";
        match self {
            AlreadyOpen::InThisProcess { file, first } => {
                page.error(format_args!("cassette `{name}` is already open in this process"));
                page.fact("file", setup::path(file));
                if let Some(first) = first.as_ref().filter(|first| first.test != site.test) {
                    page.fact("opened by", place(first));
                }
                page.gap();
                match first {
                    Some(first) if first.test == site.test => {
                        page.line(
                            2,
                            "This test runs twice at once: `#[test]` is above `#[cassette_test]`, which already makes",
                        );
                        page.line(2, "the function a test. Remove `#[test]`.");
                    }
                    Some(_) => page.line(2, shared),
                    None => {
                        page.line(
                            2,
                            "Two tests use this cassette, or `#[test]` is above `#[cassette_test]`.",
                        );
                    }
                }
            }
            AlreadyOpen::ByAnotherTest { file, first } => {
                page.error(format_args!("cassette `{name}` belongs to another test"));
                page.fact("file", setup::path(file));
                page.fact("opened by", place(first));
                page.fact("this test", place(site));
                page.gap();
                page.line(2, shared);
            }
        }
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help {
            why: "find where the code names it".to_owned(),
            command: format!("grep -rn '\"{}\"' --include='*.rs' .", site.cassette),
        }
    }
}
