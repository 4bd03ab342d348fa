//! Connections with a protocol other than HTTP, and what to do about them.
//!
//! Must not know: how a protocol is detected.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::setup::path;
use super::text::{VALUE, more, short};

/// Connections with a protocol other than HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    /// The cassette.
    pub(crate) cassette: PathBuf,
    /// The connections, in the order in which they were opened. There is at least one.
    pub(crate) connections: Vec<ForeignConnection>,
}

/// A connection with a protocol other than HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignConnection {
    /// Host and port of the server.
    pub(crate) server: String,
    /// Whether the client sent nothing, and waited for the server to speak first.
    pub(crate) silent: bool,
}

/// How many connections a report shows.
const SHOWN: usize = 5;

impl Foreign {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error("a connection uses a protocol other than HTTP, which cassette can't record or replay");
        page.fact("cassette", path(&self.cassette));
        for ForeignConnection { server, silent } in self.connections.iter().take(SHOWN) {
            let why = match silent {
                true => "the client sent nothing, and waited for the server to speak first",
                false => "the client sent something other than HTTP",
            };
            page.fact("to", format_args!("{}; {why}", short(server, VALUE)));
        }
        if let Some(more) = more(self.connections.len(), SHOWN, "") {
            page.fact("to", more);
        }
        page.gap();
        page.line(2, "the session intercepts every connection of its test to another machine; you can");
        page.line(4, "1. run the server on this machine: cassette does not intercept connections to it");
        page.line(
            4,
            "2. switch interception off with Config::explicit_clients(), and give the code under test",
        );
        page.line(7, "one of the session's clients: session.client(), session.base_url(…)");
        page.gap();
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help { why: "then run this test again".to_owned(), command: site.again_command() }
    }
}
