//! Finds out why a replay failed. A cause is something that the code under test got on replay and that differs from
//! what it got while recording, or a value that differs in each run.
//!
//! Must not know: the text of a cause, or how the replay ran.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::proof::{Assignment, Observed};
use crate::clock;
use crate::matcher::{Difference, PartDifference};
use crate::placeholder;
use crate::player::suggestions::ignorable;
use crate::player::{Given, GivenPlace, Player};
use crate::recorder::Lost;
use crate::redact::{Redactor, Side};
use crate::report::{Answer, Cause, Problem, Reason, UnmatchedRequest};
use crate::tape::{Content, Request};

/// A failed replay.
pub(super) struct Failed<'f> {
    pub(super) player: &'f Player,
    pub(super) redactor: &'f Redactor,
    pub(super) problems: &'f [Problem],
    /// The text of the panic, if the body panicked.
    pub(super) panic: Option<&'f str>,
    /// Set if the replay plays a new recording back before it is installed.
    pub(super) assignment: Option<&'f Assignment>,
}

#[derive(Default)]
pub(super) struct Explained {
    pub(super) causes: Vec<Cause>,
    pub(super) observed: Observed,
}

/// The largest number of causes of one kind that are reported, if the failure does not show which of them it is.
const MOST: usize = 3;

/// The length of the longest chunk that a replay sends, in bytes.
const CHUNK: u64 = 64 * 1024;

/// The causes of a failure. If the texts of the failure show causes, only these are returned. If they show none, and
/// the recording is new, all differences between what the code under test got while recording and on replay are
/// returned.
pub(super) fn of(failed: &Failed<'_>) -> Explained {
    let given = failed.player.given();
    let mut causes = Causes { failed, given: &given, found: Vec::new() };
    let mut observed = Observed::default();
    causes.shown();
    for (n, request) in failed.unmatched().enumerate() {
        causes.varying(n, request, &mut observed);
    }
    causes.output(&mut observed);
    if causes.found.is_empty() && failed.assignment.is_some() {
        causes.likely();
    }
    Explained { causes: causes.found, observed }
}

struct Causes<'c> {
    failed: &'c Failed<'c>,
    given: &'c [Given],
    found: Vec<Cause>,
}

impl<'f> Failed<'f> {
    fn unmatched(&self) -> impl Iterator<Item = &'f UnmatchedRequest> {
        self.problems.iter().flat_map(|problem| match problem {
            Problem::Unmatched(unmatched) => &unmatched.requests[..],
            _ => &[],
        })
    }

    /// The texts that the code under test has produced, each with the name of its place. Redacted values in them are
    /// replaced with their placeholders again.
    fn texts(&self) -> Vec<(&'static str, String)> {
        let mut texts: Vec<(&str, String)> =
            self.panic.map(|text| ("the panic", text.to_owned())).into_iter().collect();
        for problem in self.problems {
            match problem {
                Problem::Body(text) => texts.push(("the error", text.clone())),
                Problem::Output(change) => {
                    let diffs = change.changed.iter().filter_map(|file| file.diff.as_deref());
                    let added = diffs.flat_map(str::lines).filter(|line| line.starts_with('+'));
                    texts.push(("the output", added.collect::<Vec<_>>().join("\n")));
                }
                _ => {}
            }
        }
        texts.into_iter().map(|(place, text)| (place, self.redactor.text(&text))).collect()
    }
}

impl<'c> Causes<'c> {
    fn add(&mut self, cause: Cause) {
        if !self.found.contains(&cause) {
            self.found.push(cause);
        }
    }

    /// Adds the causes that the texts of the failure show: placeholders, and names of missing headers.
    fn shown(&mut self) {
        let texts = self.failed.texts();
        for (place, text) in &texts {
            for (given, placeholder, at) in self.placeholders() {
                if shows(text, &placeholder) {
                    let cause = self.redacted(given, &placeholder, at, Some(*place));
                    self.add(cause);
                }
            }
            self.missing_headers(text);
        }
        for request in self.failed.unmatched() {
            let Some(closest) = request.near.first().filter(|_| matches!(request.reason, Reason::Differs))
            else {
                continue;
            };
            let (sent, recorded) = (whole(&request.request), whole(&closest.request));
            for (given, placeholder, at) in self.placeholders() {
                let name = placeholder::parse(placeholder.as_bytes()).and_then(|p| p.numbered);
                let family = name.map_or(placeholder.clone(), |(name, _)| format!("[{name}:"));
                // If a request sends the whole placeholder back, it matches there. So whole placeholders are removed
                // before the search.
                let is_part = shows(&sent.replace(&placeholder, ""), &placeholder);
                if is_part || shows(&sent, &placeholder) && !recorded.contains(&family) {
                    let cause = self.redacted(given, &placeholder, at, Some("the request"));
                    self.add(cause);
                }
            }
        }
        self.found.truncate(2 * MOST);
    }

    fn missing_headers(&mut self, text: &str) {
        let text = text.to_ascii_lowercase();
        let lost = self.lost();
        let mut known = false;
        for (of, names) in &lost {
            for name in names.iter().filter(|name| names_header(&text, name)) {
                known = true;
                self.add(Cause::LeftOut { headers: vec![name.clone()], of: Some(of.clone()), named: true });
            }
        }
        if known || self.failed.assignment.is_some() {
            return;
        }
        let on_cassette = |name: &str| self.given.iter().any(|given| given.headers.contains(name));
        let named: Vec<String> = headers_in(&text)
            .filter(|name| !on_cassette(name) && is_left_out(self.failed.redactor, name))
            .map(str::to_owned)
            .collect();
        if let Some(name) = named.into_iter().next() {
            self.add(Cause::LeftOut { headers: vec![name], of: None, named: true });
        }
    }

    /// Adds the values in a request that differ in each run. `n` counts the unmatched requests.
    fn varying(&mut self, n: usize, request: &UnmatchedRequest, observed: &mut Observed) {
        let before = self.failed.assignment.and_then(|assignment| assignment.before.as_ref());
        let shown = format!("{} {}", request.request.method, request.request.uri);
        let Some(closest) = request.near.first().filter(|_| matches!(request.reason, Reason::Differs)) else {
            observed.requests.insert(format!("{n}"), hash(&shown));
            return;
        };
        for difference in closest.mismatch.differences() {
            let Some(place) = ignorable(difference) else { continue };
            let (sent, recorded) =
                values(difference).unwrap_or_else(|| (whole(&request.request), whole(&closest.request)));
            let (key, value) = (format!("{n} {place:?}"), hash(&sent));
            let differs = before
                .is_some_and(|before| before.requests.get(&key).is_some_and(|earlier| *earlier != value));
            if differs {
                let request = shown.clone();
                self.add(match is_time(&sent) && is_time(&recorded) {
                    true => Cause::Time { place, request },
                    false => Cause::Random { place, request },
                });
            }
            observed.requests.insert(key, value);
        }
    }

    /// Adds the files of the output that differ in each run.
    fn output(&mut self, observed: &mut Observed) {
        let before = self.failed.assignment.and_then(|assignment| assignment.before.as_ref());
        for problem in self.failed.problems {
            let Problem::Output(change) = problem else { continue };
            for file in &change.changed {
                let after: Vec<&str> = file.fields.iter().map(|field| &*field.after).collect();
                let value = hash(&(after, &file.sha256));
                if before.is_some_and(|b| b.output.get(&file.path).is_some_and(|earlier| *earlier != value)) {
                    self.add(Cause::RandomOutput { path: file.path.clone() });
                }
                observed.output.insert(file.path.clone(), value);
            }
        }
    }

    /// Adds all differences between what the code under test got while recording and on replay. Each of them may be the
    /// cause.
    fn likely(&mut self) {
        let Some(assignment) = self.failed.assignment else { return };
        for (given, placeholder, at) in self.placeholders().into_iter().take(MOST) {
            let cause = self.redacted(given, &placeholder, at, None);
            self.add(cause);
        }
        let unused = self.failed.problems.iter().find_map(|problem| match problem {
            Problem::Unused(unused) => unused.left.first(),
            _ => None,
        });
        if let Some(unused) = unused.filter(|_| !assignment.parallel.is_empty()) {
            let (request, others) =
                (format!("{} {}", unused.method, unused.uri), assignment.parallel.clone());
            self.add(Cause::OtherTest { request, held: true, others });
        }
        let lacks = |r: &&UnmatchedRequest| !matches!(r.reason, Reason::Differs | Reason::OutOfOrder { .. });
        if let Some(request) = self.failed.unmatched().find(lacks) {
            let request = format!("{} {}", request.request.method, request.request.uri);
            self.add(match assignment.parallel.is_empty() {
                true => Cause::Fresh { request },
                false => Cause::OtherTest { request, held: false, others: assignment.parallel.clone() },
            });
        }
        for (of, headers) in self.lost().into_iter().take(MOST) {
            self.add(Cause::LeftOut { headers, of: Some(of), named: false });
        }
        for given in self.given {
            let recorded = lost_of(given, assignment).map_or(0, |lost| lost.chunks);
            let replayed = usize::try_from(given.size.div_ceil(CHUNK)).unwrap_or(usize::MAX);
            if recorded > 1 && recorded != replayed {
                self.add(Cause::Chunks { of: answer(given), recorded, replayed });
            }
        }
    }

    /// The placeholders in the responses that the code under test got, without duplicates.
    fn placeholders(&self) -> Vec<(&'c Given, String, &'c GivenPlace)> {
        let mut seen = BTreeSet::new();
        let all = self.given.iter().flat_map(|given| {
            given.placeholders.iter().map(move |(placeholder, place)| (given, placeholder.clone(), place))
        });
        all.filter(|(_, placeholder, _)| seen.insert(placeholder.clone())).collect()
    }

    /// The headers that the recording left out, for each response that the code under test got.
    fn lost(&self) -> Vec<(Answer, Vec<String>)> {
        let Some(assignment) = self.failed.assignment else { return Vec::new() };
        let lost = self.given.iter().filter_map(|given| {
            let lost = lost_of(given, assignment)?;
            (!lost.headers.is_empty()).then(|| (answer(given), lost.headers.clone()))
        });
        lost.collect()
    }

    fn redacted(&self, given: &Given, placeholder: &str, at: &GivenPlace, seen: Option<&str>) -> Cause {
        let rule = self.rule(placeholder, at);
        Cause::Redacted {
            mend: mend(placeholder, at, rule.as_deref()),
            placeholder: placeholder.to_owned(),
            place: match at {
                GivenPlace::Header(name) => format!("the header `{name}`"),
                GivenPlace::Json(pointer) => format!("the JSON at {pointer}"),
                GivenPlace::Body => "the body".to_owned(),
            },
            of: answer(given),
            rule,
            seen: seen.map(str::to_owned),
        }
    }

    /// The redaction rule, from the list in the cassette, that makes placeholders with this name.
    fn rule(&self, text: &str, at: &GivenPlace) -> Option<String> {
        let (name, _) = placeholder::parse(text.as_bytes())?.numbered?;
        let is_named = |rule: &&String| same_name(rule.rsplit(' ').next().unwrap_or_default(), name);
        let rules: Vec<&String> = self.failed.player.redaction().iter().filter(is_named).collect();
        let is_of_header = |rule: &&&String| kind(rule) == "header" || kind(rule) == "cookie";
        let wants_header = matches!(at, GivenPlace::Header(_));
        let best = rules.iter().find(|rule| is_of_header(rule) == wants_header);
        best.or(rules.first()).map(|rule| (*rule).clone())
    }
}

/// The headers and chunks that the recording of this response lacks.
fn lost_of<'a>(given: &Given, assignment: &'a Assignment) -> Option<&'a Lost> {
    let request = format!("{} {}", given.method, given.uri);
    let in_place = assignment.lost.get(given.index).filter(|lost| lost.request == request);
    in_place.or_else(|| assignment.lost.iter().find(|lost| lost.request == request))
}

fn answer(given: &Given) -> Answer {
    Answer { index: given.index, method: given.method.clone(), uri: given.uri.clone() }
}

/// The kind of a rule, from its label. In `CAS0031 field access_token` and in `field customer_pin` it is `field`.
fn kind(rule: &str) -> &str {
    let mut words = rule.split(' ');
    let first = words.next().unwrap_or_default();
    if id(rule).is_some() { words.next().unwrap_or_default() } else { first }
}

/// The id of a default rule, from its label.
fn id(rule: &str) -> Option<&str> {
    rule.split(' ').next().filter(|id| id.starts_with("CAS") && id[3..].bytes().all(|b| b.is_ascii_digit()))
}

fn same_name(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    letters(one) == letters(other)
}

/// What the user can do so that the code under test gets the value: the purpose, and the code to copy.
fn mend(text: &str, at: &GivenPlace, rule: Option<&str>) -> (String, String) {
    let keep = |code: String| ("to keep the value".to_owned(), code + ", and record again");
    if let Some((name, _)) = placeholder::parse_secret(text) {
        return ("to give it a value".to_owned(), format!("set the secret {name} when the test replays"));
    }
    let named = placeholder::parse(text.as_bytes()).and_then(|p| p.numbered).map(|(name, _)| name);
    let what = rule.and_then(|rule| rule.rsplit(' ').next()).or(named).unwrap_or_default();
    match (rule.map(kind), rule.and_then(id), at) {
        (Some("header"), Some(id), GivenPlace::Header(header)) => {
            keep(format!(".without_rule({id:?}).allow_header({header:?})"))
        }
        (_, _, GivenPlace::Header(header)) if header == "set-cookie" => {
            keep(".keep_cookie(\"…\") with the name of the cookie".to_owned())
        }
        (Some("field"), ..) | (None, None, _) if !what.is_empty() => keep(format!(".keep_field({what:?})")),
        (_, Some(id), _) => keep(format!(".without_rule({id:?})")),
        (Some(kind @ ("header" | "pointer" | "url" | "cookie" | "links")), ..) => {
            keep(format!("remove `.redact_{kind}(…)` from the `Config`"))
        }
        _ => keep("change the rule that redacts it".to_owned()),
    }
}

/// Whether a text contains a placeholder, with or without its brackets, and perhaps percent-encoded.
fn shows(text: &str, placeholder: &str) -> bool {
    let inner = placeholder.trim_matches(['[', ']', '{', '}']);
    let bounded = |inner: &str| {
        text.match_indices(inner).any(|(at, _)| {
            let after = text[at + inner.len()..].bytes().next();
            !after.is_some_and(|b| b.is_ascii_digit())
        })
    };
    inner != "redacted" && (bounded(inner) || bounded(&inner.replace(':', "%3A")))
        || text.contains(placeholder)
}

/// Whether a text contains the name of a header, perhaps with underscores as in a program. The text is in lower case.
fn names_header(text: &str, name: &str) -> bool {
    let words = |text: &str, name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
            !is_word(text[..at].chars().next_back()) && !is_word(text[at + name.len()..].chars().next())
        })
    };
    match name.contains('-') {
        true => words(text, name) || words(text, &name.replace('-', "_")),
        // A name without a hyphen may be an ordinary word, so the text must also contain "header".
        false => text.contains("header") && words(text, name),
    }
}

/// The words of a text that can be names of headers. The text is in lower case.
fn headers_in(text: &str) -> impl Iterator<Item = &str> {
    let about_headers = text.contains("header");
    let words =
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').map(|word| word.trim_matches('-'));
    words.filter(move |word| word.starts_with("x-") || about_headers && word.contains('-'))
}

fn is_left_out(redactor: &Redactor, name: &str) -> bool {
    let Ok(name) = name.parse::<HeaderName>() else { return false };
    let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("1"))]);
    redactor.headers(&headers, Side::Response).is_empty()
}

/// The text in the request and the text in the recording that differ. `None` if the difference has no such texts.
fn values(difference: &Difference) -> Option<(String, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    Some(match difference {
        Difference::Path { actual, recorded } => (actual.clone(), recorded.clone()),
        Difference::Query { actual, recorded, .. } | Difference::Form { actual, recorded, .. } => {
            (actual.join("\n"), recorded.join("\n"))
        }
        Difference::Header { actual, recorded, .. }
        | Difference::Json { actual, recorded, .. }
        | Difference::Xml { actual, recorded, .. } => (text(actual), text(recorded)),
        Difference::Multipart { difference: PartDifference::Body(inner), .. } => return values(inner),
        _ => return None,
    })
}

/// The URI, the header values and the body of a request as one text.
fn whole(request: &Request) -> String {
    let mut text = request.uri.clone();
    for value in request.headers.values() {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    text.push('\n');
    match &request.body.content {
        Content::Inline(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
        Content::File(file) => text.push_str(&file.sha256),
    }
    text
}

/// Whether a value looks like an instant: RFC 3339, a date, or the time since 1970 in seconds, milliseconds,
/// microseconds or nanoseconds.
fn is_time(text: &str) -> bool {
    let text = text.trim_matches('"');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits(whole) && digits(fraction) {
        return matches!(whole.len(), 10 | 13 | 16 | 19) && matches!(whole.as_bytes()[0], b'1'..=b'4');
    }
    clock::parse_rfc3339(text).is_ok() || clock::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}

/// A hash that is the same in every process of one executable.
fn hash(value: &(impl std::hash::Hash + ?Sized)) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for time in ["1764541000", "1764541000.25", "1764541000123", "\"2026-11-30T22:00:00Z\"", "2026-11-30"]
        {
            assert!(is_time(time), "{time}");
        }
        for other in ["17", "9764541000", "a", "", "2026-13-30", "17645410001"] {
            assert!(!is_time(other), "{other}");
        }
    }

    #[test]
    fn texts_that_show_a_placeholder() {
        assert!(shows("bad token \"[access_token:1]\"", "[access_token:1]"));
        assert!(shows("segment access_token:1", "[access_token:1]"));
        assert!(shows("/x/%5Baccess_token%3A1%5D", "[access_token:1]"));
        assert!(!shows("[access_token:12]", "[access_token:1]"));
        assert!(shows("{{secret.KEY}}", "{{secret.KEY}}") && !shows("is redacted", "[redacted]"));
    }

    #[test]
    fn texts_that_name_a_header() {
        assert!(names_header("no x-total-count", "x-total-count"));
        assert!(names_header("field x_total_count is missing", "x-total-count"));
        assert!(names_header("the header date is missing", "date") && !names_header("a wrong date", "date"));
        assert!(!names_header("x-total-counts", "x-total-count"));
        let named: Vec<_> = headers_in("no x-total, well-known").collect();
        assert_eq!(named, ["x-total"]);
        let named: Vec<_> = headers_in("missing header: operation-id.").collect();
        assert_eq!(named, ["operation-id"]);
    }

    #[test]
    fn what_keeps_a_value() {
        let json = GivenPlace::Json("/token".into());
        let check = |text: &str, at: &GivenPlace, rule: Option<&str>, expected: &str| {
            let (_, code) = mend(text, at, rule);
            assert!(code.contains(expected), "{code}");
        };
        check("[token:1]", &json, Some("CAS0134 field token"), ".keep_field(\"token\")");
        check("[customer_pin:1]", &json, Some("field customer_pin"), ".keep_field(\"customer_pin\")");
        check("[jwt:1]", &json, Some("CAS0501 pattern jwt"), ".without_rule(\"CAS0501\")");
        let header = GivenPlace::Header("x-api-key".into());
        let both = ".without_rule(\"CAS0012\").allow_header(\"x-api-key\")";
        check("[x_api_key:1]", &header, Some("CAS0012 header x-api-key"), both);
        check("[cookie:1]", &GivenPlace::Header("set-cookie".into()), None, ".keep_cookie");
        check("{{secret.KEY}}", &json, None, "the secret KEY");
    }
}
