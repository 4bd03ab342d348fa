//! Compares the tables in the documentation with the results of the suite.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// Compares `rows` with the table between the marks `<!-- table: NAME -->` and `<!-- end of table -->`. If
/// `UPDATE_TABLE` is set, writes the table instead. `absent` has the names of rows that cannot be checked on this
/// machine. These rows stay as they are in the file.
#[track_caller]
pub(crate) fn check(name: &str, head: &[&str], rows: &[Vec<String>], absent: &[&str]) {
    static FILE: Mutex<()> = Mutex::new(());
    let _file = FILE.lock().unwrap_or_else(|e| e.into_inner());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md");
    let text = fs::read_to_string(&path).expect("docs/clients.md");
    let (start, end) = (format!("<!-- table: {name} -->\n\n"), "\n<!-- end of table -->");
    let (before, rest) = text.split_once(&start).unwrap_or_else(|| panic!("docs/clients.md has no {start}"));
    let (committed, after) = rest.split_once(end).expect("an end of the table");

    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut found = line(&head.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
    found += &format!("|{}\n", "---|".repeat(head.len()));
    found.extend(rows.iter().map(|row| line(row)));
    for kept in committed.lines().skip(2) {
        let name = kept.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
        if absent.contains(&name) {
            println!("not installed here: {name}");
            found += &format!("{kept}\n");
        }
    }
    let sorted = |table: &str| {
        let mut lines: Vec<_> = table.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    if std::env::var_os("UPDATE_TABLE").is_some() {
        fs::write(&path, format!("{before}{start}{found}{end}{after}")).expect("written");
    } else if sorted(&found) != sorted(committed) {
        panic!(
            "the table `{name}` of docs/clients.md differs from the results.\n\n\
             committed:\n{committed}\nfound:\n{found}\n\
             To write it:\n    UPDATE_TABLE=1 cargo test --manifest-path compat/Cargo.toml"
        );
    }
}
