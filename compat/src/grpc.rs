//! The service that tonic's client asks, as its code generator would write it.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::client::{Grpc, GrpcService};
use tonic_prost::ProstCodec;

use crate::Result;

/// What is sent and answered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Word {
    #[prost(string, tag = "1")]
    pub text: String,
}

/// Says a word back.
pub const ECHO: &str = "/example.Words/Echo";
/// Says a word letter by letter, then ends with the status in trailers.
pub const SPELL: &str = "/example.Words/Spell";

/// Calls the one and the other.
pub async fn both<T>(mut client: Grpc<T>) -> Result
where
    T: GrpcService<tonic::body::Body>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let word = || tonic::Request::new(Word { text: "hat".into() });
    ready(&mut client).await?;
    let echo = client.unary(word(), PathAndQuery::from_static(ECHO), codec()).await?;
    let mut said = echo.into_inner().text;
    ready(&mut client).await?;
    let spell = client.server_streaming(word(), PathAndQuery::from_static(SPELL), codec()).await?;
    let mut letters = spell.into_inner();
    while let Some(Word { text }) = letters.message().await? {
        said = format!("{said} {text}");
    }
    // The status itself, without which tonic would have failed, is not among what it shows of them.
    letters.trailers().await?.ok_or("the stream ended without trailers")?;
    Ok(said)
}

fn codec() -> ProstCodec<Word, Word> {
    ProstCodec::default()
}

async fn ready<T: GrpcService<tonic::body::Body>>(client: &mut Grpc<T>) -> Result<()> {
    client.ready().await.map_err(Into::into)
}
