//! Connections with a protocol other than HTTP, and what to do about them.
//!
//! Must not know: how a protocol is detected.

use super::TestSite;
use super::page::{Help, Page};
use super::text::{VALUE, clean, more, short};

/// Connections with a protocol other than HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    /// The cassette: its path, or its name.
    pub(crate) cassette: String,
    /// The connections, in the order in which they were opened. There is at least one.
    pub(crate) connections: Vec<ForeignConnection>,
}

/// A connection with a protocol other than HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignConnection {
    /// Host and port of the server.
    pub(crate) server: String,
    /// What the client did.
    pub(crate) sign: ForeignSign,
    /// Whether the server is a pass-through host. It is not on this machine, and the session replays.
    pub(crate) passed: bool,
}

/// What shows that a connection is of no use for a cassette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ForeignSign {
    /// The client sent nothing, and waited for the server to speak first.
    Silence,
    /// The client sent bytes that are not HTTP. These are the first of them.
    Bytes(Vec<u8>),
    /// The client asked to change to this protocol.
    Upgrade(String),
    /// The client sent a request for the whole server (`OPTIONS *`).
    WholeServer,
}

/// How many connections a report shows.
const SHOWN: usize = 5;

impl Foreign {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        let of_http = self.connections.iter().all(|c| c.sign == ForeignSign::WholeServer);
        page.error(match of_http {
            true => "a request is for the whole server (`*`), which cassette can't record or replay",
            false => "a connection uses a protocol other than HTTP, which cassette can't record or replay",
        });
        page.fact("cassette", clean(&self.cassette));
        for ForeignConnection { server, sign, .. } in self.connections.iter().take(SHOWN) {
            page.fact("to", format_args!("{}; {}", short(server, VALUE), sign.text()));
        }
        if let Some(more) = more(self.connections.len(), SHOWN, "") {
            page.fact("to", more);
        }
        let Some(first) = self.connections.first() else { return };
        let server = short(&first.server, VALUE);
        let port = first.server.rsplit_once(':').map_or("", |(_, port)| port);
        let resolve = format!("Config::resolve(\"{server}\", \"127.0.0.1:{port}\".parse().unwrap())");
        page.gap();
        if self.connections.iter().all(|c| c.passed) {
            page.line(2, "a replay does not leave the machine, not even for a pass-through host; you can");
            page.line(4, "1. run the server on this machine, and say so:");
            page.line(7, resolve);
        } else {
            page.line(2, "the session gets every connection of its test to another machine; you can");
            page.line(4, "1. let the bytes pass to the real server, unrecorded:");
            page.line(7, format!("Config::pass_through(\"{server}\")"));
            page.line(7, "for a replay, which does not leave the machine, run the server on this machine:");
            page.line(7, resolve);
        }
        page.line(4, "2. connect to a server on this machine: cassette does not intercept such connections");
        page.line(
            4,
            "3. switch interception off with Config::explicit_clients(), and give the code under test",
        );
        page.line(7, "one of the session's clients: session.client(), session.base_url(…)");
        page.gap();
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help { why: "then run this test again".to_owned(), command: site.again_command() }
    }
}

impl ForeignSign {
    fn text(&self) -> String {
        match self {
            ForeignSign::Silence => {
                "the client sent nothing, and waited for the server to speak first".into()
            }
            ForeignSign::Bytes(bytes) => {
                format!("the client sent something other than HTTP: \"{}\"", bytes.escape_ascii())
            }
            ForeignSign::Upgrade(protocol) => {
                format!("the client asked to change the protocol to `{}`", clean(protocol))
            }
            ForeignSign::WholeServer => "the client sent `OPTIONS *`".into(),
        }
    }
}
