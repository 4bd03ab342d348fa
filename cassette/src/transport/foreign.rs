//! Connections to servers that do not speak HTTP. The client sends something other than HTTP, or waits for the server
//! to speak first, as clients of mail servers and many databases do.
//!
//! Must not know: how the report words such a connection.

use std::collections::BTreeSet;
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
    /// The first bytes that the client sent. Empty if it sent nothing. Such a client waits for the server to speak first,
    /// or keeps the connection for later use.
    pub(crate) sent: Vec<u8>,
    /// Whether other connections to the server speak HTTP. Then a client that sent nothing keeps its connection for later
    /// use.
    pub(crate) http_elsewhere: bool,
}

/// What the first bytes of a connection are, and the guard that says that the connection is undecided.
pub(super) struct First {
    pub(super) bytes: Vec<u8>,
    pub(super) undecided: Undecided<Foreign>,
}

/// Finds the connections of one session that do not speak HTTP.
pub(super) struct Foreigners {
    pub(super) seen: Arc<Seen<Foreign>>,
    /// When any client was last active.
    stirred: Mutex<Instant>,
    /// The servers to which a client has spoken HTTP.
    http: Mutex<BTreeSet<String>>,
}

/// How long a client may be silent while no other client is active. The time counts from the last activity of any
/// client, because each client is slow if thousands of them connect at once.
const SILENCE: Duration = Duration::from_secs(5);

/// If a client sends nothing for longer than this and then closes its connection, it has waited for the server to speak
/// first.
const PATIENCE: Duration = Duration::from_secs(1);

impl Default for Foreigners {
    fn default() -> Self {
        Foreigners { seen: Arc::default(), stirred: Mutex::new(Instant::now()), http: Mutex::default() }
    }
}

impl Foreigners {
    /// Notes that a client is active.
    pub(super) fn stir(&self) {
        *unpoisoned(self.stirred.lock()) = Instant::now();
    }

    /// Notes that a client speaks HTTP to this server.
    pub(super) fn is_http(&self, server: &str) {
        let mut http = unpoisoned(self.http.lock());
        if !http.contains(server) {
            http.insert(server.to_owned());
        }
    }

    /// The connections, after those that are undecided, or after `limit`.
    pub(super) fn settled(&self, limit: Duration) -> Vec<Foreign> {
        let mut all = self.seen.settled(limit);
        let http = unpoisoned(self.http.lock());
        for foreign in &mut all {
            foreign.http_elsewhere = http.contains(&foreign.server);
        }
        all
    }

    /// Waits for the client's first bytes, at least one. Until the returned guard is dropped, the connection is
    /// undecided: it may turn out not to be HTTP. `None` if no byte comes: the client has gone, or was disconnected
    /// because it seems to wait for `server` to speak first.
    pub(super) async fn first_bytes<T: AsyncBufRead + Unpin>(
        &self,
        stream: &mut T,
        server: &str,
    ) -> Option<First> {
        self.stir();
        let began = Instant::now();
        let mut until = began + SILENCE;
        loop {
            let filled = timeout_at(until, stream.fill_buf()).await;
            // The connection must count as undecided before the client can learn the outcome. Otherwise the test could
            // end and collect the events too early.
            let undecided = self.seen.begin();
            match filled {
                Ok(Ok(bytes @ [_, ..])) => {
                    let bytes = bytes.to_vec();
                    self.stir();
                    return Some(First { bytes, undecided });
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
            self.remember(server, Vec::new());
            return None;
        }
    }

    /// Judges the error of a connection to `server` whose client began with the bytes `sent`: if they were not HTTP, the
    /// connection counts as foreign.
    pub(super) fn judge(&self, server: &str, sent: Vec<u8>, error: &(dyn std::error::Error + 'static)) {
        let error = error.downcast_ref::<hyper::Error>();
        if error.is_some_and(|e| e.is_parse() && !e.is_parse_too_large()) {
            self.remember(server, sent);
        }
    }

    fn remember(&self, server: &str, sent: Vec<u8>) {
        self.seen.remember(Foreign { server: server.to_owned(), sent, http_elsewhere: false });
    }
}
