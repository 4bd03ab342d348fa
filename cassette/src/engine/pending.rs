//! A request that the engine has taken: where its answer comes from, and what is done with the answer.
//!
//! Must not know: how the engine decided.

use std::pin::Pin;

use super::answer::{AnswerFuture, Answered, no_connection, refusal};
use super::verify::Verifying;
use crate::body::Body;
use crate::recorder::{Exchange, Objected, Waiting};
use crate::report::{Problem, TestSite};
use crate::tape::TransportError;

/// A request that the engine has taken.
#[expect(clippy::large_enum_variant, reason = "it is moved once, on its way to the server")]
pub(crate) enum Begun {
    /// It goes to the real server; what comes back is the [`Pending`]'s.
    Live(http::Request<Body>, Pending),
    /// The answer is known here.
    Here(AnswerFuture),
    /// Which of the two, depends on its body.
    Later(Pin<Box<dyn Future<Output = Begun> + Send>>),
}

/// A [`Begun`] of which it is known where the answer comes from.
#[expect(clippy::large_enum_variant, reason = "as for `Begun`")]
pub(crate) enum Settled {
    Live(http::Request<Body>, Pending),
    Here(AnswerFuture),
}

/// What waits for the real server's answer. Dropped before that, the client has given up.
pub(crate) struct Pending(Awaits);

enum Awaits {
    Nothing,
    Recording(Recording),
    Verifying(Box<Verifying>),
}

/// A live answer that goes on the tape.
struct Recording {
    site: TestSite,
    exchange: Exchange,
    waiting: Waiting,
}

impl Begun {
    pub(super) fn over(error: TransportError) -> Begun {
        Begun::answered(Err(error))
    }

    pub(super) fn answered(answer: Answered) -> Begun {
        Begun::Here(Box::pin(std::future::ready(answer)))
    }

    /// Reads as much of the request as it takes to know where the answer comes from.
    pub(crate) async fn settled(self) -> Settled {
        let mut begun = self;
        loop {
            match begun {
                Begun::Live(request, pending) => return Settled::Live(request, pending),
                Begun::Here(answer) => return Settled::Here(answer),
                Begun::Later(later) => begun = later.await,
            }
        }
    }
}

impl Pending {
    pub(super) const NOTHING: Pending = Pending(Awaits::Nothing);

    /// The answer goes on the tape.
    pub(super) fn recording(site: TestSite, exchange: Exchange) -> Pending {
        let waiting = exchange.waiting();
        Pending(Awaits::Recording(Recording { site, exchange, waiting }))
    }

    pub(super) fn verifying(verifying: Verifying) -> Pending {
        Pending(Awaits::Verifying(Box::new(verifying)))
    }

    /// The server answered: the response for the client.
    pub(crate) async fn answered(self, response: http::Response<Body>) -> Answered {
        match self.0 {
            Awaits::Nothing => Ok(response),
            Awaits::Recording(Recording { site, exchange, waiting }) => {
                waiting.over();
                let (head, body) = response.into_parts();
                let (head, body) = match exchange.before_read(head, body) {
                    Ok(read) => read,
                    Err(objection) => {
                        let given_up = || no_connection("the recording ended before this answer came".into());
                        return objected(&site, &exchange.object(objection).ok_or_else(given_up)?);
                    }
                };
                let body = exchange.tee_response(&head, body);
                Ok(http::Response::from_parts(head, body))
            }
            Awaits::Verifying(verifying) => verifying.answered(response).await,
        }
    }

    /// What the client gets instead of an answer, where the request, which has been read, must not be sent.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn refused(&self) -> Option<Answered> {
        match &self.0 {
            Awaits::Recording(Recording { site, exchange, .. }) => Some(objected(site, exchange.objected()?)),
            Awaits::Nothing | Awaits::Verifying(_) => None,
        }
    }

    /// There is no answer, but this failure; the client gets it unless there is something else for it.
    pub(crate) async fn failed(self, error: &TransportError) -> Option<Answered> {
        match self.0 {
            Awaits::Nothing => None,
            Awaits::Recording(Recording { site, exchange, waiting }) => {
                // The client would stop sending when it hears of the failure.
                exchange.request_over().await;
                waiting.over();
                exchange.fail(error);
                exchange.objected().map(|reason| objected(&site, reason))
            }
            Awaits::Verifying(verifying) => Some(verifying.failed(error)),
        }
    }
}

/// What the client gets where the recorder objects. The recorder has told why.
pub(super) fn objected(site: &TestSite, objected: &Objected) -> Answered {
    Ok(refusal(site, Problem::Other(objected.into())))
}
