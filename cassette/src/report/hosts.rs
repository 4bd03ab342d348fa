//! Requests to hosts that no cassette is about.

use super::TestSite;
use super::page::{Help, Page};
use super::text::{URI, clean, short};

/// A request on replay that was not let through.
#[derive(Clone, Debug)]
pub struct RefusedHost {
    /// The method.
    pub method: http::Method,
    /// The URI, redacted.
    pub uri: String,
    /// Its host.
    pub host: String,
    /// It may be passed through, but is not on this machine; otherwise it is ignored.
    pub passed: bool,
}

impl RefusedHost {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        let host = clean(&self.host);
        if self.passed {
            page.error(format_args!("a replay would leave the machine for the pass-through host {host}"));
        } else {
            page.error(format_args!("the host {host} is ignored: it is neither recorded nor replayed"));
        }
        page.fact("request", format_args!("{} {}", self.method, short(&self.uri, URI)));
        let way = match self.passed {
            true => "let it be recorded, or give it a loopback address with `Config::resolve`",
            false => {
                "let it be recorded, or let it through with `Config::pass_through` if it is on this machine"
            }
        };
        page.fact("hint", way);
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help { why: "without that setting, record the test again".to_owned(), command: site.record_command() }
    }
}
