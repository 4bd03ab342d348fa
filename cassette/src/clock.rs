//! The clock of a session: the instant that it shows, and the range of possible instants. This file also parses and
//! formats instants as text (RFC 3339) for cassettes.
//!
//! Must not know: how unmodified code sees the clock (`ambient` knows that), what a session is.

use crate::error::{Error, Result};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// The clock of a session: a clock that is frozen at an instant, or the real clock.
///
/// [`now`](Self::now) returns the session's time on every system. `SystemTime::now()` returns it only on Linux and
/// macOS. All clones of a clock are the same clock.
///
/// ```
/// use cassette::Clock;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// # fn main() -> cassette::Result<()> {
/// let clock = Clock::frozen(UNIX_EPOCH + Duration::from_secs(1_000_000_000))?;
/// clock.advance(Duration::from_secs(60))?;
/// assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1_000_000_060));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// Makes a clock that is frozen at `at`.
    ///
    /// # Errors
    ///
    /// `at` is before 1970 or after 2261. For an instant before 1970, chrono's `Utc::now()` panics. Many libraries
    /// store nanoseconds since 1970 in a signed 64-bit number, and an instant after 2261 does not fit into it.
    pub fn frozen(at: SystemTime) -> Result<Self> {
        Ok(Clock(Some(Arc::new(AtomicU64::new(nanoseconds(at)?)))))
    }

    /// Makes a clock that shows the real time, for a session that does not freeze time.
    pub fn real() -> Self {
        Clock(None)
    }

    /// Returns the time of the session. For a frozen clock this is its instant. For the real clock it is the time that
    /// the calling thread sees.
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Some(ns) => UNIX_EPOCH + Duration::from_nanos(ns.load(Relaxed)),
            None => SystemTime::now(),
        }
    }

    /// Sets a frozen clock forwards or back, for all threads of the test.
    ///
    /// # Errors
    ///
    /// The clock is the real clock, or `at` is before 1970 or after 2261.
    pub fn set(&self, at: SystemTime) -> Result<()> {
        let ns = nanoseconds(at)?;
        self.standing()?.store(ns, Relaxed);
        Ok(())
    }

    /// Advances a frozen clock, for all threads of the test.
    ///
    /// # Errors
    ///
    /// The clock is the real clock, or would pass the year 2261.
    pub fn advance(&self, by: Duration) -> Result<()> {
        let moved = |ns| Duration::from_nanos(ns).checked_add(by).and_then(in_range);
        match self.standing()?.fetch_update(Relaxed, Relaxed, moved) {
            Ok(_) => Ok(()),
            Err(ns) => {
                let at = format_rfc3339(UNIX_EPOCH + Duration::from_nanos(ns));
                Err(out_of_range(&format!("{} s after {at}", by.as_secs())))
            }
        }
    }

    /// Whether the clock is frozen. A frozen clock changes only by [`set`](Self::set) and [`advance`](Self::advance).
    pub fn is_frozen(&self) -> bool {
        self.0.is_some()
    }

    /// The instant of a frozen clock in nanoseconds since 1970, which all clones share. `None` for the real clock.
    #[cfg(feature = "ambient")]
    pub(crate) fn shared(&self) -> Option<&Arc<AtomicU64>> {
        self.0.as_ref()
    }

    fn standing(&self) -> Result<&AtomicU64> {
        let real = || Error::new("the clock of this session is the real one, which can't be moved");
        self.0
            .as_deref()
            .ok_or_else(|| real().hint("freeze it: `freeze` in the attribute or in the configuration"))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_frozen() {
            true => write!(f, "Clock(frozen at {})", format_rfc3339(self.now())),
            false => f.write_str("Clock(real)"),
        }
    }
}

/// The end of the range of instants: 2262-01-01T00:00:00Z, in seconds since 1970.
const END: Duration = Duration::from_secs(9_214_646_400);

fn nanoseconds(at: SystemTime) -> Result<u64> {
    let ns = at.duration_since(UNIX_EPOCH).ok().and_then(in_range);
    ns.ok_or_else(|| out_of_range(&format_rfc3339(at)))
}

fn in_range(since_1970: Duration) -> Option<u64> {
    (since_1970 < END).then_some(since_1970.as_nanos() as u64)
}

fn out_of_range(instant: &str) -> Error {
    Error::new(format!("a clock can't be frozen at {instant}"))
        .hint("choose an instant from 1970-01-01T00:00:00Z to the end of 2261")
}

/// Parses an instant in the format of [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6), with any offset.
/// A fraction of a second is cut after nine digits.
///
/// # Errors
///
/// `text` has another format, or names an instant that does not exist.
pub(crate) fn parse_rfc3339(text: &str) -> Result<SystemTime> {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => Ok(at.into()),
        Err(e) => Err(Error::with_source(format!("`{text}` is not an instant in the form of RFC 3339"), e)
            .hint("write it like 2024-05-06T07:08:09Z")),
    }
}

/// Formats an instant for the header `date` (RFC 9110 §5.6.7). Returns `None` for an instant before 1970 or after 9999.
pub(crate) fn format_http_date(at: SystemTime) -> Option<String> {
    let since = Duration::from_secs(at.duration_since(UNIX_EPOCH).ok()?.as_secs());
    let text = OffsetDateTime::UNIX_EPOCH.checked_add(since.try_into().ok()?)?.format(&Rfc2822).ok()?;
    Some(text.replace("+0000", "GMT"))
}

/// Formats an instant in UTC, with as many decimals as it needs: `2024-05-06T07:08:09.25Z`.
///
/// The format has four digits for the year. If the year does not fit, the function formats the nearest instant whose
/// year fits. The clock of a session never shows such an instant.
pub(crate) fn format_rfc3339(at: SystemTime) -> String {
    let (moved, nearest) = match at.duration_since(UNIX_EPOCH) {
        Ok(after) => (
            after.try_into().ok().and_then(|d| OffsetDateTime::UNIX_EPOCH.checked_add(d)),
            "9999-12-31T23:59:59.999999999Z",
        ),
        Err(e) => (
            e.duration().try_into().ok().and_then(|d| OffsetDateTime::UNIX_EPOCH.checked_sub(d)),
            "0000-01-01T00:00:00Z",
        ),
    };
    moved.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| nearest.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        parse_rfc3339(text).unwrap()
    }

    /// Checks that `text` can be parsed, and that its instant is formatted as `written`.
    #[track_caller]
    fn check(text: &str, written: &str) {
        assert_eq!(format_rfc3339(at(text)), written);
        assert_eq!(at(written), at(text));
    }

    #[test]
    fn http_date() {
        let at = |seconds: u64| format_http_date(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999));
        assert_eq!(at(784_111_777).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(at(0).as_deref(), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
        assert_eq!(format_http_date(UNIX_EPOCH - Duration::from_secs(1)), None);
    }

    #[test]
    fn instants_are_written_in_utc() {
        check("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z");
        check("2024-05-06T07:08:09+02:00", "2024-05-06T05:08:09Z");
        check("2024-02-29T23:30:00-00:30", "2024-03-01T00:00:00Z");
        check("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z");
        check("1969-12-31T23:59:59.75Z", "1969-12-31T23:59:59.75Z");
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
        check("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn nanoseconds_are_kept_without_trailing_zeros() {
        check("2024-05-06T07:08:09.123456789Z", "2024-05-06T07:08:09.123456789Z");
        check("2024-05-06T07:08:09.120000000Z", "2024-05-06T07:08:09.12Z");
        check("2024-05-06T07:08:09.000000001Z", "2024-05-06T07:08:09.000000001Z");
        check("2024-05-06T07:08:09.000Z", "2024-05-06T07:08:09Z");
        check("2024-05-06T07:08:09.1234567891Z", "2024-05-06T07:08:09.123456789Z");
    }

    #[test]
    fn other_text_is_refused() {
        for text in
            ["", "today", "2024-05-06", "2024-05-06T07:08:09", "2024-13-06T07:08:09Z", "2023-02-29T00:00:00Z"]
        {
            let e = parse_rfc3339(text).unwrap_err();
            assert_eq!(e.to_string(), format!("`{text}` is not an instant in the form of RFC 3339"));
            assert_eq!(e.help(), Some("write it like 2024-05-06T07:08:09Z"));
        }
    }

    #[test]
    fn an_instant_without_a_form_is_still_written() {
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(format_rfc3339(far), "9999-12-31T23:59:59.999999999Z");
        let long_ago = UNIX_EPOCH - Duration::from_secs(1 << 40);
        assert_eq!(format_rfc3339(long_ago), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn a_frozen_clock_stands_until_it_is_moved() {
        let clock = Clock::frozen(at("2001-01-01T00:00:00.000000001Z")).unwrap();
        let same = clock.clone();
        assert!(clock.is_frozen());
        assert_eq!(clock.now(), at("2001-01-01T00:00:00.000000001Z"));
        clock.advance(Duration::from_nanos(1_500_000_000)).unwrap();
        assert_eq!(same.now(), at("2001-01-01T00:00:01.500000001Z"));
        same.set(at("1999-12-31T23:59:59Z")).unwrap();
        assert_eq!(clock.now(), at("1999-12-31T23:59:59Z"));
        assert_eq!(format!("{clock:?}"), "Clock(frozen at 1999-12-31T23:59:59Z)");
    }

    #[test]
    fn a_clock_stands_from_1970_to_2261() {
        for text in ["1970-01-01T00:00:00Z", "2261-12-31T23:59:59.999999999Z"] {
            assert_eq!(Clock::frozen(at(text)).unwrap().now(), at(text));
        }
        let clock = Clock::frozen(at("2001-01-01T00:00:00Z")).unwrap();
        for text in ["1969-12-31T23:59:59.999999999Z", "1601-01-01T00:00:00Z", "2262-01-01T00:00:00Z"] {
            let refused = format!("a clock can't be frozen at {text}");
            assert_eq!(Clock::frozen(at(text)).unwrap_err().to_string(), refused);
            assert_eq!(clock.set(at(text)).unwrap_err().to_string(), refused);
        }
        for by in [Duration::from_secs(9_000_000_000), Duration::MAX] {
            let e = clock.advance(by).unwrap_err().to_string();
            assert!(e.ends_with("s after 2001-01-01T00:00:00Z"), "{e}");
        }
        assert_eq!(clock.now(), at("2001-01-01T00:00:00Z"), "a refusal leaves the clock where it was");
    }

    #[test]
    fn the_real_clock_runs_and_cannot_be_moved() {
        let clock = Clock::real();
        assert!(!clock.is_frozen());
        assert!(clock.now() > at("2021-01-01T00:00:00Z"));
        let refused = "the clock of this session is the real one, which can't be moved";
        assert_eq!(clock.set(at("2001-01-01T00:00:00Z")).unwrap_err().to_string(), refused);
        assert_eq!(clock.advance(Duration::ZERO).unwrap_err().to_string(), refused);
    }
}
