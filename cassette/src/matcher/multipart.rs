//! Splits multipart bodies into their parts (RFC 2046 §5.1, RFC 7578), so that a random boundary makes no difference.
//!
//! Must not know: the meaning of a part's body.

use memchr::memmem;

use crate::syntax::parameters::Value;

/// One part of a multipart body.
pub(super) struct Section<'a> {
    /// The name of the part, if the multipart is a form. Otherwise it is empty.
    pub(super) name: String,
    /// Headers with normalised values, sorted by name. Each name occurs once.
    pub(super) headers: Vec<(String, String)>,
    /// The content type as it was sent. It contains the boundary if the part is a multipart itself.
    pub(super) content_type: String,
    pub(super) content: &'a [u8],
}

/// Returns the parts in their order. Returns `None` if the body is not well-formed.
pub(super) fn parse<'a>(bytes: &'a [u8], kind: &Value) -> Option<Vec<Section<'a>>> {
    let boundary = kind.get("boundary").filter(|b| !b.is_empty())?;
    let sections = split(bytes, boundary.as_bytes())?;
    sections.into_iter().map(|section| Section::parse(section, is_form(kind))).collect()
}

/// Whether the multipart is a form. The parts of a form are identified by their names, and other parts by their places.
pub(super) fn is_form(kind: &Value) -> bool {
    kind.main == "multipart/form-data"
}

impl<'a> Section<'a> {
    pub(super) fn parse(section: &'a [u8], is_form: bool) -> Option<Section<'a>> {
        let (head, content) = match section.strip_prefix(b"\r\n") {
            Some(content) => (&b""[..], content),
            None if section.is_empty() => (&b""[..], section),
            None => {
                let end = memmem::find(section, b"\r\n\r\n")?;
                (&section[..end], &section[end + 4..])
            }
        };
        let mut headers = headers(std::str::from_utf8(head).ok()?)?;
        let value = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| Value::parse(v));
        let name = value("content-disposition").and_then(|v| v.get("name").map(str::to_owned));
        let content_type = headers.iter().find(|(n, _)| n == "content-type").map(|(_, v)| v.clone());
        // `content-length` depends on the notation of the part's content, such as white space in JSON. Matching ignores
        // the notation, so it must ignore the length.
        headers.retain(|(n, _)| n != "content-length");
        for (name, value) in &mut headers {
            if matches!(name.as_str(), "content-disposition" | "content-type") {
                *value = Value::parse(value).canonical();
            }
        }
        // The sort is stable, so repeated headers keep their order. Repeated headers are joined to one header (RFC 9110
        // §5.3).
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        headers.dedup_by(|(name, value), (first, all)| {
            let same = name == first;
            if same {
                all.push_str(", ");
                all.push_str(value);
            }
            same
        });
        Some(Section {
            name: name.filter(|_| is_form).unwrap_or_default(),
            headers,
            content_type: content_type.unwrap_or_default(),
            content,
        })
    }
}

/// Returns the bytes between the delimiter lines (RFC 2046 §5.1.1). The preamble and the epilogue are ignored.
fn split<'a>(bytes: &'a [u8], boundary: &[u8]) -> Option<Vec<&'a [u8]>> {
    let delimiter = [b"--", boundary].concat();
    let inner = [b"\r\n", delimiter.as_slice()].concat();
    let finder = memmem::Finder::new(&inner);
    let mut rest = match bytes.strip_prefix(delimiter.as_slice()) {
        Some(rest) => rest,
        None => &bytes[finder.find(bytes)? + inner.len()..],
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        // A delimiter line may end in spaces and tabs.
        let line = memmem::find(rest, b"\r\n")?;
        if !rest[..line].iter().all(|b| matches!(b, b' ' | b'\t')) {
            return None;
        }
        // The line break before an empty part also belongs to the next delimiter, so the search begins with it.
        let content = &rest[line..];
        let end = finder.find(content)?;
        parts.push(content.get(2..end).unwrap_or(b""));
        rest = &content[end + inner.len()..];
    }
}

/// Parses the headers of a part. The names become lower case, and folded lines are joined.
fn headers(text: &str) -> Option<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut()?;
            value.push(' ');
            value.push_str(line.trim());
        } else {
            let (name, value) = line.split_once(':')?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    Some(headers)
}
