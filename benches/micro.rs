//! Measures single operations of a session: opening a cassette, finding a recording, computing a canonical key,
//! appending to the journal, formatting JSON. Compares each with a simpler operation, the baseline, measured in the
//! same run.
//!
//! Run it with `cargo bench -p cassette-benches --bench micro`. The option `-- --quick` measures only small cassettes.

#![expect(clippy::print_stdout, reason = "the program prints a table")]

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use cassette::__support::{Files, Journal, JournalOptions, key, style};
use cassette::matcher::Matching;
use cassette::tape::{Body, Cassette, Interaction, Outcome, Request, Response};
use cassette::{Config, Mode, Session, TestError, Unused};
use cassette_benches::{Result, data};
use http_body_util::BodyExt as _;
use tower_layer::Layer as _;
use tower_service::Service as _;

fn main() -> Result<()> {
    let quick = cfg!(debug_assertions) || std::env::args().any(|a| a == "--quick");
    println!("| | time | baseline | ratio |\n|---|---|---|---|");
    for n in if quick { vec![1_000] } else { vec![1_000, 100_000, 1_000_000] } {
        cassettes(n, false)?;
    }
    cassettes(if quick { 1_000 } else { 100_000 }, true)?;
    keys();
    append()?;
    proving(1)?;
    proving(1_000)?;
    formatting()
}

fn row(what: &str, time: Duration, baseline: &str, base: Duration) {
    let show = |t: Duration| match t.as_nanos() {
        0..10_000 => format!("{} ns", t.as_nanos()),
        10_000..10_000_000 => format!("{:.1} µs", t.as_secs_f64() * 1e6),
        _ => format!("{:.1} ms", t.as_secs_f64() * 1e3),
    };
    let ratio = time.as_secs_f64() / base.as_secs_f64();
    println!("| {what} | {} | {baseline}, {} | {ratio:.1} |", show(time), show(base));
}

/// Runs `work` several times. Returns the shortest time.
fn best<T>(rounds: u32, mut work: impl FnMut() -> Result<T>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        black_box(work()?);
        best = best.min(start.elapsed());
    }
    Ok(best)
}

/// Calls `work` many times in each of several rounds. Returns the average time of a call in the fastest round.
fn each<T>(mut work: impl FnMut(u32) -> T) -> Duration {
    const CALLS: u32 = 2_000;
    let round = || {
        let start = Instant::now();
        for n in 0..CALLS {
            black_box(work(n));
        }
        start.elapsed() / CALLS
    };
    std::iter::repeat_with(round).take(7).min().unwrap_or_default()
}

fn url(one_url: bool, n: u32) -> String {
    if one_url { "http://api.bench.test/next".into() } else { format!("http://api.bench.test/items/{n}") }
}

fn get(uri: String) -> Request {
    Request { method: http::Method::GET, uri, headers: Default::default(), body: Body::default() }
}

/// Measures a cassette of `n` small interactions. If `one_url` is true, all of them have the same URL; otherwise each
/// has another URL.
fn cassettes(n: u32, one_url: bool) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let files = Files::new(dir.path().join("tests/cassettes"), &"many".parse()?);
    write(&files, n, one_url)?;
    let (rounds, which) = (if n > 100_000 { 3 } else { 9 }, if one_url { ", all to one URL" } else { "" });
    let read = best(rounds, || Ok(std::fs::read(files.document())?.len()))?;
    let open = best(rounds, || Ok(Cassette::open(files.document())?.len()))?;
    row(&format!("open, {n} interactions{which}"), open, "reading the file", read);
    let begin = best(rounds, || replay(dir.path(), async |_| Ok(())))?;
    row(&format!("begin and end a session with it{which}"), begin, "reading the file", read);

    // The baseline of an exchange has the same steps, but no lookup: it computes the request's key, and reads the
    // recording from the file.
    let cassette = Cassette::open(files.document())?;
    let asked = n.min(1_000);
    let parts = each(|n| {
        let key = key(&Matching::default(), &get(url(one_url, n % asked)));
        (key, cassette.interaction((n % asked) as usize).is_ok())
    });
    let mut exchange = Duration::MAX;
    for _ in 0..rounds {
        let body = async |session: Session| {
            let start = Instant::now();
            for n in 0..asked {
                ask(&session, url(one_url, n)).await?;
            }
            exchange = exchange.min(start.elapsed() / asked);
            Ok(())
        };
        replay(dir.path(), body)?;
    }
    row(&format!("one exchange{which}"), exchange, "computing its key and reading its recording", parts);

    let mut miss = Duration::MAX;
    for _ in 0..rounds {
        let body = async |session: Session| {
            let start = Instant::now();
            let result = ask(&session, url(one_url, 500) + "?page=2").await;
            miss = miss.min(start.elapsed());
            result
        };
        if replay(dir.path(), body).is_ok() {
            return Err("a request that was never recorded got a response".into());
        }
    }
    row(&format!("explaining a miss (budget 100 ms){which}"), miss, "beginning the session", begin);
    Ok(())
}

fn write(files: &Files, n: u32, one_url: bool) -> Result<()> {
    let journal = Journal::create(files, JournalOptions::default())?;
    for i in 0..n {
        journal.append(i.into(), &interaction(url(one_url, i), i))?;
    }
    journal.prepare(journal.metadata().clone())?.install()?;
    Ok(())
}

fn interaction(uri: String, n: u32) -> Interaction {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    let response = Response {
        status: 200,
        reason: None,
        version: http::Version::HTTP_11,
        headers,
        body: Body::inline(format!("{{\"id\":{n},\"state\":\"open\"}}")),
        trailers: Default::default(),
        cut: None,
    };
    Interaction::new(get(uri), Outcome::Response(response))
}

/// Runs `body` in a session that replays.
fn replay(dir: &Path, body: impl AsyncFnOnce(Session) -> Result<(), TestError> + Send) -> Result<()> {
    let session = Session::builder("many").package_dir(dir).mode(Mode::Replay);
    session
        .config(Config::new().unused(Unused::Allow))
        .run_async(async move |session| body(session).await)?;
    Ok(())
}

async fn ask(session: &Session, uri: String) -> Result<(), TestError> {
    let request = http::Request::get(uri).body(cassette::Body::empty())?;
    let response = session.service().call(request).await?;
    if response.status() != 200 {
        return Err(TestError::from("the request has no recording"));
    }
    Ok(())
}

fn keys() {
    let matching = Matching::default();
    let simple = get("http://api.bench.test/items?page=2&sort=name".into());
    let hash = each(|_| std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), &simple.uri));
    row("canonical key, GET", each(|_| key(&matching, &simple)), "SipHash of the URI", hash);
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    let body = Body::inline(data::small(1));
    let post = Request { method: http::Method::POST, headers, body, ..simple };
    let text = data::small(1);
    let parse = each(|_| serde_json::from_str::<serde_json::Value>(&text).is_ok());
    row(
        "canonical key, POST of 2 KB JSON",
        each(|_| key(&matching, &post)),
        "parsing it with serde_json",
        parse,
    );
}

fn append() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let files = Files::new(dir.path(), &"append".parse()?);
    let journal = Journal::create(&files, JournalOptions::default())?;
    let small = interaction(url(false, 1), 1);
    let append = each(|n| journal.append(n.into(), &small).is_ok());
    let line = std::fs::read(files.journal())?;
    let line = line.split_inclusive(|b| *b == b'\n').nth(1).unwrap_or_default();
    let mut plain = std::fs::File::create(dir.path().join("plain"))?;
    let bare = each(|_| plain.write_all(line).is_ok());
    row("appending a small interaction", append, "writing the line alone", bare);
    Ok(journal.discard()?)
}

/// Measures a recording of `n` small interactions that is played back on a thread before it is installed.
fn proving(n: u32) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let record = |proved: bool| {
        let session = Session::builder("proving").package_dir(dir.path()).mode(Mode::Record);
        let session = if proved { session.prove_async(move |session| ask_api(session, n)) } else { session };
        session.run_async(move |session| ask_api(session, n)).map_err(Into::into)
    };
    let plain = best(9, || record(false))?;
    let proved = best(9, || record(true))?;
    let what = if n == 1 { "1 interaction".to_owned() } else { format!("{n} interactions") };
    row(&format!("recording {what} and playing back"), proved, "recording", plain);
    Ok(())
}

async fn ask_api(session: Session, n: u32) -> Result<(), TestError> {
    let mut client = session.layer().layer(Api);
    for n in 0..n {
        let request = http::Request::get(url(false, n)).body(cassette::Body::empty())?;
        let response = client.call(request).await.map_err(|e| TestError::from(e.to_string()))?;
        black_box(response.into_body().collect().await.map_err(|e| TestError::from(e.to_string()))?);
    }
    Ok(())
}

/// An API without a socket.
#[derive(Clone)]
struct Api;

impl tower_service::Service<http::Request<cassette::Body>> for Api {
    type Response = http::Response<cassette::Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<std::result::Result<Self::Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::result::Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<cassette::Body>) -> Self::Future {
        std::future::ready(Ok(http::Response::new(cassette::Body::from(data::small(1)))))
    }
}

fn formatting() -> Result<()> {
    for (what, text) in
        [("2 KB", data::small(1)), ("60 KB", format!("[{}1]", (data::small(2) + ",").repeat(30)))]
    {
        let detected = style::detect(text.as_bytes(), 64).ok_or("no style")?;
        let mut pretty = String::new();
        style::pretty(text.as_bytes(), 4, &mut pretty)?;
        let show = each(|_| {
            let mut out = String::new();
            let style = style::detect(text.as_bytes(), 64);
            (style, style::pretty(text.as_bytes(), 4, &mut out).is_ok(), out)
        });
        let parse = each(|_| serde_json::from_str::<serde_json::Value>(&text).is_ok());
        row(
            &format!("formatting {what} of JSON for the cassette"),
            show,
            "parsing it with serde_json",
            parse,
        );
        let back = each(|_| style::restore(&pretty, detected).is_ok());
        row("restoring its bytes", back, "parsing it with serde_json", parse);
    }
    Ok(())
}
