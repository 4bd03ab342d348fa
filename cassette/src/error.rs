//! The error types of this crate's functions, and the error type of a test.
//!
//! An error says what went wrong and where, in one sentence, and may carry one hint. A failure of a test that needs a
//! longer explanation is a `Problem`; `report` writes its text. Must not know: what the error is about.

use std::fmt;
use std::path::{Path, PathBuf};

/// `Result` with this crate's [`Error`] by default.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The return type of a test. `?` converts errors of this crate and of any other crate to it.
///
/// ```
/// fn body() -> cassette::TestResult<u32> {
///     let n: u32 = "12".parse()?;
///     Ok(n)
/// }
/// assert_eq!(body().unwrap(), 12);
/// ```
pub type TestResult<T = ()> = std::result::Result<T, TestError>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error of this crate. It may name the file that it is about, and a position in this file.
///
/// `Display` prints only this error, [`source`](std::error::Error::source) returns the error that caused it, and
/// `Debug` prints the whole chain of errors. Tests that return [`TestResult`], `anyhow::Result` or a boxed error
/// convert it with `?`.
///
/// ```
/// assert_eq!(cassette::Error::new("no such table").at("a.csv").to_string(), "a.csv: no such table");
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
    /// Makes an error. The message is a fragment in lower case that reads well after "failed: ".
    pub fn new(message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            message: message.into(),
            path: None,
            position: None,
            hint: None,
            source: None,
        }))
    }

    /// Makes an error with a message and the error that caused it.
    pub fn with_source(message: impl Into<String>, source: impl Into<Source>) -> Self {
        let mut e = Error::new(message);
        e.0.source = Some(source.into());
        e
    }

    /// Adds the file or directory that the error is about.
    #[must_use]
    pub fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Adds the position in the file. The line and the column are counted from 1.
    #[must_use]
    pub fn at_position(mut self, line: usize, column: usize) -> Self {
        self.0.position = Some((line, column));
        self
    }

    /// Adds a hint: one command or one step that solves the problem.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The file or directory that the error is about.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The line and the column in [`path`](Self::path), counted from 1.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.0.position
    }

    /// The hint, which is usually a command to copy.
    pub fn help(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Copies the hint of another error, if it has one.
    #[must_use]
    pub(crate) fn hint_of(mut self, other: &Error) -> Self {
        self.0.hint.clone_from(&other.0.hint);
        self
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

/// Prints the whole chain, because `fn main() -> Result` and a test that returns the error print it with `Debug`.
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

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

/// An error that ended a test, with the place in the code of the `?` that returned it. It may come from any crate.
///
/// This type does not implement [`std::error::Error`]. So it can implement `From` for every type that implements it.
pub struct TestError {
    error: Source,
    place: &'static std::panic::Location<'static>,
}

impl<E: Into<Source>> From<E> for TestError {
    #[track_caller]
    fn from(error: E) -> TestError {
        TestError { error: error.into(), place: std::panic::Location::caller() }
    }
}

/// Prints the whole chain of errors and the place of the `?`.
impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.downcast_ref::<Error>() {
            Some(e) => write!(f, "{e:?}")?,
            None => f.write_str(&chain(&*self.error))?,
        }
        write!(f, "\n  at {}:{}", self.place.file(), self.place.line())
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the message of a panic. The message is empty if the payload is not a text.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.map(str::to_owned).or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Writes an error and all its sources in one line.
pub(crate) fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        text = format!("{text}: {e}");
        next = e.source();
    }
    text
}
