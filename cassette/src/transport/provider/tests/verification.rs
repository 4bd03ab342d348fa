//! Valid signatures are accepted, and invalid signatures are refused.

use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use rustls::SignatureScheme;

use super::super::verification::ALGORITHMS;
use super::RSA_KEY;

const MESSAGE: &[u8] = b"what was signed";

/// The first algorithm of `scheme` accepts `signature` for [`MESSAGE`]. It refuses another message, and another
/// signature.
#[track_caller]
fn check(scheme: SignatureScheme, key: &[u8], signature: &[u8]) {
    let (_, algorithms) = ALGORITHMS.mapping.iter().find(|(s, _)| *s == scheme).unwrap();
    let verify = |message: &[u8], signature: &[u8]| algorithms[0].verify_signature(key, message, signature);
    assert!(verify(MESSAGE, signature).is_ok(), "{scheme:?}");
    assert!(verify(b"what was not", signature).is_err(), "{scheme:?}");
    let mut other = signature.to_vec();
    *other.last_mut().unwrap() ^= 1;
    assert!(verify(MESSAGE, &other).is_err(), "{scheme:?}");
    assert!(verify(MESSAGE, b"").is_err(), "{scheme:?}");
}

#[test]
fn rsa() {
    let key = RsaKeyPair::from_pkcs8(RSA_KEY).unwrap();
    let cases: [(_, &dyn RsaEncoding); 6] = [
        (SignatureScheme::RSA_PSS_SHA256, &signature::RSA_PSS_SHA256),
        (SignatureScheme::RSA_PSS_SHA384, &signature::RSA_PSS_SHA384),
        (SignatureScheme::RSA_PSS_SHA512, &signature::RSA_PSS_SHA512),
        (SignatureScheme::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_SHA256),
        (SignatureScheme::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_SHA384),
        (SignatureScheme::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_SHA512),
    ];
    for (scheme, encoding) in cases {
        let mut signed = vec![0; key.public().modulus_len()];
        key.sign(encoding, &SystemRandom::new(), MESSAGE, &mut signed).unwrap();
        check(scheme, key.public_key().as_ref(), &signed);
    }
}

#[test]
fn ecdsa() {
    let random = SystemRandom::new();
    let cases = [
        (SignatureScheme::ECDSA_NISTP256_SHA256, &signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        (SignatureScheme::ECDSA_NISTP384_SHA384, &signature::ECDSA_P384_SHA384_ASN1_SIGNING),
    ];
    for (scheme, algorithm) in cases {
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap();
        check(scheme, key.public_key().as_ref(), key.sign(&random, MESSAGE).unwrap().as_ref());
    }
}

#[test]
fn ed25519() {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
    check(SignatureScheme::ED25519, key.public_key().as_ref(), key.sign(MESSAGE).as_ref());
}
