//! Links in texts: the parameters of those to given domains, which are new in every answer, and hosts that are
//! IPv4 addresses. For URLs of their own and for links within bodies, which are looked for while they stream.
//!
//! Must not know: in what format the text around a link is.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use percent_encoding::percent_decode;

use super::names::normalised;
use super::rule::Rule;
use super::spelling::Spelling;
use super::{Fired, Rules};

/// What of links is redacted.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkRules {
    domains: Vec<Domain>,
    pub(super) ipv4: Option<Arc<Rule>>,
}

#[derive(Clone, Debug)]
struct Domain {
    /// In lower case; its subdomains are meant too.
    name: String,
    /// Normalised names of parameters, with their rules.
    parameters: Vec<(String, Arc<Rule>)>,
    /// For all others.
    all: Option<Arc<Rule>>,
}

/// A longer link is passed on as it is.
const LONGEST: usize = 16 * 1024;

impl LinkRules {
    pub(super) fn add(&mut self, domain: &str, parameters: &[&str], rule: &mut dyn FnMut(&str) -> Rule) {
        self.domains.push(Domain {
            name: domain.trim_start_matches("*.").to_ascii_lowercase(),
            parameters: parameters.iter().map(|name| (normalised(name), Arc::new(rule(name)))).collect(),
            all: parameters.is_empty().then(|| Arc::new(rule("link"))),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.domains.is_empty() && self.ipv4.is_none()
    }

    /// `text` begins after the two slashes.
    pub(super) fn redact<'t>(&self, text: &'t [u8], rules: &Rules, fired: &Fired) -> Cow<'t, [u8]> {
        let end = text.iter().position(|b| b"/?#\\&".contains(b)).unwrap_or(text.len());
        let authority = &text[..end];
        let from = memchr::memrchr(b'@', authority).map_or(0, |at| at + 1);
        let host = &authority[from..];
        let host = &host[..memchr::memchr(b':', host).unwrap_or(host.len())];
        let Ok(name) = std::str::from_utf8(host).map(str::to_ascii_lowercase) else { return text.into() };
        let is_public = |ip: &Ipv4Addr| !ip.is_loopback() && !ip.is_unspecified();
        if let Some(rule) = &self.ipv4
            && name.parse::<Ipv4Addr>().is_ok_and(|ip| is_public(&ip))
        {
            let mut value = fired.identity.value();
            value.push(name.as_bytes());
            // A host can't have brackets; this domain is nobody's (RFC 2606 §2).
            let placeholder = fired.replace(rule, &value, rules, &[]);
            let shown = placeholder.trim_matches(['[', ']']).replace(':', "-") + ".invalid";
            return [&text[..from], shown.as_bytes(), &text[from + host.len()..]].concat().into();
        }
        let of = |domain: &&Domain| {
            name.strip_suffix(&domain.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let Some(domain) = self.domains.iter().find(of) else { return text.into() };
        let Some(query) = memchr::memchr(b'?', text) else { return text.into() };
        let mut out = text[..=query].to_vec();
        let mut rest = &text[query + 1..];
        while !rest.is_empty() {
            let (pair, separator) = first_pair(rest);
            domain.pair(&rest[..pair], rules, fired, &mut out);
            out.extend_from_slice(&rest[pair..pair + separator]);
            rest = &rest[pair + separator..];
        }
        out.into()
    }
}

/// The length of the first pair, and of what separates it from the next: `&`, as HTML, XML or JSON have it.
fn first_pair(text: &[u8]) -> (usize, usize) {
    const SEPARATORS: [&[u8]; 4] = [b"&amp;", b"\\u0026", b"&", b"#"];
    let found = (0..text.len()).find_map(|at| {
        SEPARATORS.iter().find(|s| text[at..].starts_with(s)).map(|separator| (at, separator.len()))
    });
    found.unwrap_or((text.len(), 0))
}

impl Domain {
    fn pair(&self, pair: &[u8], rules: &Rules, fired: &Fired, out: &mut Vec<u8>) {
        let (name, value) = pair.split_at(memchr::memchr(b'=', pair).map_or(pair.len(), |at| at + 1));
        let key = percent_decode(name.strip_suffix(b"=").unwrap_or(name)).decode_utf8_lossy();
        let key = normalised(&key);
        let named = self.parameters.iter().find(|(name, _)| *name == key).map(|(_, rule)| rule);
        out.extend_from_slice(name);
        match named.or(self.all.as_ref()) {
            Some(rule) if !value.is_empty() => {
                let mut seen = fired.identity.value();
                seen.push_as(value, &percent_decode(value).collect::<Vec<u8>>());
                out.extend_from_slice(fired.replace(rule, &seen, rules, &[Spelling::Percent]).as_bytes());
            }
            _ => out.extend_from_slice(value),
        }
    }
}

/// A writer that looks for links in what passes through.
pub(super) struct Links<W> {
    rules: Arc<Rules>,
    fired: Arc<Fired>,
    /// What may become a link: from its slashes on.
    held: Vec<u8>,
    /// What was held is a link, and goes on.
    inside: bool,
    next: W,
}

impl<W: Write> Links<W> {
    pub(super) fn new(rules: Arc<Rules>, fired: Arc<Fired>, next: W) -> Self {
        Links { rules, fired, held: Vec::new(), inside: false, next }
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.settle()?;
        Ok(self.next)
    }

    /// The link, or what looked like the beginning of one, is over.
    fn settle(&mut self) -> io::Result<()> {
        let slashes = if self.held.starts_with(b":\\") { 5 } else { 3 };
        if self.inside {
            let (scheme, link) = self.held.split_at(slashes);
            self.next.write_all(scheme)?;
            self.next.write_all(&self.rules.links.redact(link, &self.rules, &self.fired))?;
        } else {
            self.next.write_all(&self.held)?;
        }
        self.held.clear();
        self.inside = false;
        Ok(())
    }
}

/// How links begin, after their scheme; the second in JSON that escapes slashes.
const BEGINNINGS: [&[u8]; 2] = [b"://", b":\\/\\/"];

impl<W: Write> Write for Links<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.rules.links.is_empty() {
            self.next.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.inside {
                let end = rest.iter().position(|b| ends(*b)).unwrap_or(rest.len());
                self.held.extend_from_slice(&rest[..end]);
                rest = &rest[end..];
                if !rest.is_empty() || self.held.len() > LONGEST {
                    self.inside &= self.held.len() <= LONGEST;
                    self.settle()?;
                }
            } else if self.held.is_empty() {
                let colon = memchr::memchr(b':', rest).unwrap_or(rest.len());
                self.next.write_all(&rest[..colon])?;
                rest = &rest[colon..];
                if !rest.is_empty() {
                    self.held.push(b':');
                    rest = &rest[1..];
                }
            } else {
                let mut more = self.held.clone();
                more.push(rest[0]);
                if BEGINNINGS.iter().any(|beginning| beginning.starts_with(&more)) {
                    self.inside = BEGINNINGS.contains(&&more[..]);
                    self.held = more;
                    rest = &rest[1..];
                } else {
                    self.settle()?;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

/// What can't stand in a link, wherever it lies.
fn ends(b: u8) -> bool {
    b <= b' ' || b >= 0x7f || b"\"'<>`{}|^".contains(&b)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::redact::{Redactor, Rules};

    fn redactor() -> Redactor {
        let rules = Rules::default().links("cdn.example.com", &["sig", "expires"]).links("all.test", &[]);
        Redactor::new(rules.ipv4_hosts()).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let redactor = redactor();
        let redact = |text: &str, size: usize| {
            let mut body = redactor.body(Some("text/html"), Vec::new());
            text.as_bytes().chunks(size).for_each(|chunk| body.write_all(chunk).unwrap());
            String::from_utf8(body.finish().unwrap()).unwrap()
        };
        for size in [usize::MAX, 1, 2, 3, 7] {
            assert_eq!(redact(text, size), expected, "{size} bytes at once");
        }
        assert_eq!(redact(expected, 1), expected, "redacting again changes nothing");
        if text.starts_with("https:") && !text.contains(' ') {
            assert_eq!(redactor.uri(text), expected, "as a URL of its own");
        }
    }

    #[test]
    fn parameters() {
        check(
            "https://cdn.example.com/a.png?w=1&sig=abc&Expires=9#f",
            "https://cdn.example.com/a.png?w=1&sig=[sig:1]&Expires=[expires:1]#f",
        );
        check("https://eu.cdn.example.com/?sig=a%2Fb", "https://eu.cdn.example.com/?sig=[sig:1]");
        check("https://mycdn.example.com/?expires=a", "https://mycdn.example.com/?expires=a");
        check("https://all.test:8443/?a=1&b&c=", "https://all.test:8443/?a=[link:1]&b&c=");
        check(
            r#"<img src="https://cdn.example.com/?x=1&amp;sig=a"> (https://cdn.example.com/?sig=b\u0026expires=c)"#,
            r#"<img src="https://cdn.example.com/?x=1&amp;sig=[sig:1]"> (https://cdn.example.com/?sig=[sig:2]\u0026expires=[expires:1]"#,
        );
        check(
            r#"{"u":"https:\/\/cdn.example.com\/a?sig=x"}"#,
            r#"{"u":"https:\/\/cdn.example.com\/a?sig=[sig:1]"}"#,
        );
        check(
            "a: b :// ://? : //cdn.example.com/?sig=x https:/",
            "a: b :// ://? : //cdn.example.com/?sig=x https:/",
        );
    }

    #[test]
    fn addresses() {
        check(
            "see http://10.1.2.3:8080/x and http://10.1.2.3/",
            "see http://ipv4-1.invalid:8080/x and http://ipv4-1.invalid/",
        );
        check("https://192.168.7.7/", "https://ipv4-1.invalid/");
        check(
            "http://127.0.0.1:4000/ 10.1.2.3 http://1.2.3/",
            "http://127.0.0.1:4000/ 10.1.2.3 http://1.2.3/",
        );
    }
}
