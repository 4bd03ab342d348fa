//! Requests to ignored and pass-through hosts, which a replay refuses.
//!
//! Must not know: how hosts are matched.

use super::TestSite;
use super::page::{Help, Page};
use super::text::{URI, clean, short};

/// A request that a replay refuses because of its host.
#[derive(Clone, Debug)]
pub(crate) struct RefusedHost {
    /// The method.
    pub(crate) method: http::Method,
    /// The URI, redacted.
    pub(crate) uri: String,
    /// The host of the URI.
    pub(crate) host: String,
    /// True for a pass-through host that is not on this machine. False for an ignored host.
    pub(crate) passed: bool,
}

impl RefusedHost {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        let host = clean(&self.host);
        if self.passed {
            page.error(format_args!(
                "the pass-through host {host} is not on this machine, and a replay does not leave the machine"
            ));
        } else {
            page.error(format_args!("the host {host} is ignored: it is neither recorded nor replayed"));
        }
        page.fact("request", format_args!("{} {}", self.method, short(&self.uri, URI)));
        let hint = match self.passed {
            true => "record the host, or give it a loopback address with `Config::resolve`",
            false => {
                "record the host, or, if it is on this machine, pass it through with `Config::pass_through`"
            }
        };
        page.fact("hint", hint);
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help {
            why: "to record the host, remove this setting and record the test again".to_owned(),
            command: site.record_command(),
        }
    }
}
