//! Decides how much of a response is recorded after its client stopped reading.
//!
//! The recording must not depend on how fast the client closes its connection. Therefore the recording reads the rest
//! of the response. A response that ends soon is recorded whole. A stream that goes on is recorded up to the first
//! pause after the client stopped reading. The server sent the bytes before this pause without a break, so the place of
//! the pause does not depend on the network.
//!
//! Must not know: the other parts of an exchange.

use std::time::{Duration, Instant};

use bytes::Bytes;

/// How long a recording reads the rest of a response after the client stopped reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DrainLimits {
    /// How long the recording waits for the end of a stream.
    stream: Duration,
    /// How long the recording waits for the next bytes of any other body. Such a body is likely to end.
    other: Duration,
}

impl DrainLimits {
    /// Uses the limit that the project set, or the default limits.
    pub(crate) fn of(limit: Option<Duration>) -> DrainLimits {
        let (stream, other) = (Duration::from_millis(250), Duration::from_secs(1));
        limit.map_or(DrainLimits { stream, other }, |limit| DrainLimits { stream: limit, other: limit })
    }

    pub(super) fn limit(self, is_stream: bool) -> Duration {
        if is_stream { self.stream } else { self.other }
    }
}

/// A silence of this length is a pause of the stream.
const PAUSE: Duration = Duration::from_millis(50);

/// The greatest number of bytes of a stream that the recording holds before it decides whether to record them. If a
/// stream sends more bytes without a pause, the recorded length is a multiple of this number.
const MOST_HELD: u64 = 1 << 20;

/// The chunks that came after the client stopped reading.
#[derive(Debug)]
pub(super) struct Rest {
    since: Instant,
    last: Instant,
    /// Chunks of a stream that are not recorded yet.
    held: Vec<Bytes>,
    bytes: u64,
    /// The number of held chunks that came before the first pause.
    kept: usize,
    paused: bool,
}

/// What to do with a chunk.
pub(super) enum Taken {
    /// The chunk is held until the recording decides.
    Held,
    Recorded(Bytes),
    /// The recording stops reading. If the chunk is recorded, it is among the held chunks.
    Over,
}

impl Rest {
    pub(super) fn new(now: Instant) -> Rest {
        Rest { since: now, last: now, held: Vec::new(), bytes: 0, kept: 0, paused: false }
    }

    /// Takes a chunk. `recorded` is the number of bytes of the response that the recording already has.
    pub(super) fn take(&mut self, chunk: Bytes, is_stream: bool, recorded: u64, limit: Duration) -> Taken {
        let now = Instant::now();
        let silence = now - std::mem::replace(&mut self.last, now);
        if !is_stream {
            return if silence > limit { Taken::Over } else { Taken::Recorded(chunk) };
        }
        if now - self.since > limit {
            return Taken::Over;
        }
        self.paused |= silence >= PAUSE;
        self.bytes += chunk.len() as u64;
        self.held.push(chunk);
        if !self.paused {
            self.kept = self.held.len();
        }
        if self.bytes <= MOST_HELD {
            return Taken::Held;
        }
        if !self.paused {
            let most = (recorded + self.bytes) / MOST_HELD * MOST_HELD - recorded;
            self.shorten(most);
        }
        Taken::Over
    }

    /// The time at which the recording stops waiting for the end of the body. `last` is the time of the last recorded
    /// bytes.
    pub(super) fn deadline(&self, is_stream: bool, last: Instant, limit: Duration) -> Instant {
        if is_stream { self.since + limit } else { last.max(self.last) + limit }
    }

    /// The held chunks to record: all if the body has ended, otherwise those before the first pause.
    pub(super) fn chunks(mut self, ended: bool) -> Vec<Bytes> {
        if !ended {
            self.held.truncate(self.kept);
        }
        self.held
    }

    /// Keeps the first `most` bytes of the held chunks, and drops the rest.
    fn shorten(&mut self, mut most: u64) {
        for chunk in &mut self.held {
            chunk.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            most -= chunk.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn chunk(len: usize) -> Bytes {
        vec![b'x'; len].into()
    }

    fn recorded(rest: Rest, ended: bool) -> usize {
        rest.chunks(ended).iter().map(Bytes::len).sum()
    }

    fn rest(quiet: Duration) -> Rest {
        let mut rest = Rest::new(Instant::now());
        assert!(matches!(rest.take(chunk(10), true, 5, LIMIT), Taken::Held));
        rest.last -= quiet;
        assert!(matches!(rest.take(chunk(20), true, 5, LIMIT), Taken::Held));
        rest
    }

    #[test]
    fn a_stream_is_recorded_up_to_its_first_pause_or_whole() {
        assert_eq!(recorded(rest(PAUSE), false), 10);
        assert_eq!(recorded(rest(PAUSE), true), 30);
    }

    #[test]
    fn a_stream_without_a_pause_ends_at_a_fixed_length() {
        for before in [5, 70_000] {
            let mut rest = Rest::new(Instant::now());
            while let Taken::Held = rest.take(chunk(1000), true, before, LIMIT) {
                rest.last = Instant::now();
                rest.paused = false;
                rest.kept = rest.held.len();
            }
            rest.kept = rest.held.len();
            assert_eq!(recorded(rest, false) as u64 + before, MOST_HELD);
        }
    }

    #[test]
    fn after_the_limit_nothing_is_read() {
        let mut rest = Rest::new(Instant::now() - LIMIT * 2);
        assert!(matches!(rest.take(chunk(10), true, 5, LIMIT), Taken::Over));
        let mut rest = Rest::new(Instant::now() - LIMIT * 2);
        assert!(matches!(rest.take(chunk(10), false, 5, LIMIT), Taken::Over));
        assert!(matches!(rest.take(chunk(10), false, 5, LIMIT), Taken::Recorded(_)));
    }
}
