//! The certificates that a client trusts: only the session's authority, or the machine's roots and extra roots.
//!
//! Every TLS configuration uses the cryptography [`provider`] explicitly. A process-wide default is never installed,
//! because it would change the code under test.
//!
//! Must not know: connections, HTTP.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::provider::provider;
use crate::error::{Error, Result};

/// The protocols for ALPN: HTTP/2, then HTTP/1.1 (RFC 7301 §6, RFC 9113 §3.2).
pub(super) fn alpn() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

/// A configuration that trusts these roots and no others. This is cheap, because the machine's roots are not read.
#[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only the clients of reqwest need it"))]
pub(super) fn only(roots: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = alpn();
    Ok(config)
}

/// A configuration that trusts the machine's roots and these roots. On Linux this reads the machine's bundle, which
/// takes 10 to 20 ms in a debug build.
pub(super) fn machine_and(roots: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let verifier = Verifier::new_with_extra_roots(roots.iter().cloned(), provider())?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = alpn();
    Ok(config)
}

/// The certificates in `files`. Each file is PEM (one certificate or several) or DER.
///
/// # Errors
///
/// A file holds no certificate, or one that cannot be a root.
pub(super) fn roots(files: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>> {
    let mut all = Vec::new();
    let mut store = RootCertStore::empty();
    for (i, file) in files.iter().enumerate() {
        let bad = |source: crate::body::BoxError| {
            Error::with_source(format!("extra root certificate {} is not usable", i + 1), source)
                .hint("give the certificate of the authority as PEM (`-----BEGIN CERTIFICATE-----`) or DER")
        };
        let found = if file.windows(10).any(|w| w == b"-----BEGIN") {
            let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file).collect();
            parsed.map_err(|e| bad(e.into()))?
        } else {
            vec![CertificateDer::from(file.clone())]
        };
        if found.is_empty() {
            return Err(bad("it holds no certificate".into()));
        }
        for certificate in &found {
            store.add(certificate.clone()).map_err(|e| bad(e.into()))?;
        }
        all.extend(found);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Ca;

    #[track_caller]
    fn check(file: impl Into<Vec<u8>>, expected: Result<usize, &str>) {
        match (roots(&[Ca::get().der().to_vec(), file.into()]), expected) {
            (Ok(found), Ok(n)) => assert_eq!(found.len(), 1 + n),
            (Err(e), Err(part)) => {
                let text = format!("{e:?}");
                assert!(text.starts_with("extra root certificate 2 is not usable: "), "{text}");
                assert!(text.contains(part), "{text}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }

    #[test]
    fn roots_come_as_pem_or_der() {
        let ca = Ca::get();
        check(ca.der().to_vec(), Ok(1));
        check(ca.pem(), Ok(1));
        check(format!("# two of them\n{}\n{}", ca.pem(), ca.pem()), Ok(2));
    }

    #[test]
    fn what_is_no_root_is_named() {
        check("", Err("Encoding"));
        check("not a certificate", Err("Encoding"));
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Err("Encoding"));
        check("-----BEGIN CERTIFICATE-----\nAAAA\n", Err(""));
        check(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            Err("it holds no certificate"),
        );
    }
}
