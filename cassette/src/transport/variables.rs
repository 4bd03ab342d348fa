//! Environment variables that send a process's requests through a session and make its clients trust the session's
//! certificates. All code that starts processes uses this list, and so do the test's own threads.
//!
//! Must not know: how a process is started, and which session the list belongs to.

use std::ffi::OsString;
use std::path::Path;

use crate::ambient::own_hosts;

/// The variables that name a proxy. Only gRPC reads `grpc_proxy`.
const PROXIES: [&str; 7] =
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "grpc_proxy"];

/// The variables that exempt hosts from the proxy.
const EXEMPTIONS: [&str; 3] = ["NO_PROXY", "no_proxy", "no_grpc_proxy"];

/// The variables that name a file of certificates. The comment behind each variable lists the programs that read it.
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

/// The variables for a process that uses the proxy at `proxy` and trusts the certificates in the file `bundle`. They
/// replace inherited variables of the same names.
///
/// The process connects directly to servers on this machine, as the test's own threads do.
pub(crate) fn of_a_process(proxy: &str, bundle: &Path) -> Vec<(&'static str, OsString)> {
    let proxies = PROXIES.map(|name| (name, proxy.into()));
    // The exemptions are always set, because an inherited variable would exempt hosts from the session's proxy.
    let local = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter().chain(own_hosts());
    let local = local.collect::<Vec<_>>().join(",");
    let exemptions = EXEMPTIONS.map(|name| (name, OsString::from(&local)));
    let bundles = BUNDLES.map(|name| (name, bundle.into()));
    // Node reads the proxy variables since versions 22.21 and 24, and only if this variable is set.
    let node = ("NODE_USE_ENV_PROXY", "1".into());
    proxies.into_iter().chain(exemptions).chain(bundles).chain([node]).collect()
}

/// The variables as the test's own threads see them. They replace the variables of the process. `None` hides a
/// variable. The connections of these threads are intercepted, so the variables that name a proxy are hidden.
#[cfg(feature = "intercept")]
pub(crate) fn of_a_thread(bundle: &Path) -> Vec<(&'static str, Option<OsString>)> {
    let bundles = BUNDLES.map(|name| (name, Some(bundle.into())));
    let hidden = PROXIES.into_iter().chain(EXEMPTIONS).chain(["SSL_CERT_DIR"]).map(|name| (name, None));
    bundles.into_iter().chain(hidden).collect()
}
