//! Key exchange on elliptic curves (RFC 8446 §7.4.2, RFC 8422 §5.10).

use ring::agreement::{self, EphemeralPrivateKey, PublicKey, UnparsedPublicKey};
use ring::rand::SystemRandom;
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved};

/// The groups, with the preferred one first.
pub(super) const GROUPS: &[&dyn SupportedKxGroup] = &[
    &Group { name: NamedGroup::X25519, curve: &agreement::X25519 },
    &Group { name: NamedGroup::secp256r1, curve: &agreement::ECDH_P256 },
    &Group { name: NamedGroup::secp384r1, curve: &agreement::ECDH_P384 },
];

#[derive(Debug)]
struct Group {
    name: NamedGroup,
    curve: &'static agreement::Algorithm,
}

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let private = EphemeralPrivateKey::generate(self.curve, &SystemRandom::new());
        let private = private.map_err(|_| GetRandomFailed)?;
        let public = private.compute_public_key().map_err(|_| GetRandomFailed)?;
        Ok(Box::new(Exchange { name: self.name, private, public }))
    }

    fn name(&self) -> NamedGroup {
        self.name
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }
}

/// A key exchange that waits for the peer's public key.
struct Exchange {
    name: NamedGroup,
    private: EphemeralPrivateKey,
    public: PublicKey,
}

impl ActiveKeyExchange for Exchange {
    /// ring checks that the peer's key has the right length, that a point is uncompressed and on the curve, and that
    /// the shared secret is not zero.
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = UnparsedPublicKey::new(self.private.algorithm(), peer);
        agreement::agree_ephemeral(self.private, &peer, |secret| SharedSecret::from(secret))
            .map_err(|_| PeerMisbehaved::InvalidKeyShare.into())
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn group(&self) -> NamedGroup {
        self.name
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }
}
