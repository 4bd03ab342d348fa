//! The layers of the library: each folder or file may import only from those that stand before it in a list.
//!
//! Add a new folder to the list. An import that runs upwards fails the test. Cut it, if possible: move the type to a
//! folder that both sides may import. `UPWARDS` allows the imports that nobody can cut, each with a reason.

use std::collections::{BTreeMap, BTreeSet};

use super::source;
use super::source::{Source, Target};

/// The folders and files of `cassette/src`, from the ground up.
const ROOMS: &[&str] = &[
    // Leaves: one idea each, which know nothing of cassettes.
    "error.rs",
    "edit_distance.rs",
    "hex.rs",
    "hosts.rs",
    "media_type.rs",
    "placeholder.rs",
    "poison.rs",
    "transport_error.rs",
    "wild.rs",
    "cores.rs",
    "file_replacement.rs",
    "json",
    "syntax",
    "decode",
    "body.rs",
    "failure.rs",
    "clock.rs",
    "mode.rs",
    "ambient.rs",
    "target.rs",
    // The files, and what judges and changes their contents.
    "tape",
    "snapshot",
    "drift",
    "matcher",
    "redact",
    "scan.rs",
    "volatile.rs",
    "template",
    "capture.rs",
    // The texts and the settings.
    "report",
    "config",
    // The way of a request.
    "transport",
    "recorder",
    "player",
    "engine",
    "in_process",
    // One test, and many.
    "session",
    "private.rs",
    "support.rs",
    "scaffold",
    "lib.rs",
];

/// The folders and files of `cassette/src/redact`, from the ground up.
const REDACT: &[&str] = &[
    "side.rs",
    "rules",
    "objection.rs",
    "patterns",
    "values",
    "account",
    "leaks",
    "restore.rs",
    "text",
    "formats",
    "links",
    "body.rs",
    "redactor.rs",
    "before_read.rs",
    "heads",
    "hooks.rs",
    "suggest.rs",
    "mod.rs",
];

/// The imports that run upwards and are allowed: from, to, reason.
const UPWARDS: &[(&str, &str, &str)] = &[];

/// One folder's order.
struct Order {
    /// The folder below `cassette/src`, empty or with a slash at its end.
    folder: &'static str,
    /// From the ground up.
    rooms: &'static [&'static str],
}

const ORDERS: &[Order] = &[Order { folder: "", rooms: ROOMS }, Order { folder: "redact/", rooms: REDACT }];

/// The imports between the folders and files of one folder, each with the names that are imported.
type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

#[test]
fn no_arrow_runs_upwards() {
    let source = source();
    let mut wrong = vec![];
    for order in ORDERS {
        let arrows = arrows(&source, order.folder);
        let height = |room: &str| order.rooms.iter().position(|r| *r == room);
        let found: BTreeSet<_> = rooms(&source, order.folder);
        for room in &found {
            if height(room).is_none() {
                wrong.push(format!("{}{room} has no place in the list of its folder", order.folder));
            }
        }
        for room in order.rooms.iter().filter(|room| !found.contains(**room)) {
            wrong.push(format!("{}{room} is in the list, and not there", order.folder));
        }
        for ((from, to), names) in &arrows {
            let allowed = UPWARDS.iter().any(|(f, t, _)| {
                f.strip_prefix(order.folder) == Some(from) && t.strip_prefix(order.folder) == Some(to)
            });
            if height(from) < height(to) && !allowed {
                let names: Vec<_> = names.iter().map(|name| format!("\n    {name}")).collect();
                wrong.push(format!("{0}{from} -> {0}{to} runs upwards:{1}", order.folder, names.concat()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each exception in `UPWARDS` stands for an import that exists.
#[test]
fn every_exception_is_needed() {
    let source = source();
    for (from, to, _) in UPWARDS {
        let order =
            ORDERS.iter().rev().find(|order| from.starts_with(order.folder) && to.starts_with(order.folder));
        let order = order.expect("an exception is about the rooms of one folder");
        let pair = (from[order.folder.len()..].to_owned(), to[order.folder.len()..].to_owned());
        assert!(
            arrows(&source, order.folder).contains_key(&pair),
            "nothing needs the exception {from} -> {to}"
        );
    }
}

/// An exception may not close a circle of folders. In `redact` two files may know each other, because each part of a
/// multipart body is a body again.
#[test]
fn no_circles() {
    let source = source();
    let mut wrong = vec![];
    for order in ORDERS {
        for circle in circles(&arrows(&source, order.folder)) {
            wrong.push(format!("a circle among the rooms of {:?}: {}", order.folder, circle.join(", ")));
        }
    }
    let files: Arrows = file_arrows(&source)
        .filter(|((from, to), _)| from.starts_with("redact/") && to.starts_with("redact/"))
        .collect();
    for circle in circles(&files).into_iter().filter(|circle| circle.len() > 2) {
        wrong.push(format!("a circle of files: {}", circle.join(", ")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The search for circles finds one that is there.
#[test]
fn circles_are_found() {
    let arrow = |from: &str, to: &str| ((from.to_owned(), to.to_owned()), BTreeSet::new());
    let arrows: Arrows =
        [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")].map(|(f, t)| arrow(f, t)).into();
    assert_eq!(circles(&arrows), [["a", "b", "c"]]);
}

/// The imports between files, with the names that are imported.
fn file_arrows(source: &Source) -> impl Iterator<Item = ((String, String), BTreeSet<String>)> {
    let mut arrows = Arrows::new();
    for module in source.modules.keys() {
        for target in source.uses(module) {
            let Target::Item(to, name) = target else { continue };
            let pair = (source.file(module).to_owned(), source.file(&to).to_owned());
            if pair.0 != pair.1 {
                arrows.entry(pair).or_default().insert(name);
            }
        }
    }
    arrows.into_iter()
}

/// The folder or file below a folder that a file belongs to.
fn room<'a>(folder: &str, file: &'a str) -> Option<&'a str> {
    let below = file.strip_prefix(folder)?;
    Some(below.split_once('/').map_or(below, |(room, _)| room))
}

fn rooms(source: &Source, folder: &str) -> BTreeSet<String> {
    let files = source.modules.values().map(|module| module.file.as_str());
    files.filter_map(|file| room(folder, file)).map(str::to_owned).collect()
}

fn arrows(source: &Source, folder: &str) -> Arrows {
    let mut arrows = Arrows::new();
    for ((from, to), names) in file_arrows(source) {
        if let (Some(a), Some(b)) = (room(folder, &from), room(folder, &to))
            && a != b
        {
            let names = names.iter().map(|name| format!("{from} takes {name} of {to}"));
            arrows.entry((a.to_owned(), b.to_owned())).or_default().extend(names);
        }
    }
    arrows
}

/// The groups of two or more rooms that import one another, directly or through others.
fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reach = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(at) = next.pop() {
            for (_, to) in arrows.keys().filter(|(f, _)| *f == at) {
                if seen.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        seen
    };
    let all: BTreeSet<_> = arrows.keys().flat_map(|(from, to)| [from.clone(), to.clone()]).collect();
    let reached: BTreeMap<_, _> = all.iter().map(|room| (room.clone(), reach(room))).collect();
    let mut circles = BTreeSet::new();
    for room in &all {
        let circle: Vec<_> =
            reached[room].iter().filter(|other| reached[*other].contains(room)).cloned().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}
