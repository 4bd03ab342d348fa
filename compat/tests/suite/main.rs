//! Checks the tables in `docs/clients.md`. For every client and every transport, the suite starts a real TLS server
//! under an invented name, and records. Then it stops the server, and replays.
//!
//! After an intended change, run `UPDATE_TABLE=1 cargo test --manifest-path compat/Cargo.toml`, which writes the
//! tables.

mod cell;
mod explicit;
mod processes;
mod streams;
mod table;
mod transports;
mod upstream;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cell::Cell;

/// Runs the jobs on four threads, because tests of a user's project also run in parallel in one process. Returns the
/// cells in the order of the jobs.
fn all<J: Sync>(jobs: &[J], cell: impl Fn(&J) -> Cell + Sync) -> Vec<Cell> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let at = std::ptr::from_ref(job) as usize;
                    let cell = cell(job);
                    done.lock().unwrap().push((at, cell));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, cell)| cell).collect()
}

#[test]
fn clients_of_this_process() {
    let transports = transports::TRANSPORTS;
    let jobs: Vec<_> =
        transports::clients().flat_map(|c| transports.iter().map(move |transport| (c, *transport))).collect();
    let cells = all(&jobs, |(client, transport)| transports::cell(*client, *transport));
    let mut rows = Vec::new();
    for (client, cells) in transports::clients().zip(cells.chunks(transports.len())) {
        let mut row = vec![client.name.to_owned()];
        row.extend(cells.iter().map(Cell::text));
        row.push(client.how.to_owned());
        rows.push(row);
    }
    let mut head = vec!["client"];
    head.extend(transports.iter().map(|transport| transport.head()));
    head.push("how it is configured");
    table::check("clients", &head, &rows, &[]);
}

#[test]
fn processes() {
    let (programs, absent) = processes::all();
    let jobs: Vec<_> = programs.iter().flat_map(|p| processes::LAUNCHES.map(|launch| (p, launch))).collect();
    let cells = all(&jobs, |(program, launch)| processes::cell(program, *launch));
    let mut rows = Vec::new();
    for (program, cells) in programs.iter().zip(cells.chunks(processes::LAUNCHES.len())) {
        let mut row = vec![program.name.to_owned()];
        row.extend(cells.iter().map(Cell::text));
        rows.push(row);
    }
    let mut head = vec!["program"];
    head.extend(processes::LAUNCHES.map(|launch| launch.head()));
    table::check("processes", &head, &rows, &absent.iter().map(|p| p.name).collect::<Vec<_>>());
}
