//! A cassette that is older than it may be.

use std::path::PathBuf;
use std::time::Duration;

use super::TestSite;
use super::page::{Help, Page};
use super::setup::path;
use super::text::{clean, count};

/// How old it is, and how old it may be.
#[derive(Clone, Debug)]
pub struct Expired {
    /// The cassette.
    pub file: PathBuf,
    /// When it was recorded, RFC 3339, and how long that is ago. `None` if it doesn't say.
    pub recorded: Option<(String, Duration)>,
    /// How old it may be.
    pub limit: Duration,
}

impl Expired {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        page.error(self.headline(&site.cassette));
        self.facts(page);
    }

    /// Where it is no failure.
    pub(super) fn write_note(&self, page: &mut Page<'_>, cassette: &str, command: &str) {
        page.note(self.headline(cassette));
        self.facts(page);
        page.fact("to record", command);
    }

    fn headline(&self, cassette: &str) -> String {
        match &self.recorded {
            Some((_, age)) => format!(
                "cassette `{}` is {} old, but the limit is {}",
                clean(cassette),
                long(*age),
                long(self.limit)
            ),
            None => format!("cassette `{}` doesn't say when it was recorded", clean(cassette)),
        }
    }

    fn facts(&self, page: &mut Page<'_>) {
        page.fact("file", path(&self.file));
        match &self.recorded {
            Some((at, _)) => page.fact("recorded", clean(at)),
            None => page.fact("limit", long(self.limit)),
        }
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help { why: "record it again".to_owned(), command: site.record_command() }
    }
}

/// In the largest unit that it is two of, rounded down: an age is a matter of days.
fn long(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = time.as_secs();
    let (unit, name) = match seconds {
        s if s >= 2 * DAY => (DAY, "day"),
        s if s >= 2 * HOUR => (HOUR, "hour"),
        s if s >= 2 * MINUTE => (MINUTE, "minute"),
        _ => (1, "second"),
    };
    count(usize::try_from(seconds / unit).unwrap_or(usize::MAX), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_200, "2 hours"),
            (172_799, "47 hours"),
            (7_776_000, "90 days"),
        ] {
            assert_eq!(long(Duration::from_secs(seconds)), expected);
        }
    }
}
