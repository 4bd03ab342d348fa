//! The canonical form of a request, which keys and explanations both read.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::COOKIE;

use super::Matching;
pub(super) use super::body::Body;
use super::uri::Target;
use crate::tape::Request;

#[derive(Debug)]
pub(super) struct Form<'a> {
    pub(super) head: Head<'a>,
    pub(super) body: Body<'a>,
}

/// What is known of a request before its body: cheap to make and to compare.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) method: &'a str,
    pub(super) target: Target<'a>,
    /// The required ones in the order they were asked for: the same in both forms of a comparison.
    pub(super) headers: Vec<(&'a str, Option<Cow<'a, [u8]>>)>,
}

impl<'a> Form<'a> {
    pub(super) fn new(matching: &'a Matching, request: &'a Request) -> Self {
        Form { head: Head::new(matching, request), body: Body::new(matching, request) }
    }
}

impl<'a> Head<'a> {
    pub(super) fn new(matching: &'a Matching, request: &'a Request) -> Self {
        let headers =
            matching.headers.iter().map(|name| (name.as_str(), joined(&request.headers, name))).collect();
        Head {
            method: request.method.as_str(),
            target: Target::new(&request.uri, &matching.ignored_query),
            headers,
        }
    }
}

/// All fields of a name as one (RFC 9110 §5.3), cookies in their own way (RFC 9113 §8.2.3).
fn joined<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut values = headers.get_all(name).iter().map(|v| v.as_bytes().trim_ascii());
    let first = values.next()?;
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    let mut all = Cow::Borrowed(first);
    for value in values {
        let all = all.to_mut();
        all.extend_from_slice(separator);
        all.extend_from_slice(value);
    }
    Some(all)
}
