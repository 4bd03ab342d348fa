//! The transports and the upstream together, over real sockets: an API on loopback under an invented name, the proxy,
//! and real clients.

mod broken;
mod fixture;
mod passing;
mod streaming;
mod transports;
