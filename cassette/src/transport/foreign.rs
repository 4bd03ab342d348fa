//! Connections to servers that do not speak HTTP. The client sends something other than HTTP, or waits for the server
//! to speak first, as clients of mail servers and many databases do.
//!
//! Must not know: how the report words such a connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};
use tokio::time::{Instant, timeout_at};

use super::incidents::{Seen, Undecided};
use crate::poison::unpoisoned;

/// A connection to a server that does not speak HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// The server, with its port.
    pub(crate) server: String,
    /// Whether the client sent nothing. Such a client waits for the server to speak first, or keeps the connection for
    /// later use.
    pub(crate) silent: bool,
}

/// Finds the connections of one session that do not speak HTTP.
pub(super) struct Foreigners {
    pub(super) seen: Arc<Seen<Foreign>>,
    /// When any client was last active.
    stirred: Mutex<Instant>,
}

/// How long a client may be silent while no other client is active. The time counts from the last activity of any
/// client, because each client is slow if thousands of them connect at once.
const SILENCE: Duration = Duration::from_secs(5);

/// If a client sends nothing for longer than this and then closes its connection, it has waited for the server to speak
/// first.
const PATIENCE: Duration = Duration::from_secs(1);

impl Default for Foreigners {
    fn default() -> Self {
        Foreigners { seen: Arc::default(), stirred: Mutex::new(Instant::now()) }
    }
}

impl Foreigners {
    /// Notes that a client is active.
    pub(super) fn stir(&self) {
        *unpoisoned(self.stirred.lock()) = Instant::now();
    }

    /// Waits for the client's first byte. Until the returned guard is dropped, the connection is undecided: it may turn
    /// out not to be HTTP. Returns `None` if no byte comes: the client has closed the connection, or it seems to wait
    /// for `server` to speak first.
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
            // The connection must count as undecided before the client can learn the outcome. Otherwise the test could
            // end and collect the events too early.
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

    /// Judges the error of a connection to `server`: if the client's bytes were not HTTP, the connection counts as
    /// foreign.
    pub(super) fn judge(&self, server: &str, error: &(dyn std::error::Error + 'static)) {
        let error = error.downcast_ref::<hyper::Error>();
        if error.is_some_and(|e| e.is_parse() && !e.is_parse_too_large()) {
            self.seen.remember(Foreign { server: server.to_owned(), silent: false });
        }
    }
}
