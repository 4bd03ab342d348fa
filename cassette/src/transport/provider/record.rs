//! The parts of record protection that both versions of TLS share.

use ring::aead::{self, Aad, LessSafeKey, UnboundKey};
use rustls::Error;
use rustls::crypto::cipher::{AeadKey, Iv, Nonce};

/// Messages under one key after which rustls asks for a new one. For AES-GCM see RFC 8446 §5.5; ChaCha20-Poly1305 has
/// no limit that a connection could reach.
pub(super) const AES_LIMIT: u64 = 1 << 24;
pub(super) const CHACHA_LIMIT: u64 = u64::MAX;

/// The length of the tag that ends every protected record.
pub(super) const TAG: usize = 16;

/// # Panics
///
/// The key has another length than the algorithm's. rustls derives each key with the length that the suite states.
pub(super) fn key(algorithm: &'static aead::Algorithm, key: &AeadKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).expect("a key of the algorithm's length"))
}

/// The nonce of the record with this sequence number. rustls never repeats a sequence number under one key.
pub(super) fn nonce(iv: &Iv, sequence: u64) -> aead::Nonce {
    aead::Nonce::assume_unique_for_key(Nonce::new(iv, sequence).0)
}

/// Decrypts `record` in place, and returns the length of the plain text at its start. `skipped` bytes before the
/// encrypted ones are overwritten.
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
