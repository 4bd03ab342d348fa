//! The parts of record protection that both versions of TLS share.

use ring::aead::{self, Aad, LessSafeKey, UnboundKey};
use rustls::Error;
use rustls::crypto::cipher::{AeadKey, Iv, Nonce};

/// After this number of messages with one AES-GCM key, rustls asks for a new key (RFC 8446 §5.5). For ChaCha20-Poly1305
/// no connection could reach the limit.
pub(super) const AES_LIMIT: u64 = 1 << 24;
pub(super) const CHACHA_LIMIT: u64 = u64::MAX;

/// The length of the tag that ends every protected record.
pub(super) const TAG: usize = 16;

/// # Panics
///
/// The key does not have the length that `algorithm` needs. This does not happen, because rustls derives each key with
/// the length that the suite states.
pub(super) fn key(algorithm: &'static aead::Algorithm, key: &AeadKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).expect("a key of the algorithm's length"))
}

/// The nonce of the record with this sequence number. rustls never uses a sequence number twice with one key.
pub(super) fn nonce(iv: &Iv, sequence: u64) -> aead::Nonce {
    aead::Nonce::assume_unique_for_key(Nonce::new(iv, sequence).0)
}

/// Decrypts `record` in place, and returns the length of the plain text at its start. The first `skipped` bytes of
/// `record` are not encrypted, and are overwritten.
pub(super) fn open<A: AsRef<[u8]>>(
    key: &LessSafeKey,
    nonce: aead::Nonce,
    aad: Aad<A>,
    record: &mut [u8],
    skipped: usize,
) -> Result<usize, Error> {
    let plain = key.open_within(nonce, aad, record, skipped..);
    plain.map(|plain| plain.len()).map_err(|_| Error::DecryptError)
}
