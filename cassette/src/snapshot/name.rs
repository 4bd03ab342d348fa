//! File names as text without loss: any bytes of a name fit in a line of JSON.

use std::path::Path;

/// Keeps UTF-8, and writes other bytes as `\xNN` and a backslash as `\\`.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            out.push_str(&format!(r"\x{byte:02x}"));
        }
    }
    out
}

/// A path as text with forward slashes, for `name` and `target` of a manifest.
pub(super) fn of_path(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    // On Windows the backslash is a separator and occurs in no name.
    if cfg!(windows) { escape(bytes).replace(r"\\", "/") } else { escape(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(escape(bytes), expected);
    }

    #[test]
    fn names_become_text() {
        check(b"plain.csv", "plain.csv");
        check("Žluťoučký kůň".as_bytes(), "Žluťoučký kůň");
        check(b"caf\xe9", r"caf\xe9");
        check(b"\xff\xfe", r"\xff\xfe");
        // A name that contains the text of an escape stays different from a name that needs the escape.
        check(br"caf\xe9", r"caf\\xe9");
        check(b"", "");
    }
}
