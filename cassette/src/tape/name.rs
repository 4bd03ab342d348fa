//! The name of a cassette. It comes from the source of a test or from a command line. This module checks it, so that no
//! path built from a name leads out of the directory of cassettes.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The longest name in bytes. Most file systems allow 255 bytes for a file name, and cassette adds suffixes to the
/// name.
const LONGEST: usize = 200;

/// The suffixes of cassette's own files. If a segment of a name had such a suffix, its files could overwrite the files
/// of another cassette.
const RESERVED: [&str; 3] = [".json", ".bodies", ".recording"];

/// The name of a cassette: one or more segments of `A-Z a-z 0-9 . _ -`, with `/` between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

impl Name {
    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(name: &str) -> Result<Name> {
        let wrong = |why: &str| {
            Err(Error::new(format!("`{name}` is not a name for a cassette: {why}"))
                .hint("use segments of A-Z a-z 0-9 . _ - with `/` between them, such as `weather/berlin`"))
        };
        if name.len() > LONGEST {
            return wrong(&format!("it is {} bytes long, {LONGEST} is the most", name.len()));
        }
        for segment in name.split('/') {
            if segment.is_empty() {
                return wrong("a segment is empty");
            }
            if let Some(c) = segment.chars().find(|c| !(c.is_ascii_alphanumeric() || "._-".contains(*c))) {
                return wrong(&format!("it has {c:?} in it"));
            }
            if segment.starts_with('.') || segment.ends_with('.') {
                return wrong("a segment starts or ends with a dot");
            }
            let lower = segment.to_ascii_lowercase();
            if let Some(suffix) = RESERVED.iter().find(|r| lower.ends_with(*r)) {
                return wrong(&format!("a segment ends in `{suffix}`, which cassettes use themselves"));
            }
        }
        Ok(Name(name.into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(name: &str, why: &str) {
        let e = name.parse::<Name>().expect_err("it should be refused").to_string();
        assert!(e.contains(why), "{e}");
    }

    #[track_caller]
    fn accepted(name: &str) {
        assert_eq!(name.parse::<Name>().unwrap().to_string(), name);
    }

    #[test]
    fn names() {
        accepted("weather/berlin");
        accepted("a");
        accepted("v1.2_x-y/Z");
        accepted(&"x".repeat(200));
        refused("", "empty");
        refused("/etc/passwd", "empty");
        refused("a//b", "empty");
        refused("a/", "empty");
        refused("..", "dot");
        refused("a/../b", "dot");
        refused(".hidden", "dot");
        refused("a/b.", "dot");
        refused("a b", "' '");
        refused("a\\b", "'\\\\'");
        refused("C:x", "':'");
        refused("grün", "'ü'");
        refused("a\0", "'\\0'");
        refused("a.json", "`.json`");
        refused("a.JSON/b", "`.json`");
        refused("a.bodies/b", "`.bodies`");
        refused("a.recording", "`.recording`");
        refused(&"x".repeat(201), "201 bytes");
    }

    #[test]
    fn a_name_stays_below_its_folder() {
        let name: Name = "weather/berlin".parse().unwrap();
        assert_eq!(name.as_str(), "weather/berlin");
        assert!("../weather".parse::<Name>().is_err());
    }
}
