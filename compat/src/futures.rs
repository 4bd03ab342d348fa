//! Asynchronous clients. Each call creates its own runtime.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::{ServiceBuilder, ServiceExt as _};

use crate::{Result, grpc};

/// Runs `task` on a runtime with several threads, to test that these threads belong to the session, too.
fn run<T: Send + 'static>(task: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async { tokio::spawn(task).await? })
}

pub fn reqwest(url: &str) -> Result {
    let url = url.to_owned();
    run(async { Ok(reqwest::get(url).await?.error_for_status()?.text().await?) })
}

pub fn reqwest012_native_tls(url: &str) -> Result {
    let url = url.to_owned();
    run(async { Ok(reqwest012::get(url).await?.error_for_status()?.text().await?) })
}

/// In a package that enables only the feature `rustls-tls-native-roots`, `Client::new()` builds the same client. This
/// package enables several TLS features, so it must choose.
pub fn reqwest012_native_roots(url: &str) -> Result {
    let client = reqwest012::Client::builder().use_rustls_tls().tls_built_in_webpki_certs(false).build()?;
    let url = url.to_owned();
    run(async move { Ok(client.get(url).send().await?.error_for_status()?.text().await?) })
}

/// In a package that enables only the feature `rustls-tls`, `Client::new()` builds the same client.
pub fn reqwest012_webpki_roots(url: &str) -> Result {
    let client = reqwest012::Client::builder().use_rustls_tls().tls_built_in_native_certs(false).build()?;
    let url = url.to_owned();
    run(async move { Ok(client.get(url).send().await?.error_for_status()?.text().await?) })
}

pub fn reqwest_middleware(url: &str) -> Result {
    let url = url.to_owned();
    run(async {
        let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).build();
        Ok(client.get(url).send().await?.error_for_status()?.text().await?)
    })
}

pub type Hyper<B> = Client<HttpsConnector<HttpConnector>, B>;

pub fn hyper_client<B: http_body::Body<Data: Send> + Send>() -> Result<Hyper<B>> {
    let provider = rustls::crypto::ring::default_provider();
    let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
    let connector = connector.https_or_http().enable_all_versions().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

pub fn hyper(url: &str) -> Result {
    let url = url.parse()?;
    run(async {
        let response = hyper_client::<Empty<Bytes>>()?.get(url).await?;
        text(response).await
    })
}

pub fn tower(url: &str) -> Result {
    let request = http::Request::get(url).body(Empty::<Bytes>::new())?;
    run(async {
        let stack = ServiceBuilder::new().timeout(Duration::from_secs(20)).service(hyper_client()?);
        text(stack.oneshot(request).await?).await
    })
}

pub async fn text<B>(response: http::Response<B>) -> Result
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let status = response.status();
    let body = response.into_body().collect().await.map_err(Into::into)?.to_bytes();
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(String::from_utf8(body.to_vec())?)
}

/// Calls AWS's method `GetCallerIdentity` at the endpoint `url`, and returns the ARN in the response.
pub fn aws(url: &str) -> Result {
    use aws_sdk_sts::config::{Credentials, Region};

    let credentials = Credentials::new("AKIDEXAMPLE", "example", None, None, "compat");
    let config = aws_sdk_sts::Config::builder()
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials)
        .endpoint_url(url)
        .build();
    run(async {
        let who = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
        let who = who.map_err(|e| aws_sdk_sts::error::DisplayErrorContext(e).to_string())?;
        Ok(who.arn().unwrap_or_default().to_owned())
    })
}

/// Makes a unary and a streaming call, and returns the text of all messages. `url` has no path, because the gRPC
/// methods have their own paths.
pub fn tonic(url: &str) -> Result {
    use tonic::transport::{ClientTlsConfig, Endpoint};

    let mut endpoint = Endpoint::from_shared(url.to_owned())?;
    if url.starts_with("https:") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots())?;
    }
    run(async move { grpc::both(tonic::client::Grpc::new(endpoint.connect().await?)).await })
}
