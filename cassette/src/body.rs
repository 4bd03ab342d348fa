//! The type of body that all parts of the crate use. A body is a stream and holds at most one chunk.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

use crate::poison::unpoisoned;

/// The error of a body that ends before it is complete.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The body of a request or a response, as a stream of bytes.
///
/// [`Session::layer`](crate::Session::layer) takes and returns bodies of this type. Use [`new`](Self::new) to wrap the
/// body of another framework, or `From` for bytes in memory. Chunks are passed on without a copy.
///
/// ```
/// use cassette::Body;
/// use http_body::Body as _;
///
/// assert!(Body::empty().is_end_stream());
/// assert_eq!(Body::from("hello").size_hint().exact(), Some(5));
/// ```
pub struct Body(
    // The bodies of some frameworks are not `Sync`, but reqwest requires `Sync`, and the lock makes this type `Sync`.
    // Only the two methods that take `&self` lock it. The method that reads the body takes `&mut self`, so it needs no
    // lock.
    Mutex<UnsyncBoxBody<Bytes, BoxError>>,
);

impl Body {
    /// Wraps another body.
    pub fn new<B>(body: B) -> Body
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Body(Mutex::new(body.map_err(Into::into).boxed_unsync()))
    }

    /// A body without bytes.
    pub fn empty() -> Body {
        Body::new(http_body_util::Empty::new())
    }

    fn inner(&self) -> MutexGuard<'_, UnsyncBoxBody<Bytes, BoxError>> {
        unpoisoned(self.0.lock())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(unpoisoned(self.0.get_mut())).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner().size_hint()
    }
}

/// Makes a body from bytes in memory.
impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Body {
        Body::new(http_body_util::Full::new(bytes.into()))
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::empty()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}
