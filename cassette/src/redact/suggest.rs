//! Suggestions: rules that would redact a secret that the leak check found. This file derives candidates for a rule
//! from the text around the secret. It tries each candidate on the text before it suggests the rule.
//!
//! Must not know: cassettes, how a suggestion is worded.

use std::io::Write as _;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex_lite::Regex;

use crate::placeholder;
use crate::redact::leaks::check::LeakCheck;
use crate::redact::leaks::leak::LeakEncoding;
use crate::redact::redactor::Redactor;
use crate::redact::rules::set::Rules;

/// The rule that would redact a leaked secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Suggestion {
    /// A regular expression for URLs.
    Url(String),
    /// A regular expression for URLs. The user must write it, because no candidate worked.
    SomeUrl,
    /// The name of a field.
    Field(String),
    /// A hook for bodies, which the user must write.
    SomeBody,
}

/// Finds suggestions, with the leak check and the rules of the session.
pub(crate) struct Suggestions<'s> {
    pub(crate) check: &'s LeakCheck,
    pub(crate) rules: &'s Rules,
}

/// The length in bytes of the longest text on which suggestions are tried.
pub(crate) const MOST: usize = 1024 * 1024;

/// Headers that contain a URL which a client may follow.
const TARGETS: &[&str] = &["content-location", "link", "location", "operation-location", "refresh"];

impl Suggestions<'_> {
    /// The suggestion for a secret in a URL, or in a header whose value is a URL.
    pub(crate) fn for_uri(&self, uri: &str) -> Option<Suggestion> {
        self.first(uri.as_bytes(), around_url(uri, self.at(uri.as_bytes())?), |redactor, uri| {
            redactor.uri(std::str::from_utf8(uri).ok()?).into_bytes().into()
        })
    }

    /// The suggestion for a secret in a header.
    pub(crate) fn for_header(&self, name: &str, value: &str) -> Option<Suggestion> {
        let is_url = TARGETS.contains(&name) || value.contains("://");
        let url = |target: &str| is_url.then(|| self.for_uri(target)).flatten();
        let targets = value.split(['<', '>', ';', ',', ' ', '=']);
        url(value).or_else(|| targets.filter(|part| part.contains('/')).find_map(url)).or_else(|| {
            // A client follows the URL, so a placeholder for the whole value would break it.
            TARGETS.contains(&name).then_some(Suggestion::SomeUrl)
        })
    }

    /// The suggestion for a secret in a string of a JSON body. `None` if a placeholder may replace the whole string.
    pub(crate) fn for_json(&self, text: &str) -> Option<Suggestion> {
        let at = self.at(text.as_bytes())?;
        let json = serde_json::to_vec(text).ok()?;
        let found = self.first(&json, around_url(text, at), body(Some("application/json")));
        // A client may follow this URL, so a placeholder for the whole string would break it.
        let leads = (text.starts_with('/') && !text.contains(' ')) || text.contains("://");
        found.or_else(|| leads.then_some(Suggestion::SomeBody))
    }

    /// The suggestion for a secret in a body that is not JSON.
    pub(crate) fn for_body(&self, content_type: Option<&str>, bytes: &[u8]) -> Option<Suggestion> {
        let at = self.at(bytes)?;
        let text = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let (at, text) = (text.len(), text + &String::from_utf8_lossy(&bytes[at..]));
        let candidates = around_url(&text, at).into_iter().chain(around_field(&text[..at]));
        self.first(bytes, candidates, body(content_type))
    }

    /// The encoding of the secret, if the text is not UTF-8.
    pub(crate) fn charset(&self, bytes: &[u8]) -> Option<LeakEncoding> {
        let leak = self.check.scan(bytes).ok()??;
        std::str::from_utf8(bytes).is_err().then_some(leak.encoding)
    }

    fn at(&self, text: &[u8]) -> Option<usize> {
        let leak = self.check.scan(text).ok()??;
        usize::try_from(leak.offset).ok().filter(|_| text.len() <= MOST)
    }

    fn count(&self, text: &[u8]) -> usize {
        self.check.scan_all(text).map_or(usize::MAX, |all| all.len())
    }

    /// The rule of the first candidate that reduces the number of secrets that the leak check finds.
    fn first(
        &self,
        text: &[u8],
        candidates: impl IntoIterator<Item = Candidate>,
        redact: impl Fn(&Redactor, &[u8]) -> Option<Vec<u8>>,
    ) -> Option<Suggestion> {
        let before = self.count(text);
        candidates.into_iter().find_map(|candidate| {
            let rule = candidate.rule(self.check, text)?;
            let rules = self.rules.clone();
            let rules = match &rule {
                Suggestion::Url(pattern) => rules.url(pattern).ok()?,
                Suggestion::Field(name) => rules.field(name),
                _ => return None,
            };
            let after = redact(&Redactor::new(rules).ok()?, text)?;
            (self.count(&after) < before).then_some(rule)
        })
    }
}

fn body(content_type: Option<&str>) -> impl Fn(&Redactor, &[u8]) -> Option<Vec<u8>> {
    move |redactor, bytes| {
        let mut out = redactor.body(content_type, Vec::new());
        out.write_all(bytes).and_then(|()| out.finish()).ok()
    }
}

/// A rule to try.
enum Candidate {
    Field(String),
    /// A secret in a segment of a path. `before` has the segments before that segment. `prefix` is the part of the
    /// segment before the secret, and `len` is the length of the rest of the segment. `followed` says whether another
    /// segment follows.
    Segment {
        before: Vec<String>,
        prefix: String,
        len: usize,
        followed: bool,
    },
}

impl Candidate {
    /// Makes a rule from the candidate. `None` if the rule would contain a secret.
    fn rule(self, check: &LeakCheck, text: &[u8]) -> Option<Suggestion> {
        let clean = |text: &str| check.scan(text.as_bytes()).is_ok_and(|leak| leak.is_none());
        match self {
            Candidate::Field(name) => (clean(&name) && !name.is_empty()).then_some(Suggestion::Field(name)),
            Candidate::Segment { before, prefix, len, followed } => {
                let name = group(&check.scan(text).ok()??.name);
                let is_fixed = |text: &String| clean(text) && !text.is_empty() && !text.contains(['[', '{']);
                let fixed = |text: &String| match is_fixed(text) {
                    true => regex_lite::escape(text),
                    false => "[^/?#]*".to_owned(),
                };
                let end = if followed { "/" } else { "" };
                let from = before.iter().rposition(is_fixed);
                // The minimal length keeps the rule from matching the words of the API, which are shorter than a token.
                let many = match followed && from.is_some() {
                    true => "+".to_owned(),
                    false => format!("{{{},}}", len.clamp(1, 16)),
                };
                let mut start = from.map_or("^(?:https?://[^/?#]+)?/", |_| "/").to_owned();
                for segment in &before[from.unwrap_or(0)..] {
                    start += &format!("{}/", fixed(segment));
                }
                let prefix = if prefix.is_empty() { prefix } else { fixed(&prefix) };
                Some(Suggestion::Url(format!("{start}{prefix}(?<{name}>[^/?#]{many}){end}")))
            }
        }
    }
}

/// The name for a group of a regular expression, made from the name in a placeholder.
fn group(name: &str) -> String {
    let parsed = placeholder::parse(name.as_bytes()).and_then(|parsed| parsed.numbered);
    let name = parsed.map_or("value", |(name, _)| name);
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { "value".to_owned() }
}

/// The candidate for a secret in a URL, if the text at `at` is a part of one.
fn around_url(text: &str, at: usize) -> Option<Candidate> {
    let outside = |c: char| c.is_whitespace() || c.is_control() || "\"'<>()`\\".contains(c);
    let start =
        text[..at].rfind(outside).map_or(0, |end| end + text[end..].chars().next().map_or(0, char::len_utf8));
    let end = text[at..].find(outside).map_or(text.len(), |end| at + end);
    let (before, after) = (&text[start..at], &text[at..end]);
    let (path, query) = match before.find(['?', '#']) {
        Some(mark) => (&before[..mark], Some(&before[mark + 1..])),
        None => (before, None),
    };
    let path = match path.find("://") {
        Some(slashes) => path[slashes + 3..].split_once('/').map(|(_, path)| path),
        None => path.strip_prefix('/'),
    };
    if let Some(query) = query {
        let (key, _) = query.rsplit(['&', ';', '#', '?']).next()?.split_once('=')?;
        return Some(Candidate::Field(innermost(key)));
    }
    let (before, prefix) =
        path?.rsplit_once('/').map_or((None, path?), |(before, prefix)| (Some(before), prefix));
    let rest = after.find(['/', '?', '#']);
    Some(Candidate::Segment {
        before: before.into_iter().flat_map(|before| before.split('/')).map(str::to_owned).collect(),
        prefix: prefix.to_owned(),
        len: rest.unwrap_or(after.len()),
        followed: rest.is_some_and(|rest| after[rest..].starts_with('/')),
    })
}

/// Candidates for a secret that follows the text `before`: the names of the attribute, the element, the JSON member and
/// the form field that may contain the secret.
fn around_field(before: &str) -> Vec<Candidate> {
    static MEMBER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#""([^"\\]{1,100})"\s*:\s*(?:"[^"]*)?$"#).ok());
    static ATTRIBUTE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"([\w.:-]+)\s*=\s*(?:"[^"]*|'[^']*)$"#).ok());
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"\s(?:name|id|property)\s*=\s*["']([^"']+)["']"#).ok());
    let mut names: Vec<String> = Vec::new();
    let from = before.len().saturating_sub(1024);
    let from = (from..before.len()).find(|at| before.is_char_boundary(*at)).unwrap_or(before.len());
    let tail = &before[from..];
    let mut add = |pattern: &LazyLock<Option<Regex>>, text: &str| {
        let found =
            pattern.as_ref().and_then(|pattern| Some(pattern.captures(text)?.get(1)?.as_str().to_owned()));
        names.extend(found);
    };
    match (tail.rfind('<'), tail.rfind('>')) {
        (Some(open), close) if close.is_none_or(|close| close < open) => {
            add(&NAME, &tail[open..]);
            add(&ATTRIBUTE, &tail[open..]);
        }
        (Some(open), Some(_)) => {
            let tag = &tail[open + 1..];
            let name =
                tag.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next().unwrap_or_default();
            names.push(name.to_owned());
        }
        _ => {}
    }
    names.iter_mut().for_each(|name| *name = name.rsplit(':').next().unwrap_or_default().to_owned());
    // A rule for one of these names would redact too much, because the names have many other meanings.
    names.retain(|name| {
        !["content", "href", "value", "src", "action", "id", "name", "data"].contains(&&**name)
    });
    let mut add = |pattern: &LazyLock<Option<Regex>>| {
        let found =
            pattern.as_ref().and_then(|pattern| Some(pattern.captures(tail)?.get(1)?.as_str().to_owned()));
        names.extend(found);
    };
    add(&MEMBER);
    let field = tail.rsplit(['&', '\n']).next().and_then(|field| field.split_once('='));
    names.extend(field.filter(|(key, _)| !key.contains(['"', '<', ' '])).map(|(key, _)| innermost(key)));
    names.into_iter().map(Candidate::Field).collect()
}

/// The name of the innermost field: `pin` in `user[pin]`.
fn innermost(key: &str) -> String {
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    let inner = key.strip_suffix(']').and_then(|key| key.rsplit_once('[')).map(|(_, inner)| inner);
    let named = inner.filter(|inner| inner.contains(|c: char| c.is_alphabetic()));
    named.map(str::to_owned).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "uGNZaqj0WmqfmGdMmGb0SHx70DWiwP";

    /// Checks a suggestion for a token that redaction found in a query.
    #[track_caller]
    fn check(expected: Option<&str>, suggest: impl FnOnce(&Suggestions<'_>) -> Option<Suggestion>) {
        let rules = Rules::default();
        let redactor = Redactor::new(rules.clone()).unwrap();
        redactor.uri(&format!("https://h/?session_token={TOKEN}"));
        let check = redactor.leak_check().unwrap();
        let found = suggest(&Suggestions { check: &check, rules: &rules });
        let suggested = found.map(|rule| match rule {
            Suggestion::Url(pattern) => format!("url {pattern}"),
            Suggestion::Field(name) => format!("field {name}"),
            other => format!("{other:?}"),
        });
        assert_eq!(suggested.as_deref(), expected);
    }

    #[test]
    fn of_urls() {
        for (uri, expected) in [
            ("http://h/app/TOK/home", "url /app/(?<session_token>[^/?#]+)/"),
            ("/app/TOK/home", "url /app/(?<session_token>[^/?#]+)/"),
            ("http://h/a.b/x-TOK", r"url /a\.b/x\-(?<session_token>[^/?#]{16,})"),
            ("http://h/TOK/home", "url ^(?:https?://[^/?#]+)?/(?<session_token>[^/?#]{16,})/"),
            ("/TOK", "url ^(?:https?://[^/?#]+)?/(?<session_token>[^/?#]{16,})"),
            ("http://h/[x:1]/TOK/", "url ^(?:https?://[^/?#]+)?/[^/?#]*/(?<session_token>[^/?#]{16,})/"),
            ("http://h/a/[x:1]/TOK/", "url /a/[^/?#]*/(?<session_token>[^/?#]+)/"),
            ("http://h/a?page=1&code=TOK&x=1", "field code"),
            ("http://h/a?user%5Bcode%5D=TOK", "field code"),
            ("/a#code=TOK", "field code"),
        ] {
            check(Some(expected), |s| s.for_uri(&uri.replace("TOK", TOKEN)));
        }
        check(None, |s| s.for_uri(&format!("http://{TOKEN}.h/")));
    }

    #[test]
    fn of_headers() {
        let url = Some("url /app/(?<session_token>[^/?#]+)/");
        check(url, |s| s.for_header("location", &format!("/app/{TOKEN}/home")));
        check(url, |s| s.for_header("link", &format!("<https://h/app/{TOKEN}/home>; rel=next")));
        check(url, |s| s.for_header("x-next", &format!("https://h/app/{TOKEN}/home")));
        check(Some("field c"), |s| s.for_header("location", &format!("/app?c={TOKEN}")));
        check(Some("SomeUrl"), |s| s.for_header("location", &format!("https://{TOKEN}.h/")));
        check(None, |s| s.for_header("etag", &format!("\"{TOKEN}\"")));
    }

    #[test]
    fn of_bodies() {
        let json = |text: &str| text.replace("TOK", TOKEN);
        check(Some("url /app/(?<session_token>[^/?#]+)/"), |s| s.for_json(&json("http://h/app/TOK/home")));
        check(Some("url /app/(?<session_token>[^/?#]+)/"), |s| {
            s.for_json(&json("see http://h/app/TOK/home"))
        });
        check(Some("SomeBody"), |s| s.for_json(&json("/app/TOK/home")));
        check(None, |s| s.for_json(TOKEN));
        for (content_type, text, expected) in [
            ("application/x-www-form-urlencoded", "a=1&q=TOK&r=1", Some("field q")),
            ("application/x-www-form-urlencoded", "a=1&u[q]=TOK", Some("field q")),
            ("application/xml", "<a><b c=\"TOK\">x</b></a>", Some("field c")),
            ("application/xml", "<a><n:b c=\"x\">TOK</n:b></a>", Some("field b")),
            (
                "text/html",
                "<a href='https://h/app/TOK/home'>x</a>",
                Some("url /app/(?<session_token>[^/?#]+)/"),
            ),
            ("application/x-ndjson", "{\"a\": 1}\n{\"b\": \"TOK\"}\n", Some("field b")),
            ("text/plain", "the code is TOK.", None),
        ] {
            check(expected, |s| s.for_body(Some(content_type), json(text).as_bytes()));
        }
    }
}
