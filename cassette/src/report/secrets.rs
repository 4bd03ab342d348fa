//! Secrets that were found in what a recording would have kept. Never their values.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::palette::paint;
use super::setup::path;
use super::text::clean;

/// Every place in which the final check found a secret.
#[derive(Clone, Debug)]
pub struct Leaks {
    /// The cassette, which is as it was.
    pub cassette: PathBuf,
    /// At least one.
    pub found: Vec<Leak>,
}

/// One place.
#[derive(Clone, Debug)]
pub struct Leak {
    /// The secret's name.
    pub name: String,
    /// How it is written there: `as it is`, `in base64`.
    pub encoding: String,
    /// The file that was about to be installed.
    pub file: PathBuf,
    /// In bytes, from 0.
    pub offset: u64,
}

/// Places that are shown.
const SHOWN: usize = 10;

impl Leaks {
    pub(super) fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        page.error(format_args!(
            "the new recording of `{}` holds {}, and was not saved",
            clean(&site.cassette),
            match self.found.len() {
                1 => "a secret".to_owned(),
                places => format!("secrets in {places} places"),
            },
        ));
        page.fact("cassette", format_args!("{} is as it was", path(&self.cassette)));
        page.gap();
        for leak in self.found.iter().take(SHOWN) {
            let name = paint(page.palette.emphasis, clean(&leak.name));
            page.line(2, format_args!("{name}, {}", clean(&leak.encoding)));
            page.line(4, format_args!("at byte {} of {}", leak.offset, path(&leak.file)));
        }
        if let Some(left) = self.found.len().checked_sub(SHOWN).filter(|left| *left > 0) {
            page.line(2, paint(page.palette.dim, format_args!("… and {left} more")));
        }
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        let places = if self.found.len() == 1 { "that place" } else { "those places" };
        Help { why: format!("redact {places} too, then record again"), command: site.record_command() }
    }
}
