//! What the environment of a process says, so that its requests go through a session and its clients trust it: one
//! list for everything that starts processes, and for what a test's own threads are shown.
//!
//! Must not know: how a process is started, whose list it is.

use std::ffi::OsString;
use std::path::Path;

/// Names of the variables that tell clients of a proxy. gRPC has a name of its own.
const PROXIES: [&str; 7] =
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "grpc_proxy"];

/// Names of the variables for hosts that go past it.
const EXEMPTIONS: [&str; 3] = ["NO_PROXY", "no_proxy", "no_grpc_proxy"];

/// Names of the variables for a file of certificates, by who reads them.
const BUNDLES: [&str; 10] = [
    "SSL_CERT_FILE",                    // OpenSSL, Go, rustls-native-certs, Python, Ruby
    "CURL_CA_BUNDLE",                   // curl, requests
    "REQUESTS_CA_BUNDLE",               // requests
    "NODE_EXTRA_CA_CERTS",              // Node
    "AWS_CA_BUNDLE",                    // boto, the AWS command line
    "GIT_SSL_CAINFO",                   // Git
    "CARGO_HTTP_CAINFO",                // Cargo
    "PIP_CERT",                         // pip
    "DENO_CERT",                        // Deno
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", // gRPC
];

/// The variables of a process whose requests are to go through the proxy at `proxy`, and which finds the certificate
/// to trust in the file `bundle`. They replace what it has under the same names.
///
/// A server on this machine is asked directly, as by the test's own threads.
pub(crate) fn of_a_process(proxy: &str, bundle: &Path) -> Vec<(&'static str, OsString)> {
    let proxies = PROXIES.map(|name| (name, proxy.into()));
    // Set in any case, or a variable that is inherited would let hosts go past the session.
    let exemptions = EXEMPTIONS.map(|name| (name, "localhost,127.0.0.1,::1".into()));
    let bundles = BUNDLES.map(|name| (name, bundle.into()));
    // From version 22.21 and 24 on Node looks at the others only with this one.
    let node = ("NODE_USE_ENV_PROXY", "1".into());
    proxies.into_iter().chain(exemptions).chain(bundles).chain([node]).collect()
}

/// What threads of the test itself are shown instead of the process's own variables; `None` is for one that isn't
/// there. Their connections are led to the session, so a proxy would only be in the way.
#[cfg(feature = "intercept")]
pub(crate) fn of_a_thread(bundle: &Path) -> Vec<(&'static str, Option<OsString>)> {
    let bundles = BUNDLES.map(|name| (name, Some(bundle.into())));
    let hidden = PROXIES.into_iter().chain(EXEMPTIONS).chain(["SSL_CERT_DIR"]).map(|name| (name, None));
    bundles.into_iter().chain(hidden).collect()
}
