//! The canonical form of a request, which keys and explanations both read.
//!
//! Must not know: which options a test has, only those that are in force for the request.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::COOKIE;

use super::body::CanonicalBody;
use super::options::InForce;
use super::uri::Target;
use crate::tape::Request;

#[derive(Debug)]
pub(super) struct CanonicalRequest<'a> {
    pub(super) head: CanonicalHead<'a>,
    pub(super) body: CanonicalBody<'a>,
}

/// What is known of a request before its body: cheap to make and to compare.
#[derive(Debug)]
pub(super) struct CanonicalHead<'a> {
    pub(super) method: &'a str,
    pub(super) target: Target<'a>,
    /// Those that count and are there, sorted by name.
    pub(super) headers: Vec<(&'a str, Cow<'a, [u8]>)>,
    /// A GraphQL server is probably behind its path.
    graphql: bool,
}

impl<'a> CanonicalHead<'a> {
    pub(super) fn new(mut target: Target<'a>, options: &InForce<'_>, request: &'a Request) -> Self {
        let graphql = target.settle(options);
        let mut headers = Vec::new();
        if options.any_header() {
            let names = request.headers.keys().filter(|name| options.header(name.as_str()));
            headers.extend(names.filter_map(|name| Some((name.as_str(), joined(&request.headers, name)?))));
            headers.sort_unstable();
        }
        CanonicalHead { method: request.method.as_str(), target, headers, graphql }
    }

    pub(super) fn is_graphql(&self) -> bool {
        self.graphql
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
