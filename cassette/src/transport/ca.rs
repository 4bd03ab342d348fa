//! The certificate authority of this process, and the certificates that a session shows to clients in place of the real
//! hosts.
//!
//! The authority is created in memory at first use. Its key exists only in memory, and is never written to a file or a
//! log. Clients trust the authority for the duration of a test. A certificate is valid around two instants. Clients
//! inside a session verify it by the *session's* clock, and processes that the session starts verify it by the real
//! clock.
//!
//! Must not know: sockets, sessions.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use super::provider::provider;
use super::trust;
use crate::body::BoxError;
use crate::poison::unpoisoned;

/// Apple's verifiers refuse certificates that are valid for more than 825 days.
const VALID_BEFORE: time::Duration = time::Duration::days(400);
const VALID_AFTER: time::Duration = time::Duration::days(400);
/// If the clock has moved by more than this since a certificate was issued, a new certificate is issued.
const REISSUE: Duration = Duration::from_secs(300 * 24 * 60 * 60);

/// The authority that issues the certificates for all sessions of this process.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    /// All hosts share one key. A key for each host would cost time and gain nothing.
    host_key: KeyPair,
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only the clients of reqwest need it"))]
    der: CertificateDer<'static>,
    pem: String,
}

impl Ca {
    /// The authority, created at the first call.
    ///
    /// # Panics
    ///
    /// The system has no randomness for a key.
    pub(crate) fn get() -> Arc<Ca> {
        static CA: OnceLock<Arc<Ca>> = OnceLock::new();
        CA.get_or_init(|| Arc::new(Ca::make().expect("a P-256 key and a certificate made from it"))).clone()
    }

    /// The certificate in PEM (RFC 7468), for clients that need to trust the session.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificate in DER.
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only the clients of reqwest need it"))]
    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    fn make() -> Result<Ca, BoxError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("cassette CA of one test process");
        params.serial_number = Some(serial()?);
        // The validity covers every instant that a test may freeze.
        params.not_before = rcgen::date_time_ymd(1970, 1, 1);
        params.not_after = rcgen::date_time_ymd(2200, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let der = certificate.der().clone();
        let pem = pem(&der);
        Ok(Ca { issuer: Issuer::new(params, key), host_key: KeyPair::generate()?, der, pem })
    }

    /// A certificate for `host`, which is a name or an address. It is valid around the instants `at` and `real`.
    fn issue(
        &self,
        host: &str,
        at: SystemTime,
        real: SystemTime,
    ) -> Result<CertificateDer<'static>, BoxError> {
        let mut params = CertificateParams::default();
        // The common name is not the host, because a common name holds 64 characters at most (RFC 5280, appendix A.1).
        params.distinguished_name = name("cassette");
        params.serial_number = Some(serial()?);
        (params.not_before, params.not_after) = validity(at, real);
        params.subject_alt_names = vec![match host.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.try_into()?),
        }];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(&self.host_key, &self.issuer)?.der().clone())
    }
}

/// The certificates of one session, one for each host.
pub(super) struct HostCertificates {
    ca: Arc<Ca>,
    issued: Mutex<HashMap<String, Issued>>,
}

struct Issued {
    at: SystemTime,
    config: Arc<ServerConfig>,
}

impl HostCertificates {
    pub(super) fn new(ca: Arc<Ca>) -> HostCertificates {
        HostCertificates { ca, issued: Mutex::default() }
    }

    /// The configuration for a TLS handshake as `host` when the session's clock shows `now`.
    pub(super) fn config(&self, host: &str, now: SystemTime) -> Result<Arc<ServerConfig>, BoxError> {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let mut issued = unpoisoned(self.issued.lock());
        if let Some(known) = issued.get(&host).filter(|i| distance(i.at, now) < REISSUE) {
            return Ok(known.config.clone());
        }
        // The I/O threads that call this are outside of every session, so `SystemTime::now` is the real time.
        let chain = vec![self.ca.issue(&host, now, SystemTime::now())?];
        let key = PrivatePkcs8KeyDer::from(self.ca.host_key.serialize_der()).into();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = trust::alpn();
        let config = Arc::new(config);
        issued.insert(host, Issued { at: now, config: config.clone() });
        Ok(config)
    }
}

fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|e| e.duration())
}

fn validity(at: SystemTime, real: SystemTime) -> (OffsetDateTime, OffsetDateTime) {
    let (first, last) = (rcgen::date_time_ymd(1970, 1, 1), rcgen::date_time_ymd(2200, 1, 1));
    let date = |instant: SystemTime| {
        let seconds = match instant.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(_) => 0,
        };
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(last).clamp(first, last)
    };
    // Apple's verifiers would refuse a certificate that is valid around both instants, if they are far apart.
    let real = if cfg!(target_vendor = "apple") { at } else { real };
    let (early, late) = (date(at.min(real)), date(at.max(real)));
    ((early - VALID_BEFORE).max(first), (late + VALID_AFTER).min(last))
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// An unpredictable number.
pub(super) fn random() -> Result<u64, BoxError> {
    let mut bytes = [0; 8];
    provider().secure_random.fill(&mut bytes).map_err(|_| "no randomness")?;
    Ok(u64::from_ne_bytes(bytes))
}

/// A random serial number. rcgen's default is a hash of the key, which all hosts share, so every certificate would have
/// the same number. Clients that store certificates by issuer and serial number refuse that (RFC 5280 §4.1.2.2).
fn serial() -> Result<SerialNumber, BoxError> {
    let mut bytes = [0; 16];
    provider().secure_random.fill(&mut bytes).map_err(|_| "no randomness for a serial number")?;
    // Makes the number positive, with a first byte that is not zero.
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// A certificate in PEM (RFC 7468).
pub(super) fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for at in (0..encoded.len()).step_by(64) {
        text.push_str(&encoded[at..encoded.len().min(at + 64)]);
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{CertificateError, RootCertStore};

    use super::*;

    const DAY: u64 = 24 * 60 * 60;
    /// 2001-09-09T01:46:40Z.
    const BILLENNIUM: u64 = 1_000_000_000;

    fn instant(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Verifies a certificate that was issued to `host` while the session's clock showed `session`. The client asks for
    /// the host `asked`, and its clock shows `client`.
    #[track_caller]
    fn verify(host: &str, session: u64, asked: &str, client: u64) -> Result<(), rustls::Error> {
        let ca = Ca::get();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap()).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
        let leaf = ca.issue(host, instant(session), instant(session + 2000 * DAY)).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(client));
        let asked = ServerName::try_from(asked.to_owned()).unwrap();
        verifier.verify_server_cert(&leaf, &[], &asked, &[], now).map(drop)
    }

    #[test]
    fn certificates_hold_at_the_clock_of_the_session_and_the_real_one() {
        for at in [0, 1, BILLENNIUM, 1_700_000_000, 4_000_000_000, 7_258_118_399] {
            assert_eq!(verify("api.example.test", at, "api.example.test", at), Ok(()), "{at}");
        }
        // The real clock is two thousand days later.
        for at in [BILLENNIUM + 1000 * DAY, BILLENNIUM + 2390 * DAY] {
            let expected = !cfg!(target_vendor = "apple");
            assert_eq!(verify("api.example.test", BILLENNIUM, "api.example.test", at).is_ok(), expected);
        }
        for address in ["127.0.0.1", "::1"] {
            assert_eq!(verify(address, BILLENNIUM, address, BILLENNIUM), Ok(()), "{address}");
        }
        let long = format!("{}.example.test", ["a".repeat(60).as_str(), &"b".repeat(60)].join("."));
        assert_eq!(verify(&long, BILLENNIUM, &long, BILLENNIUM), Ok(()));
    }

    #[test]
    fn certificates_hold_nowhere_else() {
        let other_host = verify("api.example.test", BILLENNIUM, "other.example.test", BILLENNIUM);
        assert!(matches!(
            other_host,
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))
        ));
        let (before, after) = (BILLENNIUM - 413 * DAY, BILLENNIUM + 2413 * DAY);
        for at in [before, after] {
            assert!(verify("api.example.test", BILLENNIUM, "api.example.test", at).is_err(), "{at}");
        }
    }

    /// The extensions of RFC 5280 §4.2.1 that strict verifiers require, byte by byte (X.690).
    #[test]
    fn certificates_have_what_strict_verifiers_ask_for() {
        let ca = Ca::get();
        let leaf = ca.issue("api.example.test", instant(BILLENNIUM), instant(BILLENNIUM)).unwrap();
        let after = |der: &[u8], start: &[u8]| {
            let at = der.windows(start.len()).position(|w| w == start)?;
            Some(der[at + start.len()..].to_vec())
        };
        // The two critical extensions id-ce-basicConstraints and id-ce-keyUsage say that the certificate is an
        // authority, which signs certificates and revocation lists.
        assert!(
            after(ca.der(), b"\x55\x1d\x13\x01\x01\xff\x04\x08\x30\x06\x01\x01\xff\x02\x01\x00").is_some()
        );
        assert!(after(ca.der(), b"\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x01\x06").is_some());
        assert!(after(&leaf, b"\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\x80").is_some());
        // The authority's id-ce-subjectKeyIdentifier equals the leaf's id-ce-authorityKeyIdentifier.
        let subject = after(ca.der(), b"\x55\x1d\x0e\x04\x16\x04\x14").unwrap();
        let authority = after(&leaf, b"\x55\x1d\x23\x04\x18\x30\x16\x80\x14").unwrap();
        assert_eq!(subject[..20], authority[..20]);
    }

    #[test]
    fn a_host_keeps_its_certificate_until_the_clock_moves_far() {
        let hosts = HostCertificates::new(Ca::get());
        let first = hosts.config("API.example.test.", instant(BILLENNIUM)).unwrap();
        let same = hosts.config("api.example.test", instant(BILLENNIUM + DAY)).unwrap();
        assert!(Arc::ptr_eq(&first, &same));
        let later = hosts.config("api.example.test", instant(BILLENNIUM + 301 * DAY)).unwrap();
        assert!(!Arc::ptr_eq(&first, &later));
        let other = hosts.config("other.example.test", instant(BILLENNIUM)).unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn hosts_that_no_certificate_can_name_are_errors() {
        assert!(HostCertificates::new(Ca::get()).config("ä.example.test", instant(0)).is_err());
    }
}
