//! The endpoints of the API.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use super::access::{Access, LIMIT, Visit};
use super::data::{Day, Product, Quote, World};
use super::export::Export;
use super::query::{Pairs, bad, check_days, cursor, date, market, number, pairs, place};
use super::reply::{self, Body, Reply};
use super::rng::Rng;
use super::{HOST, Options};

/// The largest size of a request body, in bytes.
const MAX_BODY: usize = 64 * 1024;

pub(super) struct Routes {
    pub(super) access: Access,
    options: Options,
    world: Arc<World>,
    requests: AtomicU64,
    rejections: AtomicU64,
}

impl Routes {
    pub(super) fn new(options: Options) -> Self {
        let world = Arc::new(World { seed: options.seed });
        let access = Access::new(options.seed);
        Self { access, options, world, requests: AtomicU64::new(0), rejections: AtomicU64::new(0) }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn rejections(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let reply = match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => self.route(&head, &body.to_bytes()).unwrap_or_else(|refusal| refusal),
            Err(_) => {
                reply::refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the request body is too large")
            }
        };
        if reply.status() == StatusCode::TOO_MANY_REQUESTS {
            self.rejections.fetch_add(1, Ordering::Relaxed);
        }
        let id = Rng::of(&[self.options.seed, u64::from_be_bytes(*b"request "), number]).text(20);
        reply
            .header("server", "prices-api/2.4.1")
            .header("x-request-id", &format!("req_{id}"))
            .into_response()
    }

    fn route(&self, head: &Parts, body: &[u8]) -> Result<Reply, Reply> {
        let path = head.uri.path();
        if (&head.method, path) == (&Method::POST, "/oauth/token") {
            return self.token(body);
        }
        let visit = self.access.admit(&head.headers)?;
        let query = pairs(head.uri.query().unwrap_or_default());
        let reply = match (&head.method, path) {
            (&Method::GET, "/v1/products") => self.products(head, &query),
            (&Method::POST, "/v1/quotes/search") => self.quotes(&visit, body),
            (&Method::GET, "/v1/exports/daily.csv") => self.export(&query),
            (&Method::GET, _) if path.starts_with("/v1/history/") => {
                self.history(head, &path["/v1/history/".len()..], &query)
            }
            _ => Err(reply::refusal(StatusCode::NOT_FOUND, "not_found", "there is no such resource")),
        };
        let add_headers = |reply: Reply| {
            let session = &visit.session;
            reply
                .header("set-cookie", &format!("session={session}; Path=/; Secure; HttpOnly; SameSite=Lax"))
                .header("ratelimit-limit", &LIMIT.to_string())
                .header("ratelimit-remaining", &visit.remaining.to_string())
                .header("ratelimit-reset", "60")
        };
        reply.map(add_headers).map_err(add_headers)
    }

    /// Issues a token. Tokens do not expire, because the client's clock may be frozen.
    fn token(&self, body: &[u8]) -> Result<Reply, Reply> {
        #[derive(Serialize)]
        struct Token {
            access_token: String,
            token_type: &'static str,
            expires_in: u64,
            scope: &'static str,
        }
        let form = pairs(&String::from_utf8_lossy(body));
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        if field("grant_type") != "client_credentials" {
            let status = StatusCode::BAD_REQUEST;
            return Err(reply::oauth_refusal(status, "unsupported_grant_type", "use client_credentials"));
        }
        let known = &self.access.credentials;
        if field("client_id") != known.client_id || field("client_secret") != known.client_secret {
            let status = StatusCode::UNAUTHORIZED;
            return Err(reply::oauth_refusal(
                status,
                "invalid_client",
                "the client is not known or its secret is wrong",
            ));
        }
        let access_token = self.access.issue();
        let token = Token { access_token, token_type: "Bearer", expires_in: 3600, scope: "prices.read" };
        Ok(reply::json(&token).header("cache-control", "no-store"))
    }

    fn products(&self, head: &Parts, query: &Pairs) -> Result<Reply, Reply> {
        #[derive(Serialize)]
        struct Page<'a> {
            data: &'a [Product],
            paging: Paging<'a>,
        }
        #[derive(Serialize)]
        struct Paging<'a> {
            total: usize,
            next_cursor: Option<&'a str>,
        }
        let market = market(query.get("market"))?;
        let as_of = date(query, "as_of")?;
        let since = query.contains_key("changed_since").then(|| date(query, "changed_since")).transpose()?;
        let limit = number(query.get("limit"), "limit")?;
        let scope = format!("{} {since:?}", market.code);
        let start = match query.get("cursor") {
            Some(cursor) => place(cursor, &scope)
                .ok_or_else(|| bad("invalid_cursor", "the cursor is not one of this list"))?,
            None => 0,
        };

        let found = self.world.products(market, since, as_of);
        let start = start.min(found.len());
        let end = found.len().min(start + limit);
        let cursor = (end < found.len()).then(|| cursor(end, &scope));
        let paging = Paging { total: found.len(), next_cursor: cursor.as_deref() };
        let mut reply = self.data(&Page { data: &found[start..end], paging });
        if let Some(cursor) = &cursor {
            let host = head.uri.host().or_else(|| head.headers.get("host")?.to_str().ok()).unwrap_or(HOST);
            let since = since.map(|since| format!("&changed_since={since}")).unwrap_or_default();
            let query = format!("market={}&limit={limit}&as_of={as_of}{since}&cursor={cursor}", market.code);
            reply = reply.header("link", &format!("<https://{host}/v1/products?{query}>; rel=\"next\""));
        }
        Ok(reply)
    }

    fn quotes(&self, visit: &Visit, body: &[u8]) -> Result<Reply, Reply> {
        #[derive(Deserialize)]
        struct Search {
            market: String,
            from: NaiveDate,
            to: NaiveDate,
            page: u64,
            page_size: u64,
        }
        #[derive(Serialize)]
        struct Found {
            quotes: Vec<Quote>,
            page: u64,
            pages: u64,
            total: u64,
        }
        self.access.limit(visit, Duration::from_secs(self.options.retry_after_seconds))?;
        let search: Search =
            serde_json::from_slice(body).map_err(|error| bad("invalid_search", &error.to_string()))?;
        let Search { from, to, page, page_size, .. } = search;
        let market = market(Some(&search.market))?;
        check_days(from, to)?;
        if page == 0 || !(1..=500).contains(&page_size) {
            return Err(bad("invalid_page", "`page` begins at 1, `page_size` is 1 to 500"));
        }
        let total = World::quotes(market, from, to);
        let start = (page - 1).saturating_mul(page_size).min(total);
        let quotes = (start..total.min(start + page_size))
            .filter_map(|index| self.world.quote(market, from, to, index))
            .collect();
        Ok(self.data(&Found { quotes, page, pages: total.div_ceil(page_size), total }))
    }

    fn history(&self, head: &Parts, code: &str, query: &Pairs) -> Result<Reply, Reply> {
        #[derive(Serialize)]
        struct History {
            market: &'static str,
            currency: &'static str,
            days: Vec<Day>,
        }
        let market = market(Some(&code.to_owned()))?;
        let (from, to) = (date(query, "from")?, date(query, "to")?);
        check_days(from, to)?;
        let days = self.world.history(market, from, to);
        let body =
            self.renamed(reply::to_json(&History { market: market.code, currency: market.currency, days }));
        let etag = reply::etag(&body);
        let reply = if accepts_gzip(head) {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(&body).and_then(|()| gzip.finish()).map_or_else(
                |_| reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal", "compression failed"),
                |body| reply::bytes(StatusCode::OK, body).header("content-encoding", "gzip"),
            )
        } else {
            reply::bytes(StatusCode::OK, body)
        };
        Ok(reply.header("etag", &etag).header("vary", "accept-encoding"))
    }

    fn export(&self, query: &Pairs) -> Result<Reply, Reply> {
        let date = date(query, "date")?;
        let export = Export::new(Arc::clone(&self.world), date, self.options.export_rows);
        let reply = Reply::new(StatusCode::OK, "text/csv; charset=utf-8", Either::Right(export));
        Ok(reply
            .header("etag", &format!("W/\"{:x}-{date}\"", self.options.seed))
            .header("content-disposition", &format!("attachment; filename=\"daily-{date}.csv\"")))
    }

    fn data(&self, value: &impl Serialize) -> Reply {
        let body = self.renamed(reply::to_json(value));
        let etag = reply::etag(&body);
        reply::bytes(StatusCode::OK, body).header("etag", &etag)
    }

    fn renamed(&self, json: Vec<u8>) -> Vec<u8> {
        match &self.options.rename_field {
            Some((from, to)) => String::from_utf8_lossy(&json)
                .replace(&format!("\"{from}\":"), &format!("\"{to}\":"))
                .into_bytes(),
            None => json,
        }
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").field("options", &self.options).finish_non_exhaustive()
    }
}

fn accepts_gzip(head: &Parts) -> bool {
    let accepted = head.headers.get_all("accept-encoding").iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| coding.trim() == "gzip")
}
