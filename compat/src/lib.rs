//! The clients of the compatibility table. The code uses each client as its own documentation shows, and does not use
//! cassette. The program `main.rs` runs one of the clients in a process of its own.

pub mod blocking;
pub mod futures;
pub mod grpc;

/// A result with any error.
pub type Result<T = String, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// A client that fetches a text.
#[derive(Clone, Copy)]
pub struct Client {
    /// The name in the table.
    pub name: &'static str,
    /// Fetches the text at a URL.
    pub get: fn(url: &str) -> Result,
}

/// All clients, in the order of the table.
pub const CLIENTS: [Client; 16] = [
    Client { name: "reqwest 0.13, default features", get: futures::reqwest },
    Client { name: "reqwest 0.13, blocking", get: blocking::reqwest },
    Client { name: "reqwest 0.12, native-tls", get: futures::reqwest012_native_tls },
    Client { name: "reqwest 0.12, native-tls, blocking", get: blocking::reqwest012_native_tls },
    Client { name: "reqwest 0.12, rustls-tls-native-roots", get: futures::reqwest012_native_roots },
    Client {
        name: "reqwest 0.12, rustls-tls-native-roots, blocking",
        get: blocking::reqwest012_native_roots,
    },
    Client { name: "reqwest 0.12, rustls-tls (webpki roots)", get: futures::reqwest012_webpki_roots },
    Client { name: "reqwest-middleware 0.5", get: futures::reqwest_middleware },
    Client { name: "hyper-util + hyper-rustls, HTTP/2", get: futures::hyper },
    Client { name: "tower stack over hyper-util", get: futures::tower },
    Client { name: "isahc 2, native-tls", get: blocking::isahc },
    Client { name: "curl 0.4, static-curl", get: blocking::curl },
    Client { name: "ureq 3, platform verifier", get: blocking::ureq_platform },
    Client { name: "ureq 3, default (webpki roots)", get: blocking::ureq_webpki_roots },
    Client { name: "aws-sdk-sts 1", get: futures::aws },
    Client { name: "tonic 0.14, native roots", get: futures::tonic },
];

/// The client with this name in the table.
pub fn client(name: &str) -> Option<Client> {
    CLIENTS.into_iter().find(|client| client.name == name)
}
