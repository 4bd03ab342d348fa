//! What the benches share, and the comparison with other tools.

pub mod data;
pub mod measure;
pub mod ours;
pub mod server;
pub mod table;
pub mod workload;

/// Whatever goes wrong in a measurement.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a measurement.
pub type Result<T, E = Error> = std::result::Result<T, E>;
