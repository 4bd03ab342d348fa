//! An example: a program to test, and the API that it calls.
//!
//! * [`component`] extracts prices from an HTTP API into CSV tables. It does not know cassette.
//! * [`api`] is the API: an HTTPS server on loopback, whose responses depend on a seed.
//! * [`harness`] runs the component in a session. The generated tests call it.
//!
//! `definitions.json` next to this file lists the configurations with which the tests run the component.
//!
//! ```
//! use prices::api::ApiServer;
//! use prices::component::{Config, Dirs, run};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let _ = rustls::crypto::ring::default_provider().install_default();
//! let server = ApiServer::start(7)?;
//! let secrets = server.credentials();
//! let config = serde_json::json!({"parameters": {
//!     "base_url": format!("https://{}", server.addr()),
//!     "#api_key": secrets.api_key, "client_id": secrets.client_id, "#client_secret": secrets.client_secret,
//!     "markets": ["cz"], "tables": ["products"],
//! }});
//! let config = Config::parse(&config.to_string())?;
//! let http = reqwest::Client::builder()
//!     .tls_certs_only([reqwest::Certificate::from_pem(server.ca_pem().as_bytes())?])
//!     .build()?;
//!
//! let data = std::env::temp_dir().join(format!("prices-{}", std::process::id()));
//! let summary = tokio::runtime::Runtime::new()?.block_on(run(&http, &config, &Dirs::under(&data)))?;
//! assert_eq!(summary.tables[0].name, "products.csv");
//! # std::fs::remove_dir_all(&data)?;
//! # Ok(())
//! # }
//! ```

pub mod api;
pub mod component;
pub mod harness;
