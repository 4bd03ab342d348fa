//! JSON pointers with a wildcard, for places of a body that matching ignores or that redaction replaces.
//!
//! Must not know: documents, or why a pointer selects a value.

use std::fmt;
use std::str::FromStr;

/// A JSON pointer (RFC 6901) in which a segment `*` matches every name or index of its level.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pointer {
    segments: Vec<Segment>,
}

/// The error for a text that is not a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidPointer {
    text: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    Any,
    Name(String),
}

impl Pointer {
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The number of segments.
    pub(crate) fn depth(&self) -> usize {
        self.segments.len()
    }

    /// Whether the segment of this level accepts the name or index.
    pub(crate) fn takes(&self, level: usize, name: &str) -> bool {
        self.segments.get(level).is_some_and(|segment| segment.takes(name))
    }
}

impl Segment {
    pub(crate) fn takes(&self, name: &str) -> bool {
        match self {
            Segment::Any => true,
            Segment::Name(own) => own == name,
        }
    }
}

/// Appends one segment to a pointer's text (RFC 6901 §4).
pub(crate) fn push_segment(pointer: &mut String, name: &str) {
    pointer.push('/');
    for c in name.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidPointer { text: text.to_owned(), reason };
        if text.is_empty() {
            return Ok(Pointer { segments: Vec::new() });
        }
        let rest = text.strip_prefix('/').ok_or_else(|| invalid("it must begin with `/`"))?;
        let segments = rest.split('/').map(|segment| match segment {
            "*" => Ok(Segment::Any),
            segment => {
                unescape(segment).map(Segment::Name).ok_or_else(|| invalid("`~` must be `~0` or `~1`"))
            }
        });
        Ok(Pointer { segments: segments.collect::<Result<_, _>>()? })
    }
}

fn unescape(segment: &str) -> Option<String> {
    let mut pieces = segment.split('~');
    let mut name = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let (c, rest) = match piece.as_bytes().first()? {
            b'0' => ('~', &piece[1..]),
            b'1' => ('/', &piece[1..]),
            _ => return None,
        };
        name.push(c);
        name.push_str(rest);
    }
    Some(name)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Any => text.push_str("/*"),
                Segment::Name(name) => push_segment(&mut text, name),
            }
        }
        f.write_str(&text)
    }
}

impl fmt::Display for InvalidPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a JSON pointer: {}", self.text, self.reason)
    }
}

impl std::error::Error for InvalidPointer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, names: &[&str]) {
        let pointer: Pointer = text.parse().unwrap();
        let found = pointer.segments().iter().map(|s| match s {
            Segment::Any => "<any>",
            Segment::Name(name) => name.as_str(),
        });
        assert_eq!(found.collect::<Vec<_>>(), names, "{text}");
        assert_eq!(pointer.to_string(), text);
    }

    /// The examples of RFC 6901 §5, and the wildcard.
    #[test]
    fn segments() {
        check("", &[]);
        check("/foo", &["foo"]);
        check("/foo/0", &["foo", "0"]);
        check("/", &[""]);
        check("/a~1b", &["a/b"]);
        check("/m~0n", &["m~n"]);
        check("/~01", &["~1"]);
        check("/ ", &[" "]);
        check("/items/*/id", &["items", "<any>", "id"]);
    }

    #[test]
    fn refused() {
        for text in ["foo", "$.foo", "#/foo", "/a~", "/a~2"] {
            let e = text.parse::<Pointer>().unwrap_err().to_string();
            assert!(e.contains(text), "{e}");
        }
    }

    #[test]
    fn wildcards_are_kept_and_pointers_begin_with_a_slash() {
        let pointer: Pointer = "/items/*/id".parse().unwrap();
        assert_eq!(pointer.to_string(), "/items/*/id");
        assert!("items".parse::<Pointer>().is_err());
    }
}
