//! A client of the suite's gRPC service. The code is like the code that tonic's generator writes.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::client::{Grpc, GrpcService};
use tonic_prost::ProstCodec;

use crate::Result;

/// The type of all messages, of requests and responses.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Word {
    #[prost(string, tag = "1")]
    pub text: String,
}

/// The path of a unary method, which returns the word that it gets.
pub const ECHO: &str = "/example.Words/Echo";
/// The path of a streaming method, which returns the word letter by letter, and the status in trailers.
pub const SPELL: &str = "/example.Words/Spell";

/// The path of a method that streams in both directions: it answers each word as soon as the word comes.
pub const TALK: &str = "/example.Words/Talk";

/// Calls both methods, and returns the text of all messages.
pub async fn both<T>(mut client: Grpc<T>) -> Result
where
    T: GrpcService<tonic::body::Body>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let word = || tonic::Request::new(Word { text: "hat".into() });
    ready(&mut client).await?;
    let echo = client.unary(word(), PathAndQuery::from_static(ECHO), codec()).await?;
    let mut received = echo.into_inner().text;
    ready(&mut client).await?;
    let spell = client.server_streaming(word(), PathAndQuery::from_static(SPELL), codec()).await?;
    let mut letters = spell.into_inner();
    while let Some(Word { text }) = letters.message().await? {
        received = format!("{received} {text}");
    }
    // Checks that there are trailers. tonic has already removed the status from them; without a status it would have
    // returned an error.
    letters.trailers().await?.ok_or("the stream ended without trailers")?;
    Ok(received)
}

fn codec() -> ProstCodec<Word, Word> {
    ProstCodec::default()
}

async fn ready<T: GrpcService<tonic::body::Body>>(client: &mut Grpc<T>) -> Result<()> {
    client.ready().await.map_err(Into::into)
}
