//! Blocking clients.

use crate::Result;

pub fn reqwest(url: &str) -> Result {
    Ok(reqwest::blocking::get(url)?.error_for_status()?.text()?)
}

pub fn reqwest012_native_tls(url: &str) -> Result {
    Ok(reqwest012::blocking::get(url)?.error_for_status()?.text()?)
}

/// In a package that enables only the feature `rustls-tls-native-roots`, `Client::new()` builds the same client. This
/// package enables several TLS features, so it must choose.
pub fn reqwest012_native_roots(url: &str) -> Result {
    let client = reqwest012::blocking::Client::builder().use_rustls_tls();
    let client = client.tls_built_in_webpki_certs(false).build()?;
    Ok(client.get(url).send()?.error_for_status()?.text()?)
}

/// `isahc::get` uses a client in a `static`, which tests that replay in parallel cannot share. So this function builds a
/// new client.
pub fn isahc(url: &str) -> Result {
    use isahc::ReadResponseExt as _;

    let mut response = isahc::HttpClient::new()?.get(url)?;
    if !response.status().is_success() {
        return Err(response.status().to_string().into());
    }
    Ok(response.text()?)
}

pub fn curl(url: &str) -> Result {
    let mut body = Vec::new();
    let mut easy = curl::easy::Easy::new();
    easy.url(url)?;
    easy.fail_on_error(true)?;
    let mut transfer = easy.transfer();
    transfer.write_function(|chunk| {
        body.extend_from_slice(chunk);
        Ok(chunk.len())
    })?;
    transfer.perform()?;
    drop(transfer);
    Ok(String::from_utf8(body)?)
}

pub fn ureq_webpki_roots(url: &str) -> Result {
    Ok(ureq::get(url).call()?.into_body().read_to_string()?)
}

pub fn ureq_platform(url: &str) -> Result {
    use ureq::tls::{RootCerts, TlsConfig};

    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let agent = ureq::Agent::config_builder().tls_config(tls).build().new_agent();
    Ok(agent.get(url).call()?.into_body().read_to_string()?)
}
