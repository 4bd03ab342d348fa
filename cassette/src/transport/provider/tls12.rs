//! Cipher suites and record protection of TLS 1.2: AES-GCM (RFC 5288, RFC 5289) and ChaCha20-Poly1305 (RFC 7905), with
//! an ephemeral key exchange only.

use ring::aead::{self, Aad, LessSafeKey};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls12AeadAlgorithm, UnsupportedOperationError, make_tls12_aad,
};
use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::{CipherSuiteCommon, KeyExchangeAlgorithm};
use rustls::{
    CipherSuite, ConnectionTrafficSecrets, Error, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite,
};

use super::hash::{HMAC_SHA256, HMAC_SHA384, SHA256, SHA384};
use super::record::{self, AES_LIMIT, CHACHA_LIMIT, TAG};

/// Makes a suite from its name, the signature schemes of the server, the protection of records and its limit, and the
/// hash.
macro_rules! suite {
    ($name:ident, $signatures:ident, $protection:ident, $limit:ident, $hash:ident, $hmac:ident) => {
        SupportedCipherSuite::Tls12(&Tls12CipherSuite {
            common: CipherSuiteCommon {
                suite: CipherSuite::$name,
                hash_provider: &$hash,
                confidentiality_limit: $limit,
            },
            kx: KeyExchangeAlgorithm::ECDHE,
            sign: $signatures,
            aead_alg: $protection,
            prf_provider: &PrfUsingHmac(&$hmac),
        })
    };
}

/// The suites, with the preferred one first.
#[rustfmt::skip]
pub(super) const SUITES: &[SupportedCipherSuite] = &[
    suite!(TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, ECDSA, AES_256, AES_LIMIT, SHA384, HMAC_SHA384),
    suite!(TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ECDSA, AES_128, AES_LIMIT, SHA256, HMAC_SHA256),
    suite!(TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, ECDSA, CHACHA, CHACHA_LIMIT, SHA256, HMAC_SHA256),
    suite!(TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, RSA, AES_256, AES_LIMIT, SHA384, HMAC_SHA384),
    suite!(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, RSA, AES_128, AES_LIMIT, SHA256, HMAC_SHA256),
    suite!(TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, RSA, CHACHA, CHACHA_LIMIT, SHA256, HMAC_SHA256),
];

const ECDSA: &[SignatureScheme] = &[
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP256_SHA256,
];

const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

const AES_256: &Gcm = &Gcm(&aead::AES_256_GCM);
const AES_128: &Gcm = &Gcm(&aead::AES_128_GCM);
const CHACHA: &ChaCha = &ChaCha;

/// AES-GCM. The nonce has four secret bytes, the salt, and then eight bytes that are sent in front of each record, the
/// explicit part.
struct Gcm(&'static aead::Algorithm);

const SALT: usize = 4;
const EXPLICIT: usize = NONCE_LEN - SALT;

impl Tls12AeadAlgorithm for Gcm {
    /// The explicit part of the first nonce is a secret value, and each record counts on from it. So the nonces of two
    /// connections differ even if the connections have the same key.
    fn encrypter(&self, key: AeadKey, salt: &[u8], explicit: &[u8]) -> Box<dyn MessageEncrypter> {
        let mut iv = [0; NONCE_LEN];
        iv[..SALT].copy_from_slice(salt);
        iv[SALT..].copy_from_slice(explicit);
        Box::new(GcmEncrypter { key: record::key(self.0, &key), iv: Iv::from(iv) })
    }

    fn decrypter(&self, key: AeadKey, salt: &[u8]) -> Box<dyn MessageDecrypter> {
        let mut nonce = [0; NONCE_LEN];
        nonce[..SALT].copy_from_slice(salt);
        Box::new(GcmDecrypter { key: record::key(self.0, &key), nonce })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: self.0.key_len(), fixed_iv_len: SALT, explicit_nonce_len: EXPLICIT }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct GcmEncrypter {
    key: LessSafeKey,
    iv: Iv,
}

impl MessageEncrypter for GcmEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = message.payload.len();
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(length));
        let nonce = record::nonce(&self.iv, sequence);
        payload.extend_from_slice(&nonce.as_ref()[SALT..]);
        payload.extend_from_chunks(&message.payload);
        let aad = Aad::from(make_tls12_aad(sequence, message.typ, message.version, length));
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, aad, &mut payload.as_mut()[EXPLICIT..])
            .map_err(|_| Error::EncryptError)?;
        payload.extend_from_slice(tag.as_ref());
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, content: usize) -> usize {
        EXPLICIT + content + TAG
    }
}

struct GcmDecrypter {
    key: LessSafeKey,
    /// The salt, followed by the explicit part of the last record.
    nonce: [u8; NONCE_LEN],
}

impl MessageDecrypter for GcmDecrypter {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let explicit = message.payload.get(..EXPLICIT).ok_or(Error::DecryptError)?;
        self.nonce[SALT..].copy_from_slice(explicit);
        let nonce = aead::Nonce::assume_unique_for_key(self.nonce);
        open(&self.key, nonce, message, sequence, EXPLICIT)
    }
}

/// ChaCha20-Poly1305. The nonce is derived from the sequence number, as in TLS 1.3.
struct ChaCha;

impl Tls12AeadAlgorithm for ChaCha {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(ChaChaProtection { key: record::key(&aead::CHACHA20_POLY1305, &key), iv: Iv::copy(iv) })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(ChaChaProtection { key: record::key(&aead::CHACHA20_POLY1305, &key), iv: Iv::copy(iv) })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: aead::CHACHA20_POLY1305.key_len(),
            fixed_iv_len: NONCE_LEN,
            explicit_nonce_len: 0,
        }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct ChaChaProtection {
    key: LessSafeKey,
    iv: Iv,
}

impl MessageEncrypter for ChaChaProtection {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = message.payload.len();
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(length));
        payload.extend_from_chunks(&message.payload);
        let nonce = record::nonce(&self.iv, sequence);
        let aad = Aad::from(make_tls12_aad(sequence, message.typ, message.version, length));
        self.key.seal_in_place_append_tag(nonce, aad, &mut payload).map_err(|_| Error::EncryptError)?;
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, content: usize) -> usize {
        content + TAG
    }
}

impl MessageDecrypter for ChaChaProtection {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let nonce = record::nonce(&self.iv, sequence);
        open(&self.key, nonce, message, sequence, 0)
    }
}

/// The largest content of a record (RFC 5246 §6.2.1).
const LONGEST: usize = 1 << 14;

fn open<'a>(
    key: &LessSafeKey,
    nonce: aead::Nonce,
    mut message: InboundOpaqueMessage<'a>,
    sequence: u64,
    explicit: usize,
) -> Result<InboundPlainMessage<'a>, Error> {
    let payload = &mut message.payload;
    let length = payload.len().checked_sub(explicit + TAG).ok_or(Error::DecryptError)?;
    let aad = Aad::from(make_tls12_aad(sequence, message.typ, message.version, length));
    let length = record::open(key, nonce, aad, payload, explicit)?;
    if length > LONGEST {
        return Err(Error::PeerSentOversizedRecord);
    }
    payload.truncate(length);
    Ok(message.into_plain_message())
}
