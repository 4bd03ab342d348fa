//! Maps an offset in a file of a recording to the interaction at this offset, and to the place inside the interaction.
//!
//! Must not know: why the caller needs the place.

use std::path::Path;

use super::{Cassette, Content, Interaction, Limits, Prepared};

/// A place in an interaction.
#[derive(Debug)]
pub(crate) struct Located {
    /// The interaction, counted from 0.
    pub(crate) index: usize,
    pub(crate) interaction: Interaction,
    /// The keys and indexes that lead to the place, such as `response`, `body`, `text`, `11`.
    pub(crate) path: Vec<String>,
    /// Whether the place is in a body file, and not in the document.
    pub(crate) in_file: bool,
}

impl Prepared {
    /// The place at an offset of one of the [files](Self::files). `None` if no interaction is at this offset.
    pub(crate) fn locate(&self, file: &Path, offset: u64) -> Option<Located> {
        let document = self.document();
        let cassette = Cassette::read(document.to_owned(), document.to_owned(), &Limits::default()).ok()?;
        if file == document {
            let (index, within) = cassette.interaction_at(offset)?;
            let text = cassette.text(index).ok()?;
            let path = path_to(&text, within);
            let interaction = cassette.interaction(index).ok()?;
            return Some(Located { index, interaction, path, in_file: false });
        }
        let name = file.file_name()?.to_str()?;
        (0..cassette.len()).find_map(|index| {
            let interaction = cassette.interaction(index).ok()?;
            let is_it = |content: &Content| matches!(content, Content::File(file) if file.name == name);
            let which = interaction.bodies().position(|body| is_it(&body.content))?;
            let path = vec![["request", "response"][which.min(1)].to_owned(), "body".to_owned()];
            Some(Located { index, interaction, path, in_file: true })
        })
    }
}

/// An object or array whose closing bracket has not been reached.
enum Open {
    Object { key: String, wants_key: bool },
    Array { index: usize },
}

/// The keys and indexes that lead to the value at an offset of a JSON text.
fn path_to(text: &[u8], offset: usize) -> Vec<String> {
    let (mut open, mut at) = (Vec::new(), 0);
    while at <= offset && at < text.len() {
        let start = at;
        at += 1;
        match text[start] {
            b'{' => open.push(Open::Object { key: String::new(), wants_key: true }),
            b'[' => open.push(Open::Array { index: 0 }),
            b'}' | b']' => drop(open.pop()),
            b',' => match open.last_mut() {
                Some(Open::Object { wants_key, .. }) => *wants_key = true,
                Some(Open::Array { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                at = string_end(text, at);
                if let Some(Open::Object { key, wants_key: wants_key @ true }) = open.last_mut() {
                    *key = serde_json::from_slice(&text[start..at]).unwrap_or_default();
                    *wants_key = false;
                }
            }
            _ => {}
        }
    }
    let step = |open: Open| match open {
        Open::Object { key, .. } => key,
        Open::Array { index } => index.to_string(),
    };
    open.into_iter().map(step).collect()
}

/// The offset after the closing quote of a string. `at` is the offset after its opening quote.
fn string_end(text: &[u8], mut at: usize) -> usize {
    while let Some(b) = text.get(at) {
        at += if *b == b'\\' { 2 } else { 1 };
        if *b == b'"' {
            break;
        }
    }
    at.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let text = r#"{"a": {"b\"": ["x", {"c": 1}, "y,]{"], "d": {}}, "e": "z"}"#;
        let check = |what: &str, path: &[&str]| {
            assert_eq!(path_to(text.as_bytes(), text.find(what).unwrap()), path, "{what}");
        };
        check("x", &["a", "b\"", "0"]);
        check("1", &["a", "b\"", "1", "c"]);
        check("]{", &["a", "b\"", "2"]);
        check("d", &["a", "d"]);
        check("z", &["e"]);
        assert_eq!(path_to(b"\"a", 1), [""; 0]);
    }
}
