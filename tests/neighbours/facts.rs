//! What rustls and reqwest do in this package, outside of every session. `.ci/shared-features` compares the facts with
//! those of the same package without cassette.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::panic::catch_unwind;

fn fact(name: &str, value: impl std::fmt::Debug) {
    println!("\nfact: {name}: {value:?}");
}

/// One test, because rustls installs the provider that it finds, and reqwest would use that.
#[test]
fn facts() {
    fact("http", sent("http"));
    fact("https", sent("https"));
    #[cfg(feature = "rustls")]
    fact("default provider", default_provider());
}

/// The groups and suites of the provider that rustls finds without being told.
#[cfg(feature = "rustls")]
fn default_provider() -> (Vec<rustls::NamedGroup>, Vec<rustls::CipherSuite>) {
    let builder = rustls::ClientConfig::builder();
    let provider = builder.crypto_provider();
    let groups = provider.kx_groups.iter().map(|g| g.name()).collect();
    (groups, provider.cipher_suites.iter().map(|s| s.suite()).collect())
}

/// What a client of reqwest sends first, in plain text or in TLS.
fn sent(scheme: &str) -> Result<Vec<String>, String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return vec![] };
        let mut first = vec![0; 8192];
        let length = stream.read(&mut first).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        first.truncate(length);
        first
    });
    let address = url.split('/').nth(2).unwrap().to_owned();
    let answer = catch_unwind(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { reqwest::Client::new().get(&url).send().await.map(|r| r.status()) })
    });
    let Ok(answer) = answer else { return Err("the client panics".into()) };
    // A client that did not connect leaves the server waiting.
    let _ = std::net::TcpStream::connect(&address).and_then(|mut s| s.write_all(b"nothing"));
    let first = server.join().unwrap();
    if first == b"nothing" {
        return Err(format!("no connection: {}", answer.is_err()));
    }
    Ok(match first.first() {
        // A handshake (RFC 8446 §5.1): the order of its extensions is random.
        Some(22) => {
            let offers = |protocol: &[u8]| first.windows(protocol.len()).any(|w| w == protocol);
            vec![format!("h2: {}, http/1.1: {}", offers(b"\x02h2"), offers(b"\x08http/1.1"))]
        }
        _ => {
            let head = String::from_utf8_lossy(&first).into_owned();
            head.lines().filter(|line| !line.starts_with("host:")).map(str::to_owned).collect()
        }
    })
}
