//! The one error type. It says what went wrong and where; `report` adds what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// `Result` with this crate's [`Error`] by default, so that a test body may be written
/// `-> cassette::Result<()>` and use `?` on any error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What went wrong, with the file and the position in it where there is one.
///
/// `Display` prints this level only; [`std::error::Error::source`] has the next one.
/// Any error converts into it with `?`:
///
/// ```
/// fn body() -> cassette::Result<u32> {
///     let n: u32 = "12".parse()?;
///     Ok(n)
/// }
/// assert_eq!(body().unwrap(), 12);
/// assert!(cassette::Error::new("no such table").to_string().contains("no such table"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    message: String,
    path: Option<PathBuf>,
    position: Option<(usize, usize)>,
    hint: Option<String>,
    source: Option<Source>,
}

impl Error {
    /// An error with a message: a lower-case fragment that reads well after "failed: ".
    pub fn new(message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            message: message.into(),
            path: None,
            position: None,
            hint: None,
            source: None,
        }))
    }

    /// The same with the error that caused it.
    pub fn with_source(message: impl Into<String>, source: impl Into<Source>) -> Self {
        let mut e = Error::new(message);
        e.0.source = Some(source.into());
        e
    }

    /// The same about a file or a directory.
    #[must_use]
    pub fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// The same about a place in the file: line and column, both from 1.
    #[must_use]
    pub fn at_position(mut self, line: usize, column: usize) -> Self {
        self.0.position = Some((line, column));
        self
    }

    /// The same with the command, or the one thing, that helps.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The file or directory concerned.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// Line and column in [`path`](Self::path), both from 1.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.0.position
    }

    /// What would help: usually a command to copy.
    pub fn help(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub(crate) fn io(doing: &str, path: &Path, e: std::io::Error) -> Self {
        Error::with_source(format!("could not {doing}"), e).at(path)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(p) = &self.0.path {
            write!(f, "{}", p.display())?;
            if let Some((line, column)) = self.0.position {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": ")?;
        }
        f.write_str(&self.0.message)
    }
}

/// The whole chain: what `fn main() -> Result` and a test that returns the error print.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut next = self.0.source.as_deref().map(|e| e as &dyn std::error::Error);
        while let Some(e) = next {
            write!(f, ": {e}")?;
            next = e.source();
        }
        if let Some(h) = &self.0.hint {
            write!(f, "\n  help: {h}")?;
        }
        Ok(())
    }
}

// `Error` itself is not `std::error::Error`, so that this can take every error that is (as in anyhow).
impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(e: E) -> Self {
        // The message of the first level is this error's own; what lies beneath stays its source.
        Error(Box::new(Inner {
            message: e.to_string(),
            path: None,
            position: None,
            hint: None,
            source: e.source().map(|s| Source::from(chain(s))),
        }))
    }
}

/// For tests and harnesses that return a boxed error: `?` turns this crate's into it.
///
/// ```
/// fn body() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///     Err(cassette::Error::new("no such table"))?
/// }
/// assert_eq!(body().unwrap_err().to_string(), "no such table");
/// ```
impl From<Error> for Box<dyn std::error::Error + Send + Sync> {
    fn from(e: Error) -> Self {
        e.into_boxed()
    }
}

impl From<Error> for Box<dyn std::error::Error> {
    fn from(e: Error) -> Self {
        e.into_boxed()
    }
}

/// An error and everything beneath it, in one line.
pub(crate) fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        text = format!("{text}: {e}");
        next = e.source();
    }
    text
}

impl Error {
    /// As a boxed standard error, for APIs that ask for one.
    pub fn into_boxed(self) -> Source {
        format!("{self:?}").into()
    }

    /// The error that caused this one.
    pub fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}
