//! Decides which values in answers may be ids, and in which places of a request the same value means the same id.
//!
//! A long value with a digit (a UUID, a token, a cursor) means the same id wherever it appears. A short value (`7`)
//! means the same id only if the names around it fit. For example, after `POST /jobs` has given the id 7, `/jobs/7` and
//! `job_id=7` mean this job, and `page=7` does not.
//!
//! Must not know: cassettes, how the values in a request are found.

use super::atoms::{Atom, Slot};

/// Where a value comes from: the path of the request whose answer gave the value, and the name of the value in the
/// answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// The segments of the request's path, in lower case.
    path: Vec<String>,
    /// The words of the value's name, in lower case. `jobId` has two words.
    name: Vec<String>,
}

/// A value with a digit is distinctive if it has at least this length in bytes.
const DISTINCTIVE: usize = 8;
/// If the last word of a name is one of these words, the value may be an id. Only short values need such a name.
const NAMES: [&str; 10] =
    ["id", "key", "number", "no", "cursor", "token", "ref", "handle", "offset", "position"];

impl Origin {
    /// Returns the origin of a value in an answer. Returns `None` if the value cannot be an id. `uri` is the URI of the
    /// request.
    pub(super) fn of(uri: &str, atom: &Atom<'_>) -> Option<Origin> {
        let path: Vec<String> = segments(uri).map(str::to_ascii_lowercase).collect();
        let name = match atom.slot {
            Slot::Named(name) => words(name),
            Slot::Path(before) => words(before),
            Slot::Word => Vec::new(),
        };
        let origin = Origin { path, name };
        let is_id = is_distinctive(atom.text)
            || has_digit(atom.text)
                && match atom.slot {
                    Slot::Named(_) => origin.name.last().is_some_and(|word| NAMES.contains(&&**word)),
                    Slot::Path(before) => {
                        atom.part == "location" || origin.path.iter().any(|name| is_alike(name, before))
                    }
                    Slot::Word => false,
                };
        (is_id && !atom.text.contains(char::is_whitespace)).then_some(origin)
    }

    /// Whether the value means the same id in this place of a request.
    pub(super) fn fits(&self, atom: &Atom<'_>) -> bool {
        is_distinctive(atom.text)
            || match atom.slot {
                Slot::Path(before) => self.is_of(before),
                Slot::Named(name) => self.is_named(&words(name)),
                Slot::Word => false,
            }
    }

    /// Whether a value with this name is an id of the same kind. For the id of a job, `id`, `job_id` and `job` are such
    /// names.
    fn is_named(&self, words: &[String]) -> bool {
        let Some((last, rest)) = words.split_last() else { return false };
        let subject = if NAMES.contains(&&**last) { rest.last() } else { Some(last) };
        *words == self.name
            || match subject {
                Some(subject) => self.is_of(subject),
                None => self.name.last() == Some(last),
            }
    }

    /// Whether a fitting value is short and has a name that says nothing about its kind, such as `id`.
    pub(super) fn is_vague(&self, atom: &Atom<'_>) -> bool {
        let Slot::Named(name) = atom.slot else { return false };
        let words = words(name);
        !is_distinctive(atom.text) && words.iter().all(|word| NAMES.contains(&&**word))
    }

    /// Whether the path of this URI names the collection that the value belongs to.
    pub(super) fn is_about(&self, uri: &str) -> bool {
        let collection = self.path.iter().rfind(|segment| !has_digit(segment));
        let names = self.name.iter().filter(|word| !NAMES.contains(&&***word));
        let mut names = collection.into_iter().chain(names);
        names.any(|name| segments(uri).any(|segment| is_alike(name, segment)))
    }

    /// Whether this is the name of the collection that the value belongs to. It is `jobs` for a value from `POST
    /// /v1/jobs`, and for a value with the name `job_id`.
    fn is_of(&self, collection: &str) -> bool {
        let names = self.name.iter().filter(|word| !NAMES.contains(&&***word));
        self.path.iter().chain(names).any(|name| is_alike(name, collection))
    }
}

/// Whether two names are equal apart from case and a plural ending.
fn is_alike(a: &str, b: &str) -> bool {
    let singular = |name: &str| match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.to_owned(),
    };
    let (a, b) = (singular(&a.to_ascii_lowercase()), singular(&b.to_ascii_lowercase()));
    let (short, long) = if a.len() < b.len() { (&a, &b) } else { (&b, &a) };
    short.len() > 1 && long.starts_with(&**short) && long.len() - short.len() <= 2
}

pub(super) fn is_distinctive(text: &str) -> bool {
    text.len() >= DISTINCTIVE && has_digit(text)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// Returns the segments of a URI's path.
fn segments(uri: &str) -> impl Iterator<Item = &str> {
    let rest =
        uri.split_once("://").map_or(uri, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    rest.split(['?', '#']).next().unwrap_or_default().split('/').filter(|segment| !segment.is_empty())
}

/// Returns the words of a name in lower case. The words of `jobId`, `job_id` and `job-id` are `job` and `id`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && was_lower {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom<'a>(slot: Slot<'a>, text: &'a str) -> Atom<'a> {
        Atom { slot, part: "", number: 0, text }
    }

    #[track_caller]
    fn check(uri: &str, given: Atom<'_>, fitting: &[Slot<'_>], other: &[Slot<'_>]) {
        let origin = Origin::of(uri, &given).expect("this value may be an id");
        for slot in fitting {
            assert!(origin.fits(&atom(*slot, given.text)), "{slot:?}");
        }
        for slot in other {
            assert!(!origin.fits(&atom(*slot, given.text)), "{slot:?}");
        }
    }

    #[test]
    fn where_a_value_means_the_same() {
        use Slot::{Named, Path, Word};
        let everywhere = [Path("x"), Named("page"), Word];
        check("https://h/v2/uploads/", atom(Path("uploads"), "0b6a-4f5e1c"), &everywhere, &[]);
        let of_a_job =
            [Path("jobs"), Path("job"), Named("id"), Named("jobId"), Named("job_id"), Named("job")];
        let others = [Path("pages"), Path("j"), Named("page"), Named("paid"), Named("user_id"), Word];
        check("https://h/v1/jobs?page=7", atom(Named("id"), "7"), &of_a_job, &others);
        check("https://h/v1/run", atom(Named("job_id"), "7"), &of_a_job, &others);
        check("https://h/v1/jobs", atom(Path("jobs"), "7"), &[Path("job"), Named("jobId")], &others);
        check("https://h/v1/queries", atom(Named("id"), "7"), &[Path("query"), Named("queryId")], &others);
        check("https://h/v1/find", atom(Named("next_cursor"), "7"), &[Named("cursor")], &others);
    }

    #[test]
    fn what_a_message_is_about() {
        let id = atom(Slot::Named("id"), "7");
        let job = Origin::of("https://h/v1/jobs", &id).unwrap();
        assert!(job.is_vague(&id) && !job.is_vague(&atom(Slot::Named("job_id"), "7")));
        assert!(!job.is_vague(&atom(Slot::Named("id"), "0b6a-4f5e1c")));
        for about in ["https://h/v1/jobs", "https://h/v2/job/7/log?x=1"] {
            assert!(job.is_about(about), "{about}");
        }
        for other in ["https://h/v1/users", "https://h/v1/users?of=jobs", "https://h/"] {
            assert!(!job.is_about(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_id() {
        let of = |slot, text| Origin::of("https://h/jobs", &atom(slot, text));
        for (slot, text) in [
            (Slot::Named("count"), "7"),
            (Slot::Named("id"), "x"),
            (Slot::Path("pages"), "7"),
            (Slot::Word, "7"),
            (Slot::Named("text"), "seven times 7"),
            (Slot::Named("status"), "accepted"),
        ] {
            assert_eq!(of(slot, text), None, "{text}");
        }
    }
}
