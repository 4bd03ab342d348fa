//! Redacts one link, and the links inside it: parameters by name, user info, the parameters of links to given domains,
//! hosts that are IPv4 addresses, and the matches of URL patterns.
//!
//! Must not know: the format of the text around a link.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::ops::Range;

use percent_encoding::percent_decode;

use super::beginnings::{Beginning, Beginnings};
use super::changes::Changes;
use super::decode::{percent, unit};
use super::decoded_text::{DecodedText, Edit};
use super::parts::{STOPS, ends, host, is_host, may_hold_links, pairs, part, value, without_last};
use crate::placeholder;
use crate::redact::account::Account;
use crate::redact::formats::form::FormFields;
use crate::redact::formats::pass::Pass;
use crate::redact::rules::catalogue::USER_INFO;
use crate::redact::rules::links::Domain;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use crate::redact::values::encoding::{Encoding, with_encodings};
use crate::redact::values::found_values::is_token;

/// Redacts links in memory.
#[derive(Clone, Copy)]
pub(crate) struct Linked<'r> {
    pub(crate) rules: &'r Rules,
    pub(crate) account: &'r Account,
}

/// The context of a link.
#[derive(Clone, Copy, Default)]
struct Within {
    /// How many links enclose the link.
    links: usize,
    /// How many times the link is percent-encoded.
    encoded: usize,
    /// Whether no quotes or tags enclose the link, so that its end is uncertain.
    bare: bool,
    /// Whether the text contains the link up to its end.
    whole: bool,
}

/// The deepest nesting of links that is read. Real links are not nested that deep.
const MAX_NESTING: usize = 4;

impl Linked<'_> {
    /// Applies the rules for links to a URL: to the URL itself, and to the links inside it. The caller has applied the
    /// other rules.
    pub(crate) fn uri(self, uri: String) -> String {
        let has_authority = |at: &usize| {
            let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
            *at == 0 || uri[..*at].strip_suffix(':').is_some_and(|scheme| scheme.bytes().all(is_scheme))
        };
        let from = uri.find("//").filter(has_authority).map(|at| at + 2);
        let rest = &uri.as_bytes()[from.unwrap_or(0)..];
        if self.rules.links.is_empty() && !rest.splitn(2, |b| *b == b'?').any(may_hold_links) {
            return uri;
        }
        let mut link = DecodedText::unencoded(rest);
        if from.is_some() {
            self.host(&mut link);
            self.of_domain(&mut link, Within::default());
        }
        self.inner(&mut link, false, Within::default());
        match link.edits().is_empty() {
            true => uri,
            false => uri[..from.unwrap_or(0)].to_owned() + &String::from_utf8_lossy(&link.text),
        }
    }

    /// Redacts the link at the beginning of a text. The text begins after the link's slashes. Returns the end of the
    /// link and the edits. There are no edits if the link stays. `whole` says that the text holds all that may belong
    /// to the link.
    pub(super) fn first(self, text: &[u8], whole: bool, beginning: &Beginning) -> (usize, Vec<Edit>) {
        if self.is_innocent(text, beginning) {
            return (text.len(), Vec::new());
        }
        let mut link = DecodedText::decode(text, |text| {
            let (b, length) = unit(text)?;
            let ends = (length > 1 && ends(b))
                || (beginning.encoded && b == b'&')
                || (beginning.in_parentheses && b == b')');
            (!ends).then_some((b, length))
        });
        let mut end = link.original_length();
        if beginning.encoded {
            let mut inner = percent(&link.text);
            self.link(&mut inner, beginning, Within { encoded: 1, whole, ..Within::default() });
            end = link.original_offset(inner.original_length());
            link.replace_all(inner.edits());
        } else {
            self.link(&mut link, beginning, Within { bare: beginning.bare, whole, ..Within::default() });
        }
        (end, link.edits())
    }

    /// A quick test for the common case that nothing is redacted in a text that begins inside a link. If it is true,
    /// the caller takes the whole text for the link.
    fn is_innocent(self, text: &[u8], beginning: &Beginning) -> bool {
        let Rules { fields, query, links, urls, .. } = self.rules;
        if beginning.encoded
            || beginning.in_parentheses
            || links.ipv4.is_some()
            || urls.iter().any(|url| url.may_be(text))
        {
            return false;
        }
        let mut name = beginning.query.then_some(0);
        for (at, b) in text.iter().enumerate() {
            match b {
                // These characters may belong to an escape, a path parameter, a nested name, or user information.
                b'\\' | b'%' | b';' | b'[' | b'@' => return false,
                b'/' if text[at + 1..].first() == Some(&b'/') => return false,
                b'?' | b'#' if !links.domains.is_empty() => return false,
                b'?' | b'#' | b'&' => name = Some(at + 1),
                b'=' => {
                    if let Some(from) = name.take() {
                        let name = &text[from..at];
                        let inner = memchr::memrchr(b'.', name).map_or(name, |dot| &name[dot + 1..]);
                        if fields.may_hold(name) || fields.may_hold(inner) || query.may_hold(name) {
                            return false;
                        }
                    }
                }
                _ => {}
            }
        }
        true
    }

    /// Redacts a link. `link` has the text after the slashes.
    fn link(self, link: &mut DecodedText, beginning: &Beginning, within: Within) {
        let query = beginning.query;
        self.by_name(link, query, within);
        // Two slashes without a host after them belong to a path, or begin a comment.
        if query || (beginning.relative && !is_host(&link.text)) {
            return self.inner(link, query, within);
        }
        self.user(link, within);
        self.host(link);
        self.of_domain(link, within);
        self.inner(link, query, within);
        self.by_pattern(link, beginning, within);
    }

    /// Redacts the user of a link without a password, if the user looks like a token: `https://TOKEN@github.com/`. The
    /// token pattern `url-password` finds passwords.
    fn user(self, link: &mut DecodedText, within: Within) {
        let Some(rule) = self.rules.default_rule(USER_INFO) else { return };
        let Some(end) = host(&link.text).start.checked_sub(1) else { return };
        let user: Cow<'_, [u8]> = percent_decode(&link.text[..end]).into();
        if !user.contains(&b':') && is_token(&user) {
            let found = self.in_link(rule, &link.text[..end], within);
            link.replace_all(vec![(0..end, found)]);
        }
    }

    fn host(self, link: &mut DecodedText) {
        let Some(rule) = &self.rules.links.ipv4 else { return };
        let host = host(&link.text);
        let name = &link.text[host.clone()];
        let is_public = |ip: Ipv4Addr| !ip.is_loopback() && !ip.is_unspecified();
        if std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()).is_some_and(is_public) {
            let mut value = self.account.identity.value();
            value.push(name);
            let placeholder = self.account.replace(rule, &value, self.rules, &[]);
            link.replace_all(vec![(host, placeholder::as_host(&placeholder).into_bytes())]);
        }
    }

    /// Redacts parameters in query and fragment by name. `query` says that the text begins inside a query.
    fn by_name(self, link: &mut DecodedText, query: bool, within: Within) {
        for delimiter in [b'?', b'#'] {
            let Some(mut part) = part(&link.text, delimiter, query) else { continue };
            if within.bare && within.whole && part.end == link.text.len() {
                part.end = part.start + without_last(&link.text[part.clone()]).len();
            }
            let mut changes = Changes::new(part.start);
            let mut fields = FormFields::of_query_up_to(if within.bare { STOPS } else { b"" });
            let to = &mut Pass { rules: self.rules, account: self.account, out: &mut changes };
            // Collecting edits in memory does not fail.
            let _ = fields.push(&link.text[part], to).and_then(|()| fields.finish(to));
            for (_, text) in &mut changes.edits {
                self.add_encodings(text, within);
            }
            link.replace_all(changes.edits);
        }
    }

    /// Redacts the parameters that the project lists for the link's domain.
    fn of_domain(self, link: &mut DecodedText, within: Within) {
        let host = &link.text[host(&link.text)];
        let Ok(name) = std::str::from_utf8(host).map(str::to_ascii_lowercase) else { return };
        let is_of = |domain: &&Domain| {
            name.strip_suffix(&domain.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let Some(domain) = self.rules.links.domains.iter().find(is_of) else { return };
        let Some(query) = memchr::memchr(b'?', &link.text) else { return };
        let mut edits = Vec::new();
        for pair in pairs(&link.text, query + 1, b"?&#") {
            let mut value = value(&link.text, pair.clone());
            let name = &link.text[pair.start..(value.start.max(pair.start + 1) - 1)];
            value.end = value_end(&link.text, value.clone(), within);
            if value.start == pair.start || value.is_empty() {
                continue;
            }
            if let Some(rule) = domain.rule(name) {
                edits.push((value.clone(), self.in_link(rule, &link.text[value], within)));
            }
        }
        link.replace_all(edits);
    }

    /// Redacts the links inside a link: in its path, and in its parameters.
    fn inner(self, link: &mut DecodedText, query: bool, within: Within) {
        if within.links == MAX_NESTING {
            return;
        }
        let from = if query { 0 } else { host(&link.text).end };
        let path_end = |link: &DecodedText| {
            if query {
                return 0;
            }
            let end = link.text[from..].iter().position(|b| b"?#".contains(b));
            end.map_or(link.text.len(), |at| from + at)
        };
        let path = from..path_end(link);
        // If there is a link in the path, the rest of the URL belongs to that link.
        if memchr::memmem::find(&link.text[path.clone()], b"://").is_some() {
            return self.among(link, from..link.text.len(), within);
        }
        self.among(link, path, within);
        let from = path_end(link) + usize::from(!query);
        for pair in pairs(&link.text, from, b"&#").into_iter().rev() {
            let value = value(&link.text, pair);
            self.among(link, value, within);
        }
    }

    /// Redacts the links in a part of a link.
    fn among(self, link: &mut DecodedText, part: Range<usize>, within: Within) {
        let text = &link.text[..part.end];
        if !may_hold_links(&text[part.clone()]) {
            return;
        }
        let (mut search, mut at, mut edits) = (Beginnings::new(), part.start, Vec::new());
        let inside = |encoded: bool| Within {
            links: within.links + 1,
            encoded: within.encoded + usize::from(encoded),
            bare: within.bare && !encoded,
            ..within
        };
        while let Some(beginning) = search.find(text, at).filter(|found| found.start >= part.start) {
            let rest = &text[beginning.end..];
            let mut inner = if beginning.encoded { percent(rest) } else { DecodedText::unencoded(rest) };
            self.link(&mut inner, &beginning, inside(beginning.encoded));
            let shifted = |(at, text): Edit| (at.start + beginning.end..at.end + beginning.end, text);
            edits.extend(inner.edits().into_iter().map(shifted));
            at = beginning.end + inner.original_length();
        }
        if at == part.start && memchr::memmem::find(&text[part.clone()], b"%252").is_some() {
            let mut inner = percent(&text[part.clone()]);
            if within.links + 1 < MAX_NESTING {
                let all = 0..inner.text.len();
                self.among(&mut inner, all, inside(true));
            }
            let shifted = |(at, text): Edit| (at.start + part.start..at.end + part.start, text);
            edits.extend(inner.edits().into_iter().map(shifted));
        }
        link.replace_all(edits);
    }

    /// Redacts the matches of URL patterns.
    fn by_pattern(self, link: &mut DecodedText, beginning: &Beginning, within: Within) {
        if beginning.relative {
            return;
        }
        let before = beginning.scheme.len() + "://".len();
        for url in &self.rules.urls {
            if !url.may_be(&link.text) {
                continue;
            }
            let Ok(text) = std::str::from_utf8(&link.text) else { return };
            let text = format!("{}://{text}", beginning.scheme);
            let placeholders = placeholder::spans(&text);
            let mut edits = Vec::new();
            for (span, rule) in url.places(&text) {
                let free =
                    placeholders.iter().all(|taken| taken.end <= span.start || span.end <= taken.start);
                // The scheme is not redacted, even if it is a part of the match.
                let span = span.start.max(before)..span.end;
                if free && !span.is_empty() {
                    let found = self.in_link(rule, &text.as_bytes()[span.clone()], within);
                    edits.push((span.start - before..span.end - before, found));
                }
            }
            link.replace_all(edits);
        }
    }

    /// The placeholder for a part of a link to which this rule applies.
    fn in_link(self, rule: &Rule, raw: &[u8], within: Within) -> Vec<u8> {
        let mut value = self.account.identity.value();
        value.push_as(raw, &percent_decode(raw).collect::<Vec<u8>>());
        let mut text = self.account.replace(rule, &value, self.rules, &[Encoding::Percent]).into_bytes();
        if text != raw {
            self.add_encodings(&mut text, within);
        }
        text
    }

    /// Adds to the placeholder of a secret in a response how many times the link is percent-encoded.
    fn add_encodings(self, placeholder: &mut Vec<u8>, within: Within) {
        if self.account.response_encoding.is_some()
            && let Ok(text) = std::str::from_utf8(placeholder)
        {
            *placeholder = with_encodings(text, &vec![Encoding::Percent; within.encoded]).into_bytes();
        }
    }
}

/// The end of a parameter's value. If no quotes or tags enclose the link, punctuation after the value is no part of the
/// value.
fn value_end(link: &[u8], value: Range<usize>, within: Within) -> usize {
    if !within.bare {
        return value.end;
    }
    let text = &link[value.clone()];
    let stop = text.iter().position(|b| STOPS.contains(b));
    let last = || if value.end == link.len() && within.whole { without_last(text).len() } else { text.len() };
    value.start + stop.unwrap_or_else(last)
}
