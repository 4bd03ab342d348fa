//! The canonical form of a request. Keys and explanations are both made from it.
//!
//! Must not know: options that are not in force for the request.

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

/// The canonical form of everything in a request except its body. It is cheap to make and to compare.
#[derive(Debug)]
pub(super) struct CanonicalHead<'a> {
    pub(super) method: &'a str,
    pub(super) target: Target<'a>,
    /// The headers that matching compares, sorted by name.
    pub(super) headers: Vec<(&'a str, Cow<'a, [u8]>)>,
    /// Whether the path is probably that of a GraphQL server.
    graphql: bool,
}

impl<'a> CanonicalHead<'a> {
    pub(super) fn new(mut target: Target<'a>, options: &InForce<'_>, request: &'a Request) -> Self {
        let graphql = target.settle(options);
        let names = request.headers.keys().filter(|name| options.header(name.as_str()));
        let mut headers: Vec<_> =
            names.filter_map(|name| Some((name.as_str(), joined(&request.headers, name)?))).collect();
        headers.sort_unstable();
        CanonicalHead { method: request.method.as_str(), target, headers, graphql }
    }

    pub(super) fn is_graphql(&self) -> bool {
        self.graphql
    }
}

/// Returns the headers that matching does not compare and that no option mentions. Repeated fields of a header are
/// joined to one value.
pub(super) fn other_headers<'a>(
    options: &InForce<'_>,
    request: &'a Request,
) -> Vec<(&'a str, Cow<'a, [u8]>)> {
    let is_other = |name: &str| options.header_option(name).is_none() && !options.header(name);
    let names = request.headers.keys().filter(|name| is_other(name.as_str()));
    names.filter_map(|name| Some((name.as_str(), joined(&request.headers, name)?))).collect()
}

/// Joins all fields with the same name to one value (RFC 9110 §5.3). The fields of `cookie` are joined with `; ` (RFC
/// 9113 §8.2.3).
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
