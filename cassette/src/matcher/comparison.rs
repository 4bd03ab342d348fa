//! Applies the options of matching to requests: computes their keys, and compares two of them.
//!
//! Keys and comparisons are made from the same canonical form, so they cannot disagree. Must not know: files, which
//! recordings are used up.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::body::CanonicalBody;
use super::canonical::{self, CanonicalHead, CanonicalRequest};
use super::compare;
use super::custom::Custom;
use super::key::{self, Key};
use super::long::{LongReader, OwnOptions};
use super::matching::Matching;
use super::mismatch::Mismatch;
use super::options::InForce;
use super::sketch::Sketch;
use super::uri::Target;
use crate::meaning::Reader;
use crate::tape::{Content, Request};

impl Matching {
    /// Computes the key of a request. Equal requests have equal keys. The time is proportional to the size of the
    /// request.
    pub(crate) fn key(&self, request: &Request) -> Key {
        key::of(&self.canonical(&self.rewritten(request)))
    }

    /// Returns the differences between two requests. There are none exactly if the keys are equal and every
    /// [`Matcher`](super::Matcher) accepts the recording. The function calls matchers only if nothing else differs.
    pub(crate) fn compare(&self, actual: &Request, recorded: &Request) -> Mismatch {
        let (a, r) = (self.rewritten(actual), self.rewritten(recorded));
        let mut mismatch = compare::requests(&self.canonical(&a), &self.canonical(&r));
        if mismatch.is_match()
            && let Some(custom) = self.refusing(actual, recorded)
        {
            mismatch.add(custom.refusal());
        }
        mismatch
    }

    /// A reader that computes the meaning of a long body. `None` if bodies do not count.
    pub(crate) fn reader(&self, uri: &str, headers: &HeaderMap) -> Option<Box<dyn Reader>> {
        let options = self.in_force_at(uri);
        let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let reader = || LongReader::new(OwnOptions::new(&options), content_type, 0);
        options.body().then(|| Box::new(reader()) as Box<dyn Reader>)
    }

    /// For a request with a long body that counts, a key that requests with another body share.
    pub(crate) fn key_without_long_body(&self, request: &Request) -> Option<Key> {
        let request = self.rewritten(request);
        let (head, options) = self.head(&request);
        let is_long = matches!(request.body.content, Content::File(_)) && options.body();
        is_long.then(|| key::of(&CanonicalRequest { head, body: CanonicalBody::Nothing }))
    }

    /// Whether matching ignores everything in this request's body.
    pub(crate) fn ignores_whole_body(&self, request: &Request) -> bool {
        self.canonical(&self.rewritten(request)).body.is_empty()
    }

    /// Returns the key and the [sketch](Sketch) of a request. If no recording has the key, the sketch finds similar
    /// recordings.
    pub(crate) fn key_and_sketch(&self, request: &Request) -> (Key, Sketch) {
        let request = self.rewritten(request);
        let canonical = self.canonical(&request);
        (key::of(&canonical), Sketch::of(&canonical))
    }

    /// Returns the headers of a request that matching does not compare and that no option ignores. Each header has one
    /// value. If several recordings have the same key, these headers decide which one answers.
    pub(crate) fn other_headers<'r>(&self, request: &'r Request) -> Vec<(&'r str, Cow<'r, [u8]>)> {
        canonical::other_headers(&self.in_force_at(&request.uri), request)
    }

    /// Whether all matchers accept the recording for this request. The keys of both must be equal.
    pub(crate) fn agree(&self, actual: &Request, recorded: &Request) -> bool {
        self.refusing(actual, recorded).is_none()
    }

    /// Returns the `most` recordings that are nearest to `actual` by [`Mismatch::distance`], the nearest first.
    /// Recordings with the same distance keep the order of `recorded`. Each item of the result is the label from
    /// `recorded` and the differences.
    ///
    /// The function compares bodies only for recordings that can still be among the nearest after everything else is
    /// compared.
    pub(crate) fn nearest<'r, T>(
        &self,
        actual: &Request,
        recorded: impl IntoIterator<Item = (T, &'r Request)>,
        most: usize,
    ) -> Vec<(T, Mismatch)> {
        let rewritten = self.rewritten(actual);
        let canonical = self.canonical(&rewritten);
        let mut best: Vec<(T, Mismatch)> = Vec::new();
        for (label, request) in recorded {
            let limit =
                best.get(most.saturating_sub(1)).map_or(u32::MAX, |(_, mismatch)| mismatch.distance());
            let other = self.rewritten(request);
            let (head, options) = self.head(&other);
            let mut mismatch = compare::heads(&canonical.head, &head);
            if mismatch.distance() >= limit {
                continue;
            }
            compare::bodies(
                &canonical.body,
                &CanonicalBody::new(&options, head.is_graphql(), &other),
                &mut |found| mismatch.add(found),
            );
            if mismatch.is_match()
                && let Some(custom) = self.refusing(actual, request)
            {
                mismatch.add(custom.refusal());
            }
            let distance = mismatch.distance();
            let at = best.partition_point(|(_, other)| other.distance() <= distance);
            best.insert(at, (label, mismatch));
            best.truncate(most);
        }
        best
    }

    /// Returns the first matcher that does not accept the recording for this request.
    fn refusing(&self, actual: &Request, recorded: &Request) -> Option<&Custom> {
        if !self.has_matchers() {
            return None;
        }
        let options = self.in_force(&Target::new(&actual.uri));
        options.custom().find(|custom| !custom.matcher.matches(actual, recorded))
    }

    /// Returns the request after [`Matcher::canonical`](super::Matcher::canonical) of each matcher has rewritten it.
    fn rewritten<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
        let mut rewritten = Cow::Borrowed(request);
        if self.has_matchers() {
            let options = self.in_force(&Target::new(&request.uri));
            for custom in options.custom() {
                rewritten = match rewritten {
                    Cow::Borrowed(request) => custom.matcher.canonical(request),
                    Cow::Owned(request) => Cow::Owned(custom.matcher.canonical(&request).into_owned()),
                };
            }
        }
        rewritten
    }

    fn canonical<'a>(&self, request: &'a Request) -> CanonicalRequest<'a> {
        let (head, options) = self.head(request);
        let body = CanonicalBody::new(&options, head.is_graphql(), request);
        CanonicalRequest { head, body }
    }

    /// Returns the canonical head of a request, and the options that are in force for the request.
    fn head<'a>(&self, request: &'a Request) -> (CanonicalHead<'a>, InForce<'_>) {
        let target = Target::new(&request.uri);
        let options = self.in_force(&target);
        (CanonicalHead::new(target, &options, request), options)
    }
}
