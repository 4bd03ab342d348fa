//! The roles of this package: the plain client, and the same client with two transports of cassette, recording and
//! replaying.

use cassette::{Config, Mode, Session, SessionBuilder};
use reqwest_middleware::ClientBuilder;

use crate::Result;
use crate::measure::{Job, Role};
use crate::server::HOST;
use crate::workload::SECRET;

/// All roles of this package, the plain client first.
pub const ROLES: [Role; 5] = [
    Role { name: "plain", group: "plain", run: plain },
    Role { name: "record in process", group: "in_process", run: |job| in_process(job, Mode::Record) },
    Role { name: "replay in process", group: "in_process", run: |job| in_process(job, Mode::Replay) },
    Role { name: "record by proxy", group: "proxy", run: |job| by_proxy(job, Mode::Record) },
    Role { name: "replay by proxy", group: "proxy", run: |job| by_proxy(job, Mode::Replay) },
];

fn plain(job: &Job) -> Result<u64> {
    let client = job.client()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(job.workload.run(&job.base(), async |request| client.execute(request).await))
}

fn in_process(job: &Job, mode: Mode) -> Result<u64> {
    let (bytes, _) = session(job, mode).run_async(async |session| -> Result<u64> {
        let client = ClientBuilder::new(job.client()?).with(session.middleware()).build();
        job.workload.run(&job.base(), async |request| client.execute(request).await).await
    })?;
    Ok(bytes)
}

fn by_proxy(job: &Job, mode: Mode) -> Result<u64> {
    let (bytes, _) = session(job, mode).run_async(async |session| -> Result<u64> {
        let client = session.client()?;
        job.workload.run(&job.base(), async |request| client.execute(request).await).await
    })?;
    Ok(bytes)
}

fn session(job: &Job, mode: Mode) -> SessionBuilder {
    // The session has one secret, as in a typical project.
    let config = Config::new().extra_root(job.root.clone()).resolve(HOST, job.address);
    Session::builder(job.workload.name)
        .package_dir(&job.dir)
        .config(config.secret("API_KEY", SECRET))
        .mode(mode)
}
