//! Runs the same workloads with cassette and with other record and replay tools.
//!
//! Run it with `cargo run --manifest-path benches/peers/Cargo.toml --release`. It has the same options as the benchmark
//! `workloads`. If a tool panics, returns the wrong number of bytes, or exceeds a limit, the table shows this instead
//! of figures.

use std::path::PathBuf;

use cassette_benches::measure::{Job, Role};
use cassette_benches::{Result, ours, table};
use cassetter::{RecordMode, Recorder};
use httpmock::MockServer;
use reqwest_middleware::ClientBuilder;
use reqwest_vcr::{VCRMiddleware, VCRMode};
use tokio::runtime::{Builder, Runtime};

const PEERS: [Role; 6] = [
    Role { name: "cassetter, record", group: "cassetter", run: |job| cassetter(job, RecordMode::Rewrite) },
    Role { name: "cassetter, replay", group: "cassetter", run: |job| cassetter(job, RecordMode::None) },
    Role { name: "reqwest-vcr, record", group: "reqwest-vcr", run: |job| vcr(job, VCRMode::Record) },
    Role { name: "reqwest-vcr, replay", group: "reqwest-vcr", run: |job| vcr(job, VCRMode::Replay) },
    Role { name: "httpmock, record", group: "httpmock", run: httpmock_record },
    Role { name: "httpmock, replay", group: "httpmock", run: httpmock_replay },
];

fn main() -> Result<()> {
    table::main(&[&ours::ROLES[..], &PEERS].concat())?;
    Ok(())
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn cassetter(job: &Job, mode: RecordMode) -> Result<u64> {
    let recorder = Recorder::builder(job.dir.join("cassette.yaml")).record_mode(mode).build()?;
    let client = cassetter::reqwest::Client::new(job.client()?, recorder.clone());
    runtime()?.block_on(async {
        let bytes = job.workload.run(&job.base(), async |request| client.execute(request).await).await?;
        recorder.finish().await?;
        Ok(bytes)
    })
}

fn vcr(job: &Job, mode: VCRMode) -> Result<u64> {
    let file = job.dir.join("cassette.json");
    if matches!(mode, VCRMode::Record) && file.exists() {
        std::fs::remove_file(&file)?;
    }
    let vcr = VCRMiddleware::try_from(file)?.with_mode(mode);
    let client = ClientBuilder::new(job.client()?).with(vcr).build();
    // The middleware writes its file when it is dropped, at the end of this function.
    runtime()?.block_on(job.workload.run(&job.base(), async |request| client.execute(request).await))
}

/// httpmock records in a server of its own, which forwards requests over plain HTTP. The client connects to the address
/// of this server.
fn httpmock_record(job: &Job) -> Result<u64> {
    for old in recordings(job)? {
        std::fs::remove_file(old)?;
    }
    let server = MockServer::start();
    server.forward_to(format!("http://{}", job.address), |rule| {
        rule.filter(|when| {
            when.any_request();
        });
    });
    let recording = server.record(|rule| {
        rule.filter(|when| {
            when.any_request();
        });
    });
    let bytes = httpmock_ask(job, &server)?;
    recording.save_to(&job.dir, "cassette").map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn httpmock_replay(job: &Job) -> Result<u64> {
    let server = MockServer::start();
    let file = recordings(job)?.pop().ok_or("there is no recording")?;
    server.playback(file);
    httpmock_ask(job, &server)
}

fn httpmock_ask(job: &Job, server: &MockServer) -> Result<u64> {
    let client = job.client()?;
    runtime()?.block_on(job.workload.run(&server.base_url(), async |request| client.execute(request).await))
}

fn recordings(job: &Job) -> Result<Vec<PathBuf>> {
    let files = std::fs::read_dir(&job.dir)?.map(|entry| Ok(entry?.path()));
    files.collect()
}
