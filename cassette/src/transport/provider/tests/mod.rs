//! Compares our provider with the provider of rustls on top of ring.

mod handshakes;
mod verification;

use rustls::crypto::CryptoProvider;

/// An RSA key of 2048 bits in PKCS #8, made with `openssl genpkey`. Only these tests use it.
const RSA_KEY: &[u8] = include_bytes!("rsa_key.der");

#[test]
fn it_offers_what_the_provider_of_rustls_offers() {
    let (ours, theirs) = (super::new(), rustls::crypto::ring::default_provider());
    let suites = |p: &CryptoProvider| -> Vec<_> {
        p.cipher_suites.iter().map(|s| (s.suite(), s.version().version)).collect()
    };
    let expected = suites(&theirs);
    #[cfg(not(feature = "tls12"))]
    let expected: Vec<_> = expected.into_iter().filter(|s| s.1 == rustls::ProtocolVersion::TLSv1_3).collect();
    assert_eq!(suites(&ours), expected);
    let groups = |p: &CryptoProvider| -> Vec<_> { p.kx_groups.iter().map(|g| g.name()).collect() };
    assert_eq!(groups(&ours), groups(&theirs));
    let (ours, theirs) = (ours.signature_verification_algorithms, theirs.signature_verification_algorithms);
    let ids = |all: &[&'static dyn rustls::pki_types::SignatureVerificationAlgorithm]| -> Vec<_> {
        all.iter().map(|a| (a.public_key_alg_id(), a.signature_alg_id())).collect()
    };
    assert_eq!(ids(ours.all), ids(theirs.all));
    let schemes = |mapping: &[(_, &[_])]| -> Vec<(rustls::SignatureScheme, _)> {
        mapping.iter().map(|(scheme, all)| (*scheme, ids(all))).collect()
    };
    assert_eq!(schemes(ours.mapping), schemes(theirs.mapping));
}
