//! The rules for links: parameters of links to given domains, and hosts that are IPv4 addresses.
//!
//! Must not know: where links stand.

use std::sync::Arc;

use percent_encoding::percent_decode;

use crate::redact::rules::names::normalised;
use crate::redact::rules::rule::Rule;

/// All rules for links.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkRules {
    pub(crate) domains: Vec<Domain>,
    pub(crate) ipv4: Option<Arc<Rule>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Domain {
    /// The domain in lower case. The rules apply to its subdomains, too.
    pub(crate) name: String,
    /// Normalised names of parameters, with their rules.
    parameters: Vec<(String, Arc<Rule>)>,
    /// The rule for all parameters, if `parameters` is empty.
    all: Option<Arc<Rule>>,
}

impl LinkRules {
    pub(crate) fn add(&mut self, domain: &str, parameters: &[&str], rule: &mut dyn FnMut(&str) -> Rule) {
        self.domains.push(Domain {
            name: domain.trim_start_matches("*.").to_ascii_lowercase(),
            parameters: parameters.iter().map(|name| (normalised(name), Arc::new(rule(name)))).collect(),
            all: parameters.is_empty().then(|| Arc::new(rule("link"))),
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.domains.is_empty() && self.ipv4.is_none()
    }
}

impl Domain {
    /// The rule for a parameter. Its name may be percent-encoded.
    pub(crate) fn rule(&self, name: &[u8]) -> Option<&Arc<Rule>> {
        let key = normalised(&percent_decode(name).decode_utf8_lossy());
        let named = self.parameters.iter().find(|(name, _)| *name == key).map(|(_, rule)| rule);
        named.or(self.all.as_ref())
    }
}
