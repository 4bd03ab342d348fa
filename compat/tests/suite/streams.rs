//! An unmodified client of tonic without TLS (`http://`), which speaks HTTP/2 by prior knowledge: a stream in both
//! directions, in which the client awaits each reply before it sends the next word.

use std::pin::Pin;
use std::task::{Context, Poll};

use cassette::tape::{Cassette, Outcome};
use cassette::{Mode, Session};
use cassette_compat::Result;
use cassette_compat::grpc::{TALK, Word};
use http::uri::PathAndQuery;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

use crate::upstream::{HOST, Upstream};

/// The words of the client, which come while the call is under way.
struct Words(UnboundedReceiver<Word>);

impl futures_core::Stream for Words {
    type Item = Word;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Word>> {
        self.0.poll_recv(cx)
    }
}

async fn talk() -> Result<Vec<String>> {
    let channel = Endpoint::from_shared(format!("http://{HOST}"))?.connect().await?;
    let mut client = Grpc::new(channel);
    client.ready().await?;
    let (words, stream) = unbounded_channel();
    let say = |text: &str| words.send(Word { text: text.into() });
    say("one")?;
    let codec = ProstCodec::<Word, Word>::default();
    let path = PathAndQuery::from_static(TALK);
    let replies = client.streaming(tonic::Request::new(Words(stream)), path, codec).await?;
    let mut replies = replies.into_inner();
    let mut heard = Vec::new();
    for next in ["two", "three"] {
        heard.push(replies.message().await?.ok_or("no reply")?.text);
        say(next)?;
    }
    heard.push(replies.message().await?.ok_or("no reply")?.text);
    drop(words);
    // tonic returns an error here if the status in the trailers is missing.
    heard.extend(replies.message().await?.map(|word| word.text));
    Ok(heard)
}

#[test]
fn a_stream_in_both_directions_without_tls() {
    let (directory, upstream) = (tempfile::tempdir().expect("a directory"), Upstream::start());
    let config = upstream.config();
    let run = |mode| {
        let builder = Session::builder("talk").package_dir(directory.path()).config(config.clone());
        let body = async |_: Session| Ok::<_, cassette::Error>(talk().await.expect("a conversation"));
        builder.mode(mode).run_async(body).unwrap_or_else(|e| panic!("{mode:?}: {e}")).0
    };
    let recorded = run(Mode::Record);
    drop(upstream);
    assert_eq!(recorded, ["you say one", "you say two", "you say three"]);
    assert_eq!(run(Mode::Replay), recorded);
    let cassette = Cassette::open(directory.path().join("tests/cassettes/talk.json")).expect("a cassette");
    let interaction = cassette.interaction(0).expect("an interaction");
    let Outcome::Response(response) = interaction.outcome else { panic!("an error was recorded") };
    assert_eq!(response.version, http::Version::HTTP_2);
    assert_eq!(response.trailers["grpc-status"], "0");
    assert!(!interaction.turns.is_empty());
}
