//! A cassette that is older than the configuration allows.
//!
//! Must not know: how the age is computed.

use std::path::PathBuf;
use std::time::Duration;

use super::TestSite;
use super::page::{Help, Page};
use super::setup::path;
use super::text::{clean, count};

/// The age of a cassette, and the limit.
#[derive(Clone, Debug)]
pub(crate) struct Expired {
    /// The cassette.
    pub(crate) file: PathBuf,
    /// The time of the recording in RFC 3339, and the age. `None` if the cassette does not contain the time.
    pub(crate) recorded: Option<(String, Duration)>,
    /// The highest age that the configuration allows.
    pub(crate) limit: Duration,
}

impl Expired {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        page.error(self.headline(&site.cassette));
        self.write_age(page);
    }

    /// Writes the note for a test that passes.
    pub(super) fn write_note(&self, page: &mut Page<'_>, cassette: &str, command: &str) {
        page.note(self.headline(cassette));
        self.write_age(page);
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

    fn write_age(&self, page: &mut Page<'_>) {
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

/// A duration in one unit, rounded down, such as `119 seconds` or `2 minutes`. The unit is the largest one that gives
/// at least 2.
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
