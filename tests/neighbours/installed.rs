//! A program that installs its provider: the first call succeeds, so nobody else installed one.

#[cfg(feature = "rustls")]
#[test]
fn the_program_installs_its_provider() {
    #[cfg(feature = "aws-lc")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc"))]
    let provider = rustls::crypto::ring::default_provider();
    assert!(provider.install_default().is_ok());
    let builder = rustls::ClientConfig::builder();
    println!("\nfact: installed: {:?}", builder.crypto_provider().kx_groups);
}
