//! Access control: credentials, access tokens, and a rate limit. The limit rejects the first search with each access
//! token with status 429.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};

use super::reply::{self, Reply};
use super::rng::Rng;

/// Number of requests allowed for an access token. The `RateLimit` headers report it; the server does not enforce it.
pub(super) const LIMIT: u64 = 600;

/// The credentials that a client needs.
#[derive(Clone)]
pub struct Credentials {
    /// Secret, sent in the header `X-Api-Key`.
    pub api_key: String,
    /// Sent to `POST /oauth/token`. Not secret, and the same in every process.
    pub client_id: String,
    /// Secret, sent to `POST /oauth/token`.
    pub client_secret: String,
}

impl Credentials {
    /// The secrets, with their names in `definitions.json`.
    pub fn named(&self) -> [(&'static str, &str); 2] {
        [("API_KEY", &self.api_key), ("CLIENT_SECRET", &self.client_secret)]
    }

    fn random() -> Self {
        // The standard library's hasher has random keys. They are random enough here, because these credentials protect
        // nothing, and they need no further dependency.
        let chance = || RandomState::new().hash_one("credentials");
        let mut rng = Rng::of(&[chance(), chance()]);
        Self {
            api_key: format!("pak_{}", rng.text(32)),
            client_id: "prices-extractor".to_owned(),
            // The value contains characters that are written in different ways in URLs, forms and JSON, so that the
            // tests try every encoding.
            client_secret: format!("{}+{}/\"{}~", rng.text(12), rng.text(20), rng.text(8)),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

pub(super) struct Access {
    pub(super) credentials: Credentials,
    seed: u64,
    issued: Mutex<BTreeMap<String, Client>>,
}

/// What the server knows about an access token.
struct Client {
    session: String,
    requests: u64,
    rejected: Option<Instant>,
}

/// A request with valid credentials: its token, its session, and how many requests are left for the token.
pub(super) struct Visit {
    pub(super) token: String,
    pub(super) session: String,
    pub(super) remaining: u64,
}

impl Access {
    pub(super) fn new(seed: u64) -> Self {
        Self { credentials: Credentials::random(), seed, issued: Mutex::default() }
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<_> =
            self.credentials.named().iter().map(|&(_, value)| value.to_owned()).collect();
        for (token, client) in self.issued().iter() {
            secrets.extend([token.clone(), client.session.clone()]);
        }
        secrets
    }

    /// Issues the next access token. Servers with the same seed issue the same tokens in the same order.
    pub(super) fn issue(&self) -> String {
        let mut issued = self.issued();
        let mut rng = Rng::of(&[self.seed, u64::from_be_bytes(*b"token   "), issued.len() as u64]);
        let token = format!("{}.{}.{}", rng.text(20), rng.text(43), rng.text(27));
        issued.insert(token.clone(), Client { session: rng.text(32), requests: 0, rejected: None });
        token
    }

    /// Checks the two headers that every request for data must have.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<Visit, Reply> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let unauthorized = |code, message: &str| reply::refusal(StatusCode::UNAUTHORIZED, code, message);
        match header("x-api-key") {
            Some(key) if key == self.credentials.api_key => {}
            // The error message repeats the key, as some real APIs do.
            Some(key) => {
                return Err(unauthorized("invalid_api_key", &format!("the API key {key} is not known")));
            }
            None => return Err(unauthorized("missing_api_key", "the header X-Api-Key is missing")),
        }
        let token =
            header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let mut issued = self.issued();
        let Some(client) = issued.get_mut(token) else {
            let reply = unauthorized("invalid_token", "the access token is missing or not known");
            return Err(reply.header("www-authenticate", r#"Bearer realm="prices", error="invalid_token""#));
        };
        client.requests += 1;
        let remaining = LIMIT.saturating_sub(client.requests);
        Ok(Visit { token: token.to_owned(), session: client.session.clone(), remaining })
    }

    /// Rejects the first request with a token, and every later one until `retry_after` has passed since the first.
    pub(super) fn limit(&self, visit: &Visit, retry_after: Duration) -> Result<(), Reply> {
        let mut issued = self.issued();
        let first = issued.get_mut(&visit.token).and_then(|client| {
            let before = client.rejected;
            client.rejected.get_or_insert_with(Instant::now);
            before
        });
        match first {
            Some(first) if first.elapsed() >= retry_after => Ok(()),
            _ => Err(reply::refusal(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "too many searches at once",
            )
            .header("retry-after", &retry_after.as_secs().to_string())),
        }
    }

    fn issued(&self) -> MutexGuard<'_, BTreeMap<String, Client>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
