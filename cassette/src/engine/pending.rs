//! What the engine has decided about a request: who gives the answer, and what the engine does with the real server's
//! answer.
//!
//! Must not know: how the engine decided.

use std::pin::Pin;

use super::answer::{AnswerFuture, Answered, no_connection, refusal};
use super::verify::Verifying;
use crate::body::Body;
use crate::recorder::{Exchange, Objected, Waiting};
use crate::report::{Problem, TestSite};
use crate::tape::TransportError;

/// What the engine does with a request: it sends the request to the real server, or gives the answer itself.
#[expect(clippy::large_enum_variant, reason = "it is moved once, on its way to the server")]
pub(crate) enum Begun {
    /// The transport sends the request to the real server, and gives the answer to [`Pending`].
    Live(http::Request<Body>, Pending),
    /// The engine gives the answer itself.
    Here(AnswerFuture),
    /// The engine must read the request's body to decide between [`Live`](Self::Live) and [`Here`](Self::Here).
    Later(Pin<Box<dyn Future<Output = Begun> + Send>>),
}

/// A [`Begun`] after the engine has decided: [`Begun::Later`] is not possible any more.
#[expect(clippy::large_enum_variant, reason = "as for `Begun`")]
pub(crate) enum Settled {
    Live(http::Request<Body>, Pending),
    Here(AnswerFuture),
}

/// Receives the real server's answer. If the client gives up, it drops this value before the answer comes.
pub(crate) struct Pending(Awaits);

enum Awaits {
    Nothing,
    Recording(Recording),
    Verifying(Box<Verifying>),
}

/// What is necessary to record the answer of the real server.
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

    /// Waits for the decision. The engine reads the request's body meanwhile, if the decision depends on the body.
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

    /// The engine will record the answer of the real server.
    pub(super) fn recording(site: TestSite, exchange: Exchange) -> Pending {
        let waiting = exchange.waiting();
        Pending(Awaits::Recording(Recording { site, exchange, waiting }))
    }

    pub(super) fn verifying(verifying: Verifying) -> Pending {
        Pending(Awaits::Verifying(Box::new(verifying)))
    }

    /// Takes the server's response, and returns the response that the client gets.
    pub(crate) async fn answered(self, response: http::Response<Body>) -> Answered {
        match self.0 {
            Awaits::Nothing => Ok(response),
            Awaits::Recording(Recording { site, exchange, waiting }) => {
                waiting.over();
                let (head, body) = response.into_parts();
                let (head, body) = match exchange.before_read(head, body) {
                    Ok(read) => read,
                    Err(objection) => {
                        let given_up =
                            || no_connection("the recording ended before this response arrived".into());
                        return objected(&site, &exchange.object(objection).ok_or_else(given_up)?);
                    }
                };
                let body = exchange.tee_response(&head, body);
                Ok(http::Response::from_parts(head, body))
            }
            Awaits::Verifying(verifying) => verifying.answered(response).await,
        }
    }

    /// Returns a refusal for the client if the recorder has objected to the request while it read the request's body.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn refused(&self) -> Option<Answered> {
        match &self.0 {
            Awaits::Recording(Recording { site, exchange, .. }) => Some(objected(site, exchange.objected()?)),
            Awaits::Nothing | Awaits::Verifying(_) => None,
        }
    }

    /// Takes the failure of a request. Returns the answer that the client gets in place of the failure, if there is
    /// one.
    pub(crate) async fn failed(self, error: &TransportError) -> Option<Answered> {
        match self.0 {
            Awaits::Nothing => None,
            Awaits::Recording(Recording { site, exchange, waiting }) => {
                // The client gets the failure only after it has sent its whole request. With an earlier failure it
                // would stop sending, and the recording would lack the rest of the request.
                exchange.request_over().await;
                waiting.over();
                exchange.fail(error);
                exchange.objected().map(|reason| objected(&site, reason))
            }
            Awaits::Verifying(verifying) => Some(verifying.failed(error)),
        }
    }
}

/// Makes the refusal for a client whose request or answer the recorder objects to. The recorder has already noted the
/// reason.
pub(super) fn objected(site: &TestSite, objected: &Objected) -> Answered {
    Ok(refusal(site, Problem::Other(objected.into())))
}
