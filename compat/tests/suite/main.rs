//! The compatibility table of `docs/clients.md`, which this suite writes and checks: every client, every way, recorded
//! from a real server behind TLS under an invented name and replayed with the server gone.
//!
//! After a change that means to change the table:
//! `UPDATE_TABLE=1 cargo test --manifest-path compat/Cargo.toml`.

mod cell;
mod explicit;
mod processes;
mod table;
mod transports;
mod upstream;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cell::Cell;

/// Works through all jobs on a few threads: sessions at once in one process, as tests are.
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
    let ways = transports::WAYS;
    let jobs: Vec<_> = transports::clients().flat_map(|c| ways.iter().map(move |way| (c, *way))).collect();
    let cells = all(&jobs, |(client, way)| transports::cell(*client, *way));
    let mut rows = Vec::new();
    for (client, cells) in transports::clients().zip(cells.chunks(ways.len())) {
        let mut row = vec![client.name.to_owned()];
        row.extend(cells.iter().map(Cell::shown));
        row.push(client.how.to_owned());
        rows.push(row);
    }
    let mut head = vec!["client"];
    head.extend(ways.iter().map(|way| way.head()));
    head.push("how it is configured");
    table::check("clients", &head, &rows, &[]);
}

#[test]
fn processes() {
    let (programs, absent) = processes::all();
    let jobs: Vec<_> = programs.iter().flat_map(|p| processes::WAYS.map(|way| (p, way))).collect();
    let cells = all(&jobs, |(program, way)| processes::cell(program, *way));
    let mut rows = Vec::new();
    for (program, cells) in programs.iter().zip(cells.chunks(processes::WAYS.len())) {
        let mut row = vec![program.name.to_owned()];
        row.extend(cells.iter().map(Cell::shown));
        rows.push(row);
    }
    let mut head = vec!["program"];
    head.extend(processes::WAYS.map(|way| way.head()));
    table::check("processes", &head, &rows, &absent.iter().map(|p| p.name).collect::<Vec<_>>());
}
