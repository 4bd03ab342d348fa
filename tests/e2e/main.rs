//! End-to-end tests: the public API, real servers on loopback, real files, and what a user sees.

mod ambient;
mod api;
mod base_url;
mod bodies;
mod children;
mod clocks;
mod concurrency;
mod disk_full;
mod docs;
mod exactness;
mod failures;
mod fixture;
mod http_edges;
mod in_process;
mod killed;
mod matching;
mod modes;
mod processes;
mod project;
mod recording;
mod redaction_places;
mod secret_sources;
mod summary;
mod templates;
mod untrusted;
mod wire;
