//! `prices DATA_DIR` runs the component once. It reads `DATA_DIR/config.json` and `DATA_DIR/in`, and writes
//! `DATA_DIR/out`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use prices::component::{Config, Dirs, run};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(data) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: prices DATA_DIR");
        return ExitCode::from(2);
    };
    match extract(&data).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn extract(data: &std::path::Path) -> Result<(), Box<dyn Error>> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "a cryptography provider is already installed")?;
    let config = Config::read(&data.join("config.json"))?;
    let http = reqwest::Client::builder().user_agent("prices-extractor/1.0").build()?;
    let summary = run(&http, &config, &Dirs::under(data)).await?;
    for table in &summary.tables {
        println!("{}: {} rows", table.name, table.rows);
    }
    println!("{} requests, {} of them repeated", summary.requests, summary.retries);
    Ok(())
}
