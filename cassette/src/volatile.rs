//! Places in a test's requests that vary from run to run. Matching must ignore these places.
//!
//! In mode `learn`, cassette records a test twice to find the places. It stores them in `_metadata.volatile` of the
//! cassette, and a person may edit them there. Must not know: sessions, files.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::matcher::{self, Difference, Matching, PartDifference};
use crate::syntax::pointer::Pointer;
use crate::tape::Request;

/// The key under which the metadata of a cassette has these places.
pub(crate) const KEY: &str = "volatile";

/// The places that matching ignores. The key is the scope of the requests that have the places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Volatile(BTreeMap<String, Places>);

/// The places in the requests of one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Places {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    form: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    headers: BTreeSet<String>,
    /// JSON pointers (RFC 6901), in which `*` stands for any index.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    json: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    query: BTreeSet<String>,
    /// Paths of elements and attributes, as for [`Matching::ignore_xml`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    xml: BTreeSet<String>,
}

/// The result of comparing two recordings of the same test.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    pub(crate) volatile: Volatile,
    /// Requests for which it is not possible to ignore the places that vary.
    pub(crate) refused: Vec<Unlearnable>,
    /// Requests that are only in the first recording, and requests that are only in the second recording.
    pub(crate) unpaired: [Vec<Request>; 2],
}

/// A request in which a part varies that matching cannot ignore, or in which nothing would be left to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unlearnable {
    pub(crate) method: http::Method,
    pub(crate) uri: String,
    /// The scope with which the project can set options for this request.
    pub(crate) scope: String,
}

impl Volatile {
    /// Parses the value in a cassette's metadata.
    ///
    /// # Errors
    ///
    /// The value is wrong. The error explains the mistake to a person who edited it.
    pub(crate) fn parse(value: &Value) -> Result<Volatile, String> {
        let places: BTreeMap<String, Places> =
            serde_json::from_value(value.clone()).map_err(|e| format!("`_metadata.{KEY}`: {e}"))?;
        for (scope, places) in &places {
            if !matcher::is_scope(scope) {
                return Err(format!("`_metadata.{KEY}`: `{scope}` is not a scope: write a host and a path"));
            }
            let pointers = places.json.iter().chain(&places.xml);
            if let Some(e) = pointers.into_iter().find_map(|at| at.parse::<Pointer>().err()) {
                return Err(format!("`_metadata.{KEY}`: {e}"));
            }
            if let Some(name) = places.headers.iter().find(|name| name.parse::<http::HeaderName>().is_err()) {
                return Err(format!("`_metadata.{KEY}`: `{name}` cannot be the name of a header"));
            }
        }
        Ok(Volatile(places))
    }

    /// Returns the value for a cassette's metadata. Returns `None` if there are no places.
    pub(crate) fn to_value(&self) -> Option<Value> {
        let value = (!self.0.is_empty()).then(|| serde_json::to_value(&self.0));
        value.and_then(Result::ok)
    }

    /// Returns texts for the places. Each text also names the scope of the place.
    pub(crate) fn describe(&self) -> Vec<String> {
        let each = |scope: &str, places: &Places| -> Vec<String> {
            let kinds = [
                ("the query key", &places.query),
                ("the form field", &places.form),
                ("the header", &places.headers),
                ("the JSON at", &places.json),
                ("the XML at", &places.xml),
            ];
            let all = kinds.iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)));
            all.map(|(kind, name)| format!("{kind} `{name}` of {scope}")).collect()
        };
        self.0.iter().flat_map(|(scope, places)| each(scope, places)).collect()
    }

    /// Adds the places of another value.
    pub(crate) fn and(mut self, other: Volatile) -> Volatile {
        for (scope, mut more) in other.0 {
            let places = self.0.entry(scope).or_default();
            places.form.append(&mut more.form);
            places.headers.append(&mut more.headers);
            places.json.append(&mut more.json);
            places.query.append(&mut more.query);
            places.xml.append(&mut more.xml);
        }
        self
    }

    /// Adds options to `matching` that ignore these places.
    pub(crate) fn ignored_in(&self, matching: Matching) -> Matching {
        self.0.iter().fold(matching, |matching, (scope, places)| {
            matching.within(scope, |m| {
                let m = places.query.iter().fold(m, Matching::ignore_query);
                let m = places.form.iter().fold(m, Matching::ignore_form);
                let m = places.headers.iter().fold(m, |m, name| m.ignore_header(name));
                let m = places.xml.iter().fold(m, |m, path| m.ignore_xml(path));
                places.json.iter().fold(m, |m, pointer| m.ignore_json(pointer))
            })
        })
    }
}

/// Finds the places that vary between two recordings of one test. For this, the function pairs requests with the same
/// method, host and path. It first pairs equal requests, because concurrent requests may come in another order. Then it
/// pairs the other requests in their order.
pub(crate) fn learn(first: &[Request], second: &[Request], matching: &Matching) -> Learned {
    let mut groups: BTreeMap<(String, String), [Vec<&Request>; 2]> = BTreeMap::new();
    for (n, requests) in [first, second].into_iter().enumerate() {
        for request in requests {
            let scope = matcher::scope_of(&request.uri).unwrap_or_else(|| request.uri.clone());
            groups.entry((request.method.to_string(), scope)).or_default()[n].push(request);
        }
    }
    let mut learned = Learned::default();
    for ((_, scope), [mut first, mut second]) in groups {
        without_equal(&mut first, &mut second, matching);
        for (one, other) in first.iter().zip(&second) {
            let mut places = Places::default();
            let mut refused = false;
            for difference in matching.compare(other, one).differences() {
                refused |= !places.add(difference);
            }
            let found = Volatile(BTreeMap::from([(scope.clone(), places.clone())]));
            let nothing_left =
                || places.is_about_bodies() && found.ignored_in(matching.clone()).ignores_whole_body(one);
            if refused || nothing_left() {
                let Request { method, uri, .. } = (*one).clone();
                learned.refused.push(Unlearnable { method, uri, scope: scope.clone() });
            } else if places != Places::default() {
                learned.volatile = std::mem::take(&mut learned.volatile).and(found);
            }
        }
        let both = first.len().min(second.len());
        learned.unpaired[0].extend(first[both..].iter().map(|r| (*r).clone()));
        learned.unpaired[1].extend(second[both..].iter().map(|r| (*r).clone()));
    }
    learned
}

/// Removes each pair of equal requests from the two lists.
fn without_equal(first: &mut Vec<&Request>, second: &mut Vec<&Request>, matching: &Matching) {
    let mut by_key: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (i, request) in first.iter().enumerate() {
        by_key.entry(matching.key(request)).or_default().push_back(i);
    }
    let mut paired = BTreeSet::new();
    second.retain(|other| {
        let Some(equal) = by_key.get_mut(&matching.key(other)) else { return true };
        let Some(i) = equal.front().copied().filter(|i| matching.agree(other, first[*i])) else {
            return true;
        };
        equal.pop_front();
        paired.insert(i);
        false
    });
    let mut i = 0..;
    first.retain(|_| i.next().is_some_and(|i| !paired.contains(&i)));
}

impl Places {
    /// Adds the place of a difference. Returns false if matching cannot ignore that place.
    fn add(&mut self, difference: &Difference) -> bool {
        match difference {
            Difference::Query { key, .. } => self.query.insert(key.clone()),
            Difference::Form { key, .. } => self.form.insert(key.clone()),
            Difference::Header { name, .. } => self.headers.insert(name.clone()),
            Difference::Json { pointer, .. } if !pointer.is_empty() => self.json.insert(generalised(pointer)),
            // A path with one `/` is the path of the root element, which cannot be ignored.
            Difference::Xml { path, .. } if path.matches('/').count() > 1 => {
                self.xml.insert(matcher::without_numbers(path))
            }
            Difference::Multipart { difference: PartDifference::Body(inner), .. }
                if matches!(**inner, Difference::Json { .. } | Difference::Xml { .. }) =>
            {
                return self.add(inner);
            }
            // A part with a `#` has no name, or shares its name with other parts.
            Difference::Multipart { part, .. } if !part.contains('#') => self.form.insert(part.clone()),
            _ => return false,
        };
        true
    }

    fn is_about_bodies(&self) -> bool {
        !(self.form.is_empty() && self.json.is_empty() && self.xml.is_empty())
    }
}

/// Replaces every index in the pointer by `*`. If a value varies in one item of an array, it probably varies in all
/// items.
fn generalised(pointer: &str) -> String {
    let step = |step: &str| match !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) {
        true => "*".to_owned(),
        false => step.to_owned(),
    };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Body;

    fn request(method: &str, uri: &str, body: &'static str) -> Request {
        Request {
            method: method.parse().unwrap(),
            uri: uri.to_owned(),
            headers: http::HeaderMap::from_iter([(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static(match body.as_bytes() {
                    [b'{' | b'[', ..] => "application/json",
                    [b'<', ..] => "application/xml",
                    [b'-', b'-', ..] => "multipart/form-data; boundary=b",
                    _ => "application/x-www-form-urlencoded",
                }),
            )]),
            body: Body::inline(body),
        }
    }

    macro_rules! part {
        ($name:literal, $body:literal) => {
            concat!("--b\r\ncontent-disposition: form-data; name=", $name, "\r\n\r\n", $body, "\r\n")
        };
    }

    #[track_caller]
    fn check(first: &[Request], second: &[Request], expected: &str) -> Learned {
        let learned = learn(first, second, &Matching::default());
        let found = learned.volatile.to_value().map(|v| v.to_string()).unwrap_or_default();
        assert_eq!(found, expected);
        // If matching ignores the learned places, the two recordings are equal.
        if learned.refused.is_empty() && learned.unpaired.iter().all(Vec::is_empty) {
            let matching = learned.volatile.ignored_in(Matching::default());
            for (one, other) in first.iter().zip(second) {
                assert_eq!(matching.key(one), matching.key(other));
            }
        }
        learned
    }

    /// Concurrent requests come in another order in each of the two recordings.
    #[test]
    fn the_order_does_not_vary_anything() {
        let part = |range: &'static str| {
            let mut part = request("GET", "https://h/file", "");
            part.headers.insert("range", http::HeaderValue::from_static(range));
            part
        };
        let found = |first: &[Request], second: &[Request]| {
            let learned = learn(first, second, &Matching::default());
            assert!(learned.refused.is_empty() && learned.unpaired.iter().all(Vec::is_empty), "{learned:?}");
            learned.volatile.to_value().map(|value| value.to_string())
        };
        let parts = [part("bytes=0-1"), part("bytes=2-3")];
        assert_eq!(found(&parts, &[parts[1].clone(), parts[0].clone()]), None);
        let once = request("GET", "https://h/file?at=1", "");
        let again = request("GET", "https://h/file?at=2", "");
        assert_eq!(
            found(&[part("bytes=0-1"), once], &[again, part("bytes=0-1")]).as_deref(),
            Some(r#"{"https://h/file":{"query":["at"]}}"#)
        );
    }

    #[test]
    fn what_varies_is_learned_by_place() {
        let order = |body| request("POST", "https://api.example.com/orders", body);
        check(
            &[order(r#"{"id":"a","lines":[{"n":1,"key":"x"},{"n":2,"key":"y"}]}"#)],
            &[order(r#"{"id":"b","lines":[{"n":1,"key":"v"},{"n":2,"key":"w"}]}"#)],
            r#"{"https://api.example.com/orders":{"json":["/id","/lines/*/key"]}}"#,
        );
        let get = |uri| request("GET", uri, "");
        check(
            &[get("http://a.test/x?t=1&page=1"), get("http://a.test/x?t=2&page=2"), get("http://a.test/y")],
            &[get("http://a.test/x?t=3&page=1"), get("http://a.test/x?t=4&page=2"), get("http://a.test/y")],
            r#"{"http://a.test/x":{"query":["t"]}}"#,
        );
        let form = |body| request("POST", "http://a.test/f", body);
        check(&[form("a=1&n%20o=2")], &[form("a=1&n+o=3")], r#"{"http://a.test/f":{"form":["n o"]}}"#);
        check(&[form("a=1")], &[form("a=1")], "");
        let soap = |body| request("POST", "http://a.test/s", body);
        check(
            &[soap("<o xmlns='u' at='1'><i id='1'>x</i><i id='2'>y</i></o>")],
            &[soap("<o xmlns='u' at='2'><i id='3'>x</i><i id='4'>y</i></o>")],
            r#"{"http://a.test/s":{"xml":["/o/@at","/o/i/@id"]}}"#,
        );
        let upload = |body| request("POST", "http://a.test/u", body);
        check(
            &[upload(concat!(
                part!("n", "1"),
                part!("meta", "{\"id\":1,\"a\":1}"),
                part!("f", "x"),
                "--b--"
            ))],
            &[upload(concat!(
                part!("n", "2"),
                part!("meta", "{\"id\":2,\"a\":1}"),
                part!("f", "x"),
                "--b--"
            ))],
            r#"{"http://a.test/u":{"form":["n"],"json":["/id"]}}"#,
        );
    }

    /// `learn` finds a header that varies, if matching compares this header.
    #[test]
    fn headers_are_learned() {
        let with = |value: &str| {
            let mut request = request("GET", "http://a.test/x", "");
            request.headers.insert("x-nonce", value.parse().unwrap());
            request
        };
        let (one, other) = ([with("1")], [with("2")]);
        let matching = Matching::default().require_header("x-nonce");
        let learned = learn(&one, &other, &matching);
        let expected = r#"{"http://a.test/x":{"headers":["x-nonce"]}}"#;
        assert_eq!(learned.volatile.to_value().unwrap().to_string(), expected);
        let matching = learned.volatile.ignored_in(matching);
        assert_eq!(matching.key(&one[0]), matching.key(&other[0]));
    }

    #[test]
    fn a_whole_body_is_not_volatile() {
        let post = |body| request("POST", "http://a.test/p", body);
        for (one, other) in [
            (r#"{"nonce":1}"#, r#"{"nonce":2}"#),
            ("[1]", "[2]"),
            ("a=1&b=2", "a=2&b=1"),
            (r#"{"a":1}"#, "a=1"),
            ("<a>1</a>", "<a>2</a>"),
            ("<a><b>1</b></a>", "<a><b>2</b></a>"),
            ("<a b='1'/>", "<a b='2'/>"),
            (concat!(part!("n", "1"), "--b--"), concat!(part!("n", "2"), "--b--")),
            ("--b\r\n\r\n1\r\n--b--", "--b\r\n\r\n2\r\n--b--"),
            ("a", "b"),
        ] {
            let learned = check(&[post(one)], &[post(other)], "");
            assert_eq!(learned.refused.len(), 1, "{one} {other}");
            assert_eq!(learned.refused[0].scope, "http://a.test/p");
        }
    }

    #[test]
    fn requests_without_a_counterpart() {
        let get = |uri| request("GET", uri, "");
        let learned = check(
            &[get("http://a.test/1"), get("http://a.test/x")],
            &[get("http://a.test/2"), get("http://a.test/x"), get("http://a.test/x")],
            "",
        );
        let found: Vec<_> = learned.unpaired.iter().flatten().map(|r| r.uri.as_str()).collect();
        assert_eq!(found, ["http://a.test/1", "http://a.test/2", "http://a.test/x"]);
    }

    #[test]
    fn mistakes_of_an_editor() {
        for (text, expected) in [
            (r#"[]"#, "invalid type"),
            (r#"{"h/x":{"jsn":["/a"]}}"#, "unknown field `jsn`"),
            (r#"{"/x":{}}"#, "`/x` is not a scope"),
            (r#"{"h/x":{"json":["a"]}}"#, "a"),
            (r#"{"h/x":{"headers":["a b"]}}"#, "cannot be the name of a header"),
        ] {
            let e = Volatile::parse(&serde_json::from_str(text).unwrap()).unwrap_err();
            assert!(e.starts_with("`_metadata.volatile`: ") && e.contains(expected), "{e}");
        }
    }
}
