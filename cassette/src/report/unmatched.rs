//! A request without a recording, and a recording without a request.

use std::fmt::Write as _;

use super::words::{count, more, shortened};
use super::{SHOWN, Site, difference};
use crate::matcher::Difference;
use crate::player::{Closest, Unmatched, UnusedInteraction};

/// What the code under test gets instead of an answer: the same text as the test's author.
pub(crate) fn unmatched(site: &Site, request: &Unmatched) -> String {
    format!(
        "{}\n\ncassette: {}\nhelp: if the change is meant, record again: {}",
        several(std::slice::from_ref(request)),
        site.document.display(),
        site.record()
    )
}

/// All requests that had no answer.
pub(super) fn several(requests: &[Unmatched]) -> String {
    let mut text = match requests.len() {
        1 => "a request is not on the cassette".to_owned(),
        n => format!("{n} requests are not on the cassette"),
    };
    for request in requests.iter().take(SHOWN) {
        one(request, &mut text);
    }
    text.push_str(&more(requests.len()));
    text
}

fn one(unmatched: &Unmatched, text: &mut String) {
    let Unmatched { request, recorded, used, closest } = unmatched;
    let _ = write!(text, "\n\n  {} {}\n", request.method, shortened(&request.uri));
    let on_tape = match recorded {
        0 => "the cassette is empty".to_owned(),
        n => format!("of {} on the cassette {used} had been used by then", count(*n, "interaction")),
    };
    match closest {
        None => {
            let _ = write!(text, "    {on_tape}");
        }
        Some(closest) if closest.mismatch.is_match() => {
            let _ = write!(text, "    it is recorded, as #{}, but already used; {on_tape}", closest.index + 1);
        }
        Some(closest) if other_host(closest) => {
            let _ = write!(text, "    nothing is recorded for this host; {on_tape}");
        }
        Some(closest) => nearest(closest, &on_tape, text),
    }
}

fn other_host(closest: &Closest) -> bool {
    closest.mismatch.differences().iter().any(|d| matches!(d, Difference::Host { .. }))
}

fn nearest(closest: &Closest, on_tape: &str, text: &mut String) {
    let used = if closest.used { ", already used" } else { "" };
    let _ = write!(text, "    the closest is #{}{used}; {on_tape}\n\n", closest.index + 1);
    let _ = writeln!(text, "  {} {}", closest.request.method, shortened(&closest.request.uri));
    for difference in closest.mismatch.differences() {
        let _ = writeln!(text, "    {}", difference::say(difference));
    }
    let _ = write!(text, "    it would have answered {}", closest.answered);
}

/// The recordings that nobody asked for.
pub(super) fn unused(unused: &[UnusedInteraction], last: Option<&UnusedInteraction>) -> String {
    let mut text = match unused.len() {
        1 => "an interaction on the cassette was not used".to_owned(),
        n => format!("{n} interactions on the cassette were not used"),
    };
    text.push('\n');
    let line = |i: &UnusedInteraction| format!("\n  #{} {} {}", i.index + 1, i.method, shortened(&i.uri));
    unused.iter().take(SHOWN).for_each(|i| text.push_str(&line(i)));
    text.push_str(&more(unused.len()));
    match last {
        Some(last) => {
            let _ = write!(text, "\n\n  the last one used was{}", line(last).replace('\n', "").replacen("  ", " ", 1));
        }
        None => text.push_str("\n\n  the test made no request"),
    }
    text
}
