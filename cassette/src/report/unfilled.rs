//! A recorded response with an expression for which the request has no value.
//!
//! Must not know: the syntax of expressions.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::setup::path;
use super::text::{URI, VALUE, clean, short};

/// A recorded response with an expression that could not be filled in.
#[derive(Clone, Debug)]
pub(crate) struct Unfilled {
    /// The file of the cassette.
    pub(crate) cassette: PathBuf,
    /// The place of the recording on the cassette, from 0.
    pub(crate) index: usize,
    /// The method of the recorded request.
    pub(crate) method: http::Method,
    /// The URI of the recorded request.
    pub(crate) uri: String,
    /// The expression, and why it could not be filled in.
    pub(crate) reason: String,
}

impl Unfilled {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error_in_file("a template can't be filled in", path(&self.cassette));
        let uri = short(&self.uri, URI);
        page.fact("recording", format_args!("{}. {} {uri}", self.index + 1, self.method));
        page.fact("reason", clean(&short(&self.reason, 4 * VALUE)));
        page.fact("hint", "to keep a literal `{{`, write `{{'{{'}}`");
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help {
            why: "correct the expression, then run this test alone".to_owned(),
            command: site.again_command(),
        }
    }
}
