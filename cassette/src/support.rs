//! The names that the library shares with the other packages of this repository: `cargo cassette`, the benches, the
//! fuzz targets and the end-to-end tests. Users do not need these names. The documentation hides them, and any release
//! may change them.
//!
//! Must not know: how anything is done. Apart from `key`, this module only re-exports names.

pub use crate::config::{InEffect, ProjectSettings, SettingsKey, project_settings, settings_keys};
pub use crate::json::lex::{Kind, Lexer};
pub use crate::json::style;
pub use crate::redact::leaks::check::LeakCheck;
pub use crate::redact::redactor::Redactor;
pub use crate::redact::rules::catalogue::{DefaultRule, RuleKind, default_rules};
pub use crate::redact::rules::set::Rules;
pub use crate::scan::{FoundSecret, Scanned, scan};
pub use crate::selecting_headers::{SelectingHeader, selecting_headers};
pub use crate::tape::body_sink::BodySink;
pub use crate::tape::files::Files;
pub use crate::tape::install::{Installed, recover};
pub use crate::tape::journal::{Journal, JournalOptions};
pub use crate::tape::list::{Listed, list};

use crate::matcher::Matching;
use crate::tape::Request;

/// The key of a request. All equal requests have the same key.
pub fn key(matching: &Matching, request: &Request) -> impl Eq + std::fmt::Debug + use<> {
    matching.key(request)
}
