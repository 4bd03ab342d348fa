//! What the reqwest of the build can do: TLS by rustls, by the system, or not at all; HTTP/2 or not.
//!
//! Features of reqwest decide this, and cassette must not turn any of them on. With `rustls-no-provider`, each client of
//! a program without TLS would panic for want of a provider. With `http2`, clients would offer another protocol. A crate
//! cannot see which features a dependency has, but it can try a method: Rust prefers a method of the type to a method of
//! a trait. So the methods of the traits `Without…` are called only if reqwest does not have its own.
//!
//! Must not know: sessions, modes.

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use super::trust;
use crate::error::{Error, Result};

/// The certificates that a client trusts.
pub(super) enum Trusted {
    /// This root and no other.
    Only(CertificateDer<'static>),
    /// The machine's roots and these.
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

/// In place of reqwest's type, if there is none.
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

        /// This reqwest has rustls, so it takes our configuration, provider included.
        impl Trust<$builder> for $builder {
            fn trust(self, trusted: &Trusted) -> Result<$builder> {
                Ok(self.tls_backend_preconfigured(trusted.config()?))
            }
        }

        /// This reqwest has the system's TLS or none.
        impl Trust<$builder> for NotRustls<$builder> {
            fn trust(self, trusted: &Trusted) -> Result<$builder> {
                let read = |root: &CertificateDer<'_>| {
                    // An import of a block comes before the names of the module: this is reqwest's `Certificate`, if
                    // there is one.
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
