//! One line on a recording that went well.

use super::palette::{Palette, paint};
use super::text::{clean, count, size};

/// A cassette that was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its name.
    pub cassette: String,
    /// How many.
    pub interactions: usize,
    /// Of all files, bytes.
    pub size: u64,
    /// What was replaced, by the name of its rule or secret, and how often.
    pub redacted: Vec<(String, u64)>,
}

impl Recorded {
    /// ```
    /// use cassette::report::{Palette, Recorded};
    ///
    /// let recorded = Recorded {
    ///     cassette: "weather/berlin".into(),
    ///     interactions: 12,
    ///     size: 48_213,
    ///     redacted: vec![("API_KEY".into(), 12), ("header authorization".into(), 1)],
    /// };
    /// assert_eq!(
    ///     recorded.render(&Palette::plain()),
    ///     "recorded weather/berlin: 12 interactions, 48 kB, redacted: API_KEY (12 times), header authorization",
    /// );
    /// ```
    pub fn render(&self, palette: &Palette) -> String {
        let redacted: Vec<String> = self.redacted.iter().map(|(name, n)| times(name, *n)).collect();
        format!(
            "{} {}: {}, {}, redacted: {}",
            paint(palette.added, "recorded"),
            paint(palette.emphasis, clean(&self.cassette)),
            count(self.interactions, "interaction"),
            size(self.size),
            if redacted.is_empty() { "nothing".to_owned() } else { redacted.join(", ") },
        )
    }
}

/// What was replaced, and how often.
pub(super) fn times(name: &str, times: u64) -> String {
    match times {
        0 | 1 => clean(name).into_owned(),
        times => format!("{} ({times} times)", clean(name)),
    }
}
