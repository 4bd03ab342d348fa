//! The gRPC service that tonic's client calls, as tonic's code generator would write it.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::client::{Grpc, GrpcService};
use tonic_prost::ProstCodec;

use crate::Result;

/// The message of all requests and responses.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Word {
    #[prost(string, tag = "1")]
    pub text: String,
}

/// A unary method that returns the word.
pub const ECHO: &str = "/example.Words/Echo";
/// A streaming method that returns the word letter by letter, and the status in trailers.
pub const SPELL: &str = "/example.Words/Spell";

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
    // tonic removes the status from the trailers. Without a status, it would have returned an error.
    letters.trailers().await?.ok_or("the stream ended without trailers")?;
    Ok(received)
}

fn codec() -> ProstCodec<Word, Word> {
    ProstCodec::default()
}

async fn ready<T: GrpcService<tonic::body::Body>>(client: &mut Grpc<T>) -> Result<()> {
    client.ready().await.map_err(Into::into)
}
