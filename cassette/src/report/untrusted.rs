//! Clients that do not trust the session's certificate, and what to do about them.
//!
//! Must not know: how a refusal is detected.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::setup::path;
use super::text::{VALUE, clean, more, short};

/// Connections that clients ended because they did not trust the session's certificate.
#[derive(Clone, Debug)]
pub(crate) struct Untrusted {
    /// The cassette.
    pub(crate) cassette: PathBuf,
    /// The refusals, in order. There is at least one.
    pub(crate) refused: Vec<RefusedCertificate>,
}

/// A certificate that a client refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedCertificate {
    /// The host that the certificate was for.
    pub(crate) host: String,
    /// The client's reason: the name of a TLS alert (RFC 8446 §6.2), such as `unknown_ca`. `None` if the client closed
    /// the connection without an alert.
    pub(crate) alert: Option<String>,
}

/// How many hosts a report shows.
const SHOWN: usize = 5;

impl Untrusted {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error("a client does not trust the session's certificate, so its request could not be sent");
        page.fact("cassette", path(&self.cassette));
        for RefusedCertificate { host, alert } in self.refused.iter().take(SHOWN) {
            let why = alert.as_ref().map(|alert| format!("for `{}`", clean(alert)));
            let why = why.unwrap_or_else(|| "without a reason: the client closed the connection".to_owned());
            page.fact("refused", format_args!("https://{}, {why}", short(host, VALUE)));
        }
        if let Some(more) = more(self.refused.len(), SHOWN, "") {
            page.fact("refused", more);
        }
        let host = self.refused.first().map_or("api.example.com", |r| &r.host);
        page.gap();
        if self.refused.iter().all(|r| r.alert.as_deref() == Some("certificate_expired")) {
            page.line(
                2,
                "the client does not check the certificate by the session's clock; give the code under test",
            );
        } else {
            page.line(
                2,
                "the client trusts only its own list of authorities (reqwest with `webpki-roots`, ureq 3 by",
            );
            page.line(2, "default) or only one certificate; give the code under test");
        }
        page.line(4, "1. a client that trusts the session: session.client(), session.blocking_client()");
        page.line(4, format_args!("2. plain HTTP: session.base_url(\"https://{}\")", short(host, VALUE)));
        page.line(4, "3. one more authority for its own client: session.ca_pem()");
        page.gap();
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help { why: "then run this test again".to_owned(), command: site.again_command() }
    }
}
