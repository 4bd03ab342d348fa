//! stub
#![allow(missing_docs, clippy::all)]
use std::path::{Path, PathBuf};
use crate::{Error, player::{Unmatched, UnusedInteraction}, session::Summary, tape::TransportError};
#[derive(Clone, Debug)]
pub(crate) struct Site { pub(crate) cassette: String, pub(crate) test: String, pub(crate) package: String, pub(crate) file: String, pub(crate) line: u32, pub(crate) record_command: Option<String> }
impl Site { pub(crate) fn unknown(name: &str) -> Site { Site { cassette: name.into(), test: String::new(), package: String::new(), file: String::new(), line: 0, record_command: None } } pub(crate) fn place(&self) -> String { format!("{}:{}", self.file, self.line) } }
pub(crate) enum Finding { Error(Error), OutputKept(PathBuf), Unmatched(Vec<Unmatched>), Unused { unused: Vec<UnusedInteraction>, last: Option<UnusedInteraction> }, NoSnapshot { file: PathBuf, files: usize }, Output { file: PathBuf, diff: crate::snapshot::SnapshotDiff }, Upstream(Vec<(String, TransportError)>), RecordingKept(PathBuf), Leak { file: PathBuf, leak: crate::redact::Leak } }
pub(crate) fn failure(_: &Site, b: Option<&str>, f: &[Finding], _n: &[String]) -> String { let mut s = format!("{b:?}\n"); for x in f { s += &match x { Finding::Error(e) => format!("{e:?}\n"), Finding::Unmatched(u) => format!("unmatched {:?}\n", u), Finding::Unused { unused, .. } => format!("unused {unused:?}\n"), Finding::Upstream(u) => format!("up {u:?}\n"), _ => "other\n".into() } } s }
pub(crate) fn not_begun(_: &Site, e: &Error) -> String { format!("{e:?}") }
pub(crate) fn no_cassette(_: &Site, p: &Path) -> Error { Error::new("no cassette").at(p) }
pub(crate) fn opened_twice(_: &Site, p: &Path, _: Option<&str>) -> Error { Error::new("opened twice").at(p) }
pub(crate) fn unmatched(_: &Site, u: &[Unmatched]) -> String { format!("{u:?}") }
pub(crate) fn recorded(s: &Summary) -> String { format!("{s:?}") }
pub(crate) fn journal_set_aside(p: &Path) -> String { p.display().to_string() }
#[allow(clippy::print_stderr)]
pub(crate) fn print(s: &str) { eprintln!("{s}") }
