//! Tests the layers of the library. Two lists in this file contain its folders and files. Each of them may import only
//! from those before it in its list.
//!
//! Add a new folder or file to its list. An import from a later entry of the list fails the test. Remove such an
//! import, if possible: move the imported item to a folder that both sides may import from. `UPWARDS` lists imports
//! that are allowed anyway, each with its reason.

use std::collections::{BTreeMap, BTreeSet};

use super::source;
use super::source::{Source, Target};

/// The folders and files of `cassette/src`. Each may import from those before it.
const ROOMS: &[&str] = &[
    // Small modules, one idea each. They do not know what a cassette is.
    "error.rs",
    "edit_distance.rs",
    "hex.rs",
    "media_type.rs",
    "meaning.rs",
    "messages.rs",
    "placeholder.rs",
    "poison.rs",
    "request_ids.rs",
    "transport_error.rs",
    "wild.rs",
    "selecting_headers.rs",
    "cores.rs",
    "file_replacement.rs",
    "json",
    "syntax",
    "decode",
    "body.rs",
    "failure.rs",
    "reason.rs",
    "clock.rs",
    "mode.rs",
    "ambient.rs",
    "hosts.rs",
    "timer.rs",
    "activity.rs",
    "target.rs",
    // The cassette's files, and the modules that compare or change their contents.
    "tape",
    "snapshot",
    "drift",
    "matcher",
    "redact",
    "scan.rs",
    "volatile.rs",
    "boundaries.rs",
    "template",
    "capture.rs",
    // The texts of failures, and the settings.
    "report",
    "config",
    // The modules through which a request passes.
    "transport",
    "recorder",
    "player",
    "engine",
    "in_process",
    // The session of one test, and the generation of many tests.
    "session",
    "private.rs",
    "support.rs",
    "scaffold",
    "lib.rs",
];

/// The folders and files of `cassette/src/redact`. Each may import from those before it.
const REDACT: &[&str] = &[
    "side.rs",
    "rules",
    "objection.rs",
    "patterns",
    "values",
    "stand_ins",
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

/// The imports from later entries that are allowed anyway: the importing folder, the imported folder, and the reason.
const UPWARDS: &[(&str, &str, &str)] = &[];

/// A folder, and the order of the folders and files in it.
struct Order {
    /// The path of the folder below `cassette/src`. Empty for `cassette/src` itself, otherwise with a slash at its end.
    folder: &'static str,
    /// The list: each entry may import from those before it.
    rooms: &'static [&'static str],
}

const ORDERS: &[Order] = &[Order { folder: "", rooms: ROOMS }, Order { folder: "redact/", rooms: REDACT }];

/// The imports between entries: the importing entry, the imported entry, and the imported names.
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

/// Every import that `UPWARDS` allows must exist.
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

/// There must be no circular imports between the entries of a list, even if `UPWARDS` allows each of the imports. In
/// `redact`, two files may import each other, because each part of a multipart body is a body again. Circles of more
/// files are not allowed.
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

/// `circles` finds a circle.
#[test]
fn circles_are_found() {
    let arrow = |from: &str, to: &str| ((from.to_owned(), to.to_owned()), BTreeSet::new());
    let arrows: Arrows =
        [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")].map(|(f, t)| arrow(f, t)).into();
    assert_eq!(circles(&arrows), [["a", "b", "c"]]);
}

/// The imports between files: the importing file, the imported file, and the imported names.
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

/// The entry of the list of `folder` to which `file` belongs: a subfolder, or the file itself.
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

/// The circular imports: groups of two or more entries that all import one another, directly or through other entries
/// of the group.
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
