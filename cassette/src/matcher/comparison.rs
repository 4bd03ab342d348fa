//! Applies the options of matching to requests: computes their keys, and compares two of them.
//!
//! Keys and comparisons read the same canonical form, so they cannot disagree. Must not know: files, which recordings
//! are used up.

use std::borrow::Cow;

use super::body::CanonicalBody;
use super::canonical::{self, CanonicalHead, CanonicalRequest};
use super::compare;
use super::custom::Custom;
use super::key::{self, Key};
use super::matching::Matching;
use super::mismatch::Mismatch;
use super::options::InForce;
use super::sketch::Sketch;
use super::uri::Target;
use crate::tape::Request;

impl Matching {
    /// The key of a request, which all equal requests share. The time is proportional to the size of the request.
    pub(crate) fn key(&self, request: &Request) -> Key {
        key::of(&self.canonical(&self.rewritten(request)))
    }

    /// The differences between two requests. They are empty exactly if the keys are equal and every
    /// [`Matcher`](super::Matcher) agrees. Matchers are asked only if nothing else differs.
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

    /// Whether nothing of this request's body is compared.
    pub(crate) fn ignores_whole_body(&self, request: &Request) -> bool {
        self.canonical(&self.rewritten(request)).body.is_empty()
    }

    /// The key of a request, and its sketch, which finds similar recordings if nothing matches.
    pub(crate) fn key_and_sketch(&self, request: &Request) -> (Key, Sketch) {
        let request = self.rewritten(request);
        let canonical = self.canonical(&request);
        (key::of(&canonical), Sketch::of(&canonical))
    }

    /// The headers of a request that matching neither compares nor was told to ignore, each as one value. They decide
    /// among recordings with the same key.
    pub(crate) fn other_headers<'r>(&self, request: &'r Request) -> Vec<(&'r str, Cow<'r, [u8]>)> {
        canonical::other_headers(&self.in_force_at(&request.uri), request)
    }

    /// Whether the matchers agree, for two requests with the same key.
    pub(crate) fn agree(&self, actual: &Request, recorded: &Request) -> bool {
        self.refusing(actual, recorded).is_none()
    }

    /// The recordings with the smallest [`Mismatch::distance`] to `actual`, at most `most` of them, the nearest first.
    /// Among recordings with the same distance, the order of `recorded` decides. Each comes with its label from
    /// `recorded` and its differences.
    ///
    /// A body is compared only if the rest of the request does not rule the recording out.
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

    /// The first matcher for which the recording does not answer the request.
    fn refusing(&self, actual: &Request, recorded: &Request) -> Option<&Custom> {
        if !self.has_matchers() {
            return None;
        }
        let options = self.in_force(&Target::new(&actual.uri));
        options.custom().find(|custom| !custom.matcher.matches(actual, recorded))
    }

    /// The request after the matchers have rewritten it.
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

    /// The canonical head of a request, and the options in force for it.
    fn head<'a>(&self, request: &'a Request) -> (CanonicalHead<'a>, InForce<'_>) {
        let target = Target::new(&request.uri);
        let options = self.in_force(&target);
        (CanonicalHead::new(target, &options, request), options)
    }
}
