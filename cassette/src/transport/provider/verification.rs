//! Verification of signatures, in certificates and in handshakes.

use ring::signature::{self, UnparsedPublicKey};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// All algorithms, and for each signature scheme the algorithms that a handshake may use.
///
/// In TLS 1.2, an ECDSA scheme defines the hash but not the curve, so it has two algorithms. In TLS 1.3, it defines the
/// curve as well. There rustls takes only the first algorithm, which has this curve.
pub(super) const ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        ECDSA_P256_SHA256,
        ECDSA_P256_SHA384,
        ECDSA_P384_SHA256,
        ECDSA_P384_SHA384,
        ED25519,
        RSA_PSS_SHA256,
        RSA_PSS_SHA384,
        RSA_PSS_SHA512,
        RSA_SHA256,
        RSA_SHA384,
        RSA_SHA512,
        RSA_SHA256_WITHOUT_NULL,
        RSA_SHA384_WITHOUT_NULL,
        RSA_SHA512_WITHOUT_NULL,
    ],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[ECDSA_P384_SHA384, ECDSA_P256_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[ECDSA_P256_SHA256, ECDSA_P384_SHA256]),
        (SignatureScheme::ED25519, &[ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[RSA_PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[RSA_PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[RSA_PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[RSA_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[RSA_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[RSA_SHA256]),
    ],
};

/// The identifier 1.2.840.113549.1.1.N (RFC 8017, appendix C) in DER, without the NULL that usually follows it.
macro_rules! rsa_without_null {
    ($n:literal) => {
        AlgorithmIdentifier::from_slice(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, $n])
    };
}

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

const ECDSA_P256_SHA256: Algorithm =
    &Verification(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, &signature::ECDSA_P256_SHA256_ASN1);
const ECDSA_P256_SHA384: Algorithm =
    &Verification(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, &signature::ECDSA_P256_SHA384_ASN1);
const ECDSA_P384_SHA256: Algorithm =
    &Verification(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, &signature::ECDSA_P384_SHA256_ASN1);
const ECDSA_P384_SHA384: Algorithm =
    &Verification(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, &signature::ECDSA_P384_SHA384_ASN1);

const ED25519: Algorithm = &Verification(alg_id::ED25519, alg_id::ED25519, &signature::ED25519);

const RSA: AlgorithmIdentifier = alg_id::RSA_ENCRYPTION;

const RSA_PSS_SHA256: Algorithm =
    &Verification(RSA, alg_id::RSA_PSS_SHA256, &signature::RSA_PSS_2048_8192_SHA256);
const RSA_PSS_SHA384: Algorithm =
    &Verification(RSA, alg_id::RSA_PSS_SHA384, &signature::RSA_PSS_2048_8192_SHA384);
const RSA_PSS_SHA512: Algorithm =
    &Verification(RSA, alg_id::RSA_PSS_SHA512, &signature::RSA_PSS_2048_8192_SHA512);

const RSA_SHA256: Algorithm =
    &Verification(RSA, alg_id::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256);
const RSA_SHA384: Algorithm =
    &Verification(RSA, alg_id::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384);
const RSA_SHA512: Algorithm =
    &Verification(RSA, alg_id::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512);

// Some certificate authorities leave out the NULL after the identifier, and RFC 4055 §5 asks verifiers to accept that.
const RSA_SHA256_WITHOUT_NULL: Algorithm =
    &Verification(RSA, rsa_without_null!(11), &signature::RSA_PKCS1_2048_8192_SHA256);
const RSA_SHA384_WITHOUT_NULL: Algorithm =
    &Verification(RSA, rsa_without_null!(12), &signature::RSA_PKCS1_2048_8192_SHA384);
const RSA_SHA512_WITHOUT_NULL: Algorithm =
    &Verification(RSA, rsa_without_null!(13), &signature::RSA_PKCS1_2048_8192_SHA512);

/// The algorithm of the key, the algorithm of the signature, and the code that verifies such signatures.
#[derive(Debug)]
struct Verification(AlgorithmIdentifier, AlgorithmIdentifier, &'static dyn signature::VerificationAlgorithm);

impl SignatureVerificationAlgorithm for Verification {
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.1
    }

    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.2, key).verify(message, signature).map_err(|_| InvalidSignature)
    }
}
