//! Connections between our provider and the provider of rustls, with every suite and group.

use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection};

use super::super::new;
use super::RSA_KEY;

const HOST: &str = "api.example.test";
/// The length of a message in bytes. It needs several records.
const LENGTH: usize = 40_000;

struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    fn new(key: &KeyPair) -> Identity {
        let params = CertificateParams::new([HOST.to_owned()]).unwrap();
        Identity { certificate: params.self_signed(key).unwrap().der().clone(), key: key.serialize_der() }
    }

    fn ecdsa() -> Identity {
        Identity::new(&KeyPair::generate().unwrap())
    }

    fn rsa() -> Identity {
        Identity::new(&KeyPair::try_from(RSA_KEY).unwrap())
    }
}

fn theirs() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Providers with one suite and one group: each suite with the first group, and the first suite with each other group.
fn each(whole: &CryptoProvider) -> Vec<CryptoProvider> {
    let with = |suite: usize, group: usize| CryptoProvider {
        cipher_suites: vec![whole.cipher_suites[suite]],
        kx_groups: vec![whole.kx_groups[group]],
        ..whole.clone()
    };
    let suites = (0..whole.cipher_suites.len()).map(|suite| with(suite, 0));
    suites.chain((1..whole.kx_groups.len()).map(|group| with(0, group))).collect()
}

struct Pair {
    client: ClientConnection,
    server: ServerConnection,
    /// The contents that each side has received.
    client_received: Vec<u8>,
    server_received: Vec<u8>,
}

impl Pair {
    fn new(client: CryptoProvider, server: CryptoProvider, identity: &Identity) -> Pair {
        let mut roots = RootCertStore::empty();
        roots.add(identity.certificate.clone()).unwrap();
        let client = ClientConfig::builder_with_provider(client.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(identity.key.clone()).into();
        let server = ServerConfig::builder_with_provider(server.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate.clone()], key)
            .unwrap();
        Pair {
            client: ClientConnection::new(Arc::new(client), HOST.try_into().unwrap()).unwrap(),
            server: ServerConnection::new(Arc::new(server)).unwrap(),
            client_received: vec![],
            server_received: vec![],
        }
    }

    /// Carries bytes between the two sides until no side has anything to send. `change` may change the bytes that the
    /// client sends.
    fn run(&mut self, mut change: impl FnMut(&mut Vec<u8>)) -> Result<(), Error> {
        loop {
            let mut sent = vec![];
            while self.client.wants_write() {
                self.client.write_tls(&mut sent).unwrap();
            }
            change(&mut sent);
            let mut rest = &sent[..];
            while !rest.is_empty() {
                self.server.read_tls(&mut rest).unwrap();
                self.server.process_new_packets()?;
                drain(self.server.reader(), &mut self.server_received);
            }
            let mut answer = vec![];
            while self.server.wants_write() {
                self.server.write_tls(&mut answer).unwrap();
            }
            let mut rest = &answer[..];
            while !rest.is_empty() {
                self.client.read_tls(&mut rest).unwrap();
                self.client.process_new_packets()?;
                drain(self.client.reader(), &mut self.client_received);
            }
            if sent.is_empty() && answer.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Reads the contents that have arrived. Then the reader returns `WouldBlock`, because the connection is still open.
fn drain(mut reader: rustls::Reader<'_>, into: &mut Vec<u8>) {
    let end = reader.read_to_end(into).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::WouldBlock);
}

#[track_caller]
fn check(client: CryptoProvider, server: CryptoProvider, identity: &Identity) {
    let suite = if client.cipher_suites.len() == 1 { &client } else { &server };
    let (suite, group) = (suite.cipher_suites[0], suite.kx_groups[0].name());
    let mut pair = Pair::new(client, server, identity);
    pair.run(|_| {}).unwrap_or_else(|e| panic!("{suite:?}, {group:?}: {e}"));
    assert_eq!(pair.client.negotiated_cipher_suite(), Some(suite));
    assert_eq!(pair.server.negotiated_key_exchange_group().unwrap().name(), group);

    // Without this, the buffer of a connection would be smaller than the message.
    let message: Vec<u8> = (0..LENGTH).map(|i| (i % 251) as u8).collect();
    pair.client.set_buffer_limit(None);
    pair.server.set_buffer_limit(None);
    pair.client.writer().write_all(&message).unwrap();
    pair.server.writer().write_all(&message).unwrap();
    pair.run(|_| {}).unwrap_or_else(|e| panic!("{suite:?}: {e}"));
    assert!(pair.server_received == message && pair.client_received == message, "{suite:?}");

    // The server refuses a record that was changed on the way.
    pair.client.writer().write_all(b"secret").unwrap();
    let changed = pair.run(|bytes| bytes.last_mut().into_iter().for_each(|byte| *byte ^= 1));
    assert_eq!(changed, Err(Error::DecryptError), "{suite:?}");
}

#[test]
fn our_client_with_their_server() {
    let (ecdsa, rsa) = (Identity::ecdsa(), Identity::rsa());
    for client in each(&new()) {
        let needs_rsa = format!("{:?}", client.cipher_suites[0].suite()).contains("_RSA_");
        check(client, theirs(), if needs_rsa { &rsa } else { &ecdsa });
    }
    // In TLS 1.3, every suite works with every kind of certificate key.
    check(each(&new()).remove(0), theirs(), &rsa);
}

#[test]
fn their_client_with_our_server() {
    let identity = Identity::ecdsa();
    for client in each(&theirs()) {
        let suite = client.cipher_suites[0].suite();
        let ours = new().cipher_suites.iter().any(|s| s.suite() == suite);
        if ours && !format!("{suite:?}").contains("_RSA_") {
            check(client, new(), &identity);
        }
    }
}

#[test]
fn short_records_are_refused() {
    for client in each(&theirs()) {
        let suite = client.cipher_suites[0];
        let ours = new().cipher_suites.iter().any(|s| s.suite() == suite.suite());
        if !ours || format!("{:?}", suite.suite()).contains("_RSA_") {
            continue;
        }
        for length in [1, 7, 8, 15, 16, 17, 21] {
            let mut pair = Pair::new(client.clone(), new(), &Identity::ecdsa());
            pair.run(|_| {}).unwrap();
            pair.client.writer().write_all(b"secret").unwrap();
            let short = pair.run(|bytes| {
                // The header of a record is its type, its version, and its length.
                bytes.truncate(5 + length);
                bytes[4] = length as u8;
            });
            assert_eq!(short, Err(Error::DecryptError), "{suite:?}, {length} bytes");
        }
    }
}

#[test]
fn a_stranger_is_refused() {
    let (known, stranger) = (Identity::ecdsa(), Identity::ecdsa());
    // The liar shows the certificate of `known`, but signs with another key.
    let liar = Identity { certificate: known.certificate.clone(), key: stranger.key };
    for client in each(&new()) {
        if format!("{:?}", client.cipher_suites[0].suite()).contains("_RSA_") {
            continue;
        }
        // Our provider does not check that the key belongs to the certificate, so this server starts.
        let mut pair = Pair::new(client, new(), &liar);
        let e = pair.run(|_| {}).unwrap_err();
        assert_eq!(e, Error::InvalidCertificate(rustls::CertificateError::BadSignature));
    }
}
