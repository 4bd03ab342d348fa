//! Secrets on the cassette that have no value in this run. The report says where to set the values.
//!
//! Must not know: how the missing value was found.

use crate::placeholder;
use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::palette::paint;
use super::setup::path;
use super::text::clean;

/// A secret without a value. The nearest recording contains the placeholder of the secret, and the request has
/// something else in its place.
#[derive(Clone, Debug)]
pub(crate) struct Valueless {
    /// The name of the secret. It may contain a `#`, which the placeholder leaves out.
    pub(crate) name: String,
    /// Where the value of the secret should come from.
    pub(crate) from: ValueFrom,
    /// Whether the value is a JSON number in the recorded request.
    pub(crate) number: bool,
    /// The reason why the given value was not accepted, such as `is shorter than 6 bytes`. `None` if no value was
    /// given.
    pub(crate) refused: Option<String>,
}

/// The source of the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum ValueFrom {
    /// The environment variable with the name of the secret.
    Variable,
    /// One of the files with these paths.
    Files(Vec<PathBuf>),
    /// The code of the test.
    Config,
}

/// How many secrets a report lists.
const SHOWN: usize = 5;

/// At most `SHOWN` secrets, without duplicates. Several requests may lack the same secret.
fn distinct<'v>(all: impl Iterator<Item = &'v Valueless>) -> Vec<&'v Valueless> {
    let mut found: Vec<&Valueless> = Vec::new();
    for valueless in all {
        if found.len() < SHOWN && found.iter().all(|known| known.name != valueless.name) {
            found.push(valueless);
        }
    }
    found
}

pub(super) fn write<'v>(page: &mut Page<'_>, all: impl Iterator<Item = &'v Valueless>) {
    for Valueless { name, from, number, refused } in distinct(all) {
        page.gap();
        let shown = paint(page.palette.emphasis, clean(name));
        let what = match number {
            true => "any number of six digits or more",
            false => "any value of six characters or more",
        };
        let what = match from {
            ValueFrom::Variable => format!("set {shown} to {what}"),
            ValueFrom::Files(files) => {
                let files: Vec<String> = files.iter().map(|file| path(file)).collect();
                format!("give {shown} {what} in {}", files.join(" or "))
            }
            ValueFrom::Config => format!("give {shown} {what} in the test's `Config`"),
        };
        page.line(
            2,
            format_args!("{what}: the recorded request contains {}", clean(&placeholder::of_secret(name))),
        );
        if let Some(why) = refused {
            page.line(4, format_args!("its present value {}, so cassette ignores it", clean(why)));
        }
    }
}

/// The command that runs the test with dummy values for the secrets that come from variables. The dummy values differ
/// from each other, because redaction cannot distinguish secrets with the same value.
pub(super) fn help<'v>(all: impl Iterator<Item = &'v Valueless>, site: &TestSite) -> Option<Help> {
    let all = distinct(all);
    let of_variables = all.iter().filter(|valueless| valueless.from == ValueFrom::Variable);
    let values = of_variables.enumerate().map(|(n, Valueless { name, number, .. })| match n {
        n if *number => format!("{name}={} ", 902_187 + n),
        0 => format!("{name}=dummy-value "),
        n => format!("{name}=dummy-value-{} ", n + 1),
    });
    let values: String = values.collect();
    let why = match () {
        () if all.is_empty() => return None,
        () if values.is_empty() => "then run this test again; the real value is not needed",
        () => "the real value is not needed",
    };
    Some(Help { why: why.to_owned(), command: format!("{values}{}", site.again_command()) })
}
