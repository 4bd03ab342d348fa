//! Code that the benchmarks share with each other and with the comparison of other tools in `peers/`.

pub mod data;
pub mod measure;
pub mod ours;
pub mod server;
pub mod table;
pub mod workload;

/// Any error of a measurement.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a measurement.
pub type Result<T, E = Error> = std::result::Result<T, E>;
