//! Connections that were meant for a server of another protocol than HTTP: the client says something else, or waits for
//! the server to speak first, as those of mail and of many databases do.
//!
//! Must not know: what is said about it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};
use tokio::time::{Instant, timeout_at};

use super::incidents::{Seen, Undecided};
use crate::poison::unpoisoned;

/// A connection to a server that doesn't speak HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// The server, with its port.
    pub(crate) server: String,
    /// The client said nothing. It may as well have been one that keeps a connection for later.
    pub(crate) silent: bool,
}

/// Of one session.
pub(super) struct Foreigners {
    pub(super) seen: Arc<Seen<Foreign>>,
    /// When a client last did anything.
    stirred: Mutex<Instant>,
}

/// How long a client may say nothing while none of the others does anything either: where thousands connect at once, each
/// takes its time.
const SILENCE: Duration = Duration::from_secs(5);

/// A client that went away after this had waited for something.
const PATIENCE: Duration = Duration::from_secs(1);

impl Default for Foreigners {
    fn default() -> Self {
        Foreigners { seen: Arc::default(), stirred: Mutex::new(Instant::now()) }
    }
}

impl Foreigners {
    /// Some client did something.
    pub(super) fn stir(&self) {
        *unpoisoned(self.stirred.lock()) = Instant::now();
    }

    /// The client's first byte, and that it is not known yet whether HTTP comes of it. `None` when there will be none:
    /// the client has gone, or has to go, since it waits for a word of `server`.
    pub(super) async fn first_byte<T: AsyncBufRead + Unpin>(
        &self,
        stream: &mut T,
        server: &str,
    ) -> Option<(u8, Undecided<Foreign>)> {
        self.stir();
        let began = Instant::now();
        let mut until = began + SILENCE;
        loop {
            let filled = timeout_at(until, stream.fill_buf()).await;
            // Before the client can have an answer.
            let undecided = self.seen.begin();
            match filled {
                Ok(Ok([first, ..])) => {
                    self.stir();
                    return Some((*first, undecided));
                }
                Ok(_) if began.elapsed() < PATIENCE => return None,
                Ok(_) => {}
                Err(_) => {
                    let stirred = *unpoisoned(self.stirred.lock());
                    if stirred.elapsed() < SILENCE {
                        until = stirred + SILENCE;
                        continue;
                    }
                }
            }
            self.seen.remember(Foreign { server: server.to_owned(), silent: true });
            return None;
        }
    }

    /// What came from the client of `server` could not be read: as HTTP, if it was for that.
    pub(super) fn judge(&self, server: &str, error: &(dyn std::error::Error + 'static)) {
        let error = error.downcast_ref::<hyper::Error>();
        if error.is_some_and(|e| e.is_parse() && !e.is_parse_too_large()) {
            self.seen.remember(Foreign { server: server.to_owned(), silent: false });
        }
    }
}
