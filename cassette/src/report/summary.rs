//! The line that a successful recording prints.
//!
//! Must not know: how a recording was made.

use super::palette::{Palette, paint};
use super::text::{clean, count, size};

/// A cassette that was recorded.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// The name of the cassette.
    pub(crate) cassette: String,
    /// The number of interactions on the cassette.
    pub(crate) interactions: usize,
    /// The size of all files of the cassette, in bytes.
    pub(crate) size: u64,
    /// The number of responses that were cut where their clients left.
    pub(crate) cut: usize,
    /// The rules and secrets that redacted something, and how often.
    pub(crate) redacted: Vec<(String, u64)>,
}

impl Recorded {
    pub(crate) fn render(&self, palette: &Palette) -> String {
        let redacted: Vec<String> = self.redacted.iter().map(|(name, n)| times(name, *n)).collect();
        format!(
            "{} {}: {}, {}{}, redacted: {}",
            paint(palette.added, "recorded"),
            paint(palette.emphasis, clean(&self.cassette)),
            count(self.interactions, "interaction"),
            size(self.size),
            cut(self.cut).map_or_else(String::new, |cut| format!(", {cut}")),
            if redacted.is_empty() { "nothing".to_owned() } else { redacted.join(", ") },
        )
    }
}

/// The text about the responses that were cut where their clients left. `None` if there is no such response.
pub(super) fn cut(responses: usize) -> Option<String> {
    (responses > 0).then(|| format!("{} cut where the client left", count(responses, "response")))
}

/// The name of a rule or a secret, and how often it was redacted.
pub(super) fn times(name: &str, times: u64) -> String {
    match times {
        0 | 1 => clean(name).into_owned(),
        times => format!("{} ({times} times)", clean(name)),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::Palette;

    use super::*;

    #[test]
    fn one_recording() {
        let recorded = Recorded {
            cassette: "weather/berlin".into(),
            interactions: 12,
            size: 48_213,
            cut: 0,
            redacted: vec![("API_KEY".into(), 12), ("header authorization".into(), 1)],
        };
        assert_eq!(
            recorded.render(&Palette::plain()),
            "recorded weather/berlin: 12 interactions, 48 kB, redacted: API_KEY (12 times), header authorization",
        );
        let recorded = Recorded { cut: 1, redacted: Vec::new(), ..recorded };
        assert_eq!(
            recorded.render(&Palette::plain()),
            "recorded weather/berlin: 12 interactions, 48 kB, 1 response cut where the client left, redacted: nothing",
        );
    }
}
