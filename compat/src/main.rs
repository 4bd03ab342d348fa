//! `client NAME URL` runs one client of the table. The program does not use cassette.

use std::process::ExitCode;

use cassette_compat::client;

fn main() -> ExitCode {
    let [name, url] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("a client and a URL");
    let client = client(&name).unwrap_or_else(|| panic!("there is no client `{name}`"));
    match (client.get)(&url) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e:?}");
            ExitCode::FAILURE
        }
    }
}
