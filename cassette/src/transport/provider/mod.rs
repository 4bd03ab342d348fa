//! The cryptography of all TLS connections: a provider for rustls on top of the crate ring.
//!
//! rustls has such a provider itself, behind its feature `ring`. cassette must not turn this feature on, because cargo
//! would turn it on for the whole build. If the program under test uses another provider, rustls then has two, and all
//! code that asks rustls for the default provider panics.
//!
//! This folder only connects the algorithms of ring to the traits of rustls. It offers the same suites, groups and
//! signature algorithms as the provider of rustls, in the same order. It signs only with the kind of key that
//! cassette's own certificates have.
//!
//! Must not know: certificates, connections.

mod hash;
mod key_exchange;
mod record;
mod signing;
mod tls13;
mod verification;

#[cfg(feature = "tls12")]
mod tls12;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom};

/// The provider that all TLS configurations share.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(new())).clone()
}

fn new() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: [
            tls13::SUITES,
            #[cfg(feature = "tls12")]
            tls12::SUITES,
        ]
        .concat(),
        kx_groups: key_exchange::GROUPS.to_vec(),
        signature_verification_algorithms: verification::ALGORITHMS,
        secure_random: &System,
        key_provider: &signing::Keys,
    }
}

/// The system's source of randomness.
#[derive(Debug)]
struct System;

impl SecureRandom for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        SystemRandom::new().fill(bytes).map_err(|_| GetRandomFailed)
    }
}
