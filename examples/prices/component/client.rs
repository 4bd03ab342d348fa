//! The client of the API: access tokens, headers, retries, and error messages without secrets.

use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::config::Config;
use super::error::{Error, Result};

/// The largest number of times that the client sends the same request.
const ATTEMPTS: u32 = 5;
/// The longest time that the client waits, even if `Retry-After` asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// The client renews a token this long before it expires.
const MARGIN: Duration = Duration::from_secs(60);

pub(super) struct Api<'a> {
    http: &'a Client,
    config: &'a Config,
    token: Option<Token>,
    pub(super) requests: u32,
    pub(super) retries: u32,
}

struct Token {
    value: String,
    ends: SystemTime,
}

impl<'a> Api<'a> {
    pub(super) fn new(http: &'a Client, config: &'a Config) -> Self {
        Self { http, config, token: None, requests: 0, retries: 0 }
    }

    /// Sends `GET path?query`, and parses the JSON response.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        let request = format!("GET {path}");
        let answer = self.open(path, query).await?;
        self.json(&request, answer).await
    }

    /// Sends `POST path` with a JSON body, and parses the JSON response.
    pub(super) async fn post<T: DeserializeOwned>(&mut self, path: &str, body: &impl Serialize) -> Result<T> {
        let request = format!("POST {path}");
        let builder = self.http.post(self.url(path)).json(body);
        let answer = self.send_authorized(&request, builder).await?;
        self.json(&request, answer).await
    }

    /// Sends `GET path?query`. The caller reads the response body.
    pub(super) async fn open(&mut self, path: &str, query: &[(&str, &str)]) -> Result<Response> {
        let builder = self.http.get(self.url(path)).query(query);
        self.send_authorized(&format!("GET {path}"), builder).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.base_url)
    }

    async fn json<T: DeserializeOwned>(&self, request: &str, answer: Response) -> Result<T> {
        let body = answer.bytes().await.map_err(no_answer(request))?;
        serde_json::from_slice(&body).map_err(|error| Error::Unexpected {
            request: request.to_owned(),
            reason: self.mask(&error.to_string()),
        })
    }

    async fn send_authorized(&mut self, request: &str, builder: RequestBuilder) -> Result<Response> {
        if self.token.as_ref().is_none_or(|token| token.ends <= SystemTime::now() + MARGIN) {
            self.token = Some(self.exchange().await?);
        }
        let token = self.token.as_ref().map(|token| token.value.clone()).unwrap_or_default();
        let builder = builder.bearer_auth(token).header("x-api-key", self.config.api_key.expose());
        self.send(request, builder).await
    }

    /// Exchanges the client's credentials for an access token (RFC 6749 section 4.4).
    async fn exchange(&mut self) -> Result<Token> {
        #[derive(serde::Deserialize)]
        struct Answer {
            access_token: String,
            token_type: String,
            expires_in: u64,
        }
        let request = "POST /oauth/token";
        let builder = self.http.post(self.url("/oauth/token")).form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.config.client_id),
            ("client_secret", self.config.client_secret.expose()),
        ]);
        let answer = self.send(request, builder).await?;
        let body = answer.bytes().await.map_err(no_answer(request))?;
        // The parser's message is not shown: it may quote the token, which `mask` does not know yet.
        match serde_json::from_slice::<Answer>(&body) {
            Ok(answer) if answer.token_type.eq_ignore_ascii_case("bearer") => Ok(Token {
                value: answer.access_token,
                ends: SystemTime::now() + Duration::from_secs(answer.expires_in),
            }),
            _ => Err(Error::Unexpected {
                request: request.to_owned(),
                reason: "it is not a bearer token".to_owned(),
            }),
        }
    }

    /// Sends a request. If the API responds with 429 or 503, waits and sends it again.
    async fn send(&mut self, request: &str, builder: RequestBuilder) -> Result<Response> {
        // Without this header, reqwest offers whatever features any package of the build turns on.
        let builder = builder.header(ACCEPT_ENCODING, "gzip");
        let mut attempt = 1;
        loop {
            let again = builder.try_clone().expect("the bodies of this component are never streams");
            self.requests += 1;
            let answer = again.send().await.map_err(no_answer(request))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let retry = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            if !retry || attempt == ATTEMPTS {
                return Err(self.refused(request, answer).await);
            }
            attempt += 1;
            self.retries += 1;
            tokio::time::sleep(wait(answer.headers(), SystemTime::now())).await;
        }
    }

    async fn refused(&self, request: &str, answer: Response) -> Error {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Reason {
            OAuth { error_description: String },
            Api { error: ApiError },
        }
        #[derive(serde::Deserialize)]
        struct ApiError {
            message: String,
        }
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap_or_default();
        let message = match serde_json::from_slice(&body) {
            Ok(Reason::OAuth { error_description }) => error_description,
            Ok(Reason::Api { error }) => error.message,
            Err(_) => "no reason given".to_owned(),
        };
        // `mask` runs before the text is shortened, because it would not find a secret that was cut.
        let message = self.mask(&message).chars().take(200).collect();
        Error::Refused { request: request.to_owned(), status, message }
    }

    /// Returns `text` without the secrets of this run.
    fn mask(&self, text: &str) -> String {
        let token = self.token.as_ref().map_or("", |token| &token.value);
        [self.config.api_key.expose(), self.config.client_secret.expose(), token]
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

pub(super) fn no_answer(request: &str) -> impl FnOnce(reqwest::Error) -> Error {
    move |source| Error::NoAnswer { request: request.to_owned(), source: source.without_url() }
}

/// How long to wait before the next attempt. `Retry-After` is a number of seconds or a date (RFC 9110 section 10.2.3).
/// Without a valid `Retry-After`, the client waits for one second.
fn wait(headers: &HeaderMap, now: SystemTime) -> Duration {
    let text = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let wait = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else if let Ok(date) = httpdate::parse_http_date(text) {
        date.duration_since(now).unwrap_or_default()
    } else {
        Duration::from_secs(1)
    };
    wait.min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(retry_after: Option<&str>, seconds: u64) {
        let now = httpdate::parse_http_date("Sun, 01 Mar 2026 12:00:00 GMT").unwrap();
        let headers = retry_after.map(|value| (RETRY_AFTER, value.parse().unwrap())).into_iter().collect();
        assert_eq!(wait(&headers, now), Duration::from_secs(seconds), "{retry_after:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check(Some("0"), 0);
        check(Some(" 7 "), 7);
        check(Some("86400"), 120);
        check(Some("Sun, 01 Mar 2026 12:00:30 GMT"), 30);
        check(Some("Sun, 01 Mar 2026 11:59:59 GMT"), 0);
        check(Some("soon"), 1);
        check(Some("-1"), 1);
        check(None, 1);
    }

    #[test]
    fn messages_contain_no_secret() {
        let config = r##"{"parameters": {"base_url": "http://x", "#api_key": "key-1", "client_id": "me",
            "#client_secret": "", "markets": [], "tables": []}}"##;
        let config = Config::parse(config).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::new();
        let mut api = Api::new(&http, &config);
        assert_eq!(api.mask("key-1 and key-2, key-1"), "*** and key-2, ***");
        api.token = Some(Token { value: "key-2".into(), ends: SystemTime::UNIX_EPOCH });
        assert_eq!(api.mask("key-1 and key-2, key-1"), "*** and ***, ***");
    }
}
