//! Finds out what the reqwest of this build can do: whether it has TLS by rustls, TLS by the system or no TLS, and
//! whether it has HTTP/2.
//!
//! Features of reqwest decide this, and cassette must not turn any of them on. If cassette turned on
//! `rustls-no-provider`, each client of a program without TLS would panic, because no provider is installed. If
//! cassette turned on `http2`, clients would offer a protocol that they do not offer without cassette. A crate cannot
//! see which features a dependency has. But it can call a method by its name, and Rust prefers a method of the type to
//! a method of a trait. So a method of a trait `Without…` is called only if reqwest has no method of the same name.
//!
//! Must not know: sessions, modes.

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use super::trust;
use crate::error::{Error, Result};

/// The certificates that a client trusts.
pub(super) enum Trusted {
    /// This root only.
    Only(CertificateDer<'static>),
    /// The machine's roots and these roots.
    MachineAnd(Vec<CertificateDer<'static>>),
}

impl Trusted {
    fn config(&self) -> Result<ClientConfig> {
        let config = match self {
            Trusted::Only(root) => trust::only(std::slice::from_ref(root)),
            Trusted::MachineAnd(roots) => trust::machine_and(roots),
        };
        let mut config = config.map_err(|e| Error::with_source("could not set up TLS", e))?;
        config.alpn_protocols = reqwest::ClientBuilder::new().http2_prior_knowledge().alpn();
        Ok(config)
    }
}

/// Sets what a builder trusts.
macro_rules! trusting {
    ($builder:expr, $trusted:expr) => {{
        use $crate::transport::reqwest_features::Trust as _;
        #[allow(unused_imports, reason = "needed only if reqwest has no rustls")]
        use $crate::transport::reqwest_features::WithoutRustls as _;
        $builder.tls_backend_rustls().trust($trusted)
    }};
}
pub(super) use trusting;

pub(super) trait Trust<Builder> {
    fn trust(self, trusted: &Trusted) -> Result<Builder>;
}

#[allow(dead_code, reason = "called only if reqwest has no method of this name")]
pub(super) trait WithoutRustls: Sized {
    fn tls_backend_rustls(self) -> NotRustls<Self> {
        NotRustls(self)
    }
}

/// A builder of a reqwest without rustls.
pub(super) struct NotRustls<Builder>(Builder);

#[allow(dead_code, reason = "called only if reqwest has no methods of these names")]
trait WithoutTls: Sized {
    fn tls_backend_preconfigured(self, _: ClientConfig) -> Self {
        self
    }

    fn tls_certs_only(self, _: Vec<Certificate>) -> Self {
        self
    }

    fn tls_certs_merge(self, _: Vec<Certificate>) -> Self {
        self
    }
}

/// Takes the place of reqwest's type `Certificate` if reqwest does not have it.
#[allow(dead_code, reason = "used only if reqwest has no type of this name")]
struct Certificate;

#[allow(dead_code, reason = "used only if reqwest has no type of this name")]
impl Certificate {
    fn from_der(_: &[u8]) -> reqwest::Result<Certificate> {
        Ok(Certificate)
    }
}

macro_rules! builder {
    ($builder:ty) => {
        impl WithoutRustls for $builder {}
        impl WithoutTls for $builder {}

        /// For a reqwest with rustls. It takes our TLS configuration, which includes the provider.
        impl Trust<$builder> for $builder {
            fn trust(self, trusted: &Trusted) -> Result<$builder> {
                Ok(self.tls_backend_preconfigured(trusted.config()?))
            }
        }

        /// For a reqwest that has the system's TLS, or no TLS.
        impl Trust<$builder> for NotRustls<$builder> {
            fn trust(self, trusted: &Trusted) -> Result<$builder> {
                let read = |root: &CertificateDer<'_>| {
                    // An import inside a block shadows the names of the module. So this is reqwest's `Certificate`, if
                    // reqwest has that type.
                    #[allow(unused_imports, reason = "needed only if reqwest has a type of this name")]
                    use reqwest::*;
                    Certificate::from_der(root)
                };
                let certificate = |root: &CertificateDer<'static>| {
                    read(root).map_err(|e| Error::with_source("could not set up TLS", e))
                };
                Ok(match trusted {
                    Trusted::Only(root) => self.0.tls_certs_only(vec![certificate(root)?]),
                    Trusted::MachineAnd(roots) => {
                        let roots: Vec<_> = roots.iter().map(certificate).collect::<Result<_>>()?;
                        self.0.tls_certs_merge(roots)
                    }
                })
            }
        }
    };
}
builder!(reqwest::ClientBuilder);
#[cfg(feature = "blocking")]
builder!(reqwest::blocking::ClientBuilder);

#[allow(dead_code, reason = "called only if reqwest has no method of this name")]
trait WithoutHttp2: Sized {
    fn http2_prior_knowledge(self) -> NotHttp2 {
        NotHttp2
    }
}

impl WithoutHttp2 for reqwest::ClientBuilder {}

struct NotHttp2;

trait Alpn {
    /// The protocols that a client offers (RFC 7301 §6).
    fn alpn(&self) -> Vec<Vec<u8>>;
}

impl Alpn for reqwest::ClientBuilder {
    fn alpn(&self) -> Vec<Vec<u8>> {
        trust::alpn()
    }
}

impl Alpn for NotHttp2 {
    fn alpn(&self) -> Vec<Vec<u8>> {
        vec![b"http/1.1".to_vec()]
    }
}
