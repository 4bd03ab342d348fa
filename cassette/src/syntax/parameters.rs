//! Header values with parameters, `value; name=value` (RFC 9110 §5.6.6), as in Content-Type.
//!
//! Must not know: which header a value belongs to.

/// A value and its parameters, normalised.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// The value in lower case.
    pub(crate) main: String,
    /// The parameters, sorted. Their names are in lower case, and their values have no quotes.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Value {
    pub(crate) fn parse(text: &str) -> Value {
        let mut pieces = pieces(text).into_iter();
        let main = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let mut parameters: Vec<(String, String)> = pieces
            .filter_map(|piece| {
                let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
                let name = name.trim().to_ascii_lowercase();
                (!name.is_empty()).then(|| (name, unquote(value.trim())))
            })
            .collect();
        parameters.sort();
        Value { main, parameters }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The canonical text. It leaves out `boundary`, which has no meaning of its own.
    pub(crate) fn canonical(&self) -> String {
        let mut text = self.main.clone();
        for (name, value) in self.parameters.iter().filter(|(name, _)| name != "boundary") {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            text.push_str(&format!("; {name}=\"{value}\""));
        }
        text
    }
}

/// The text split at semicolons outside quotes.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, canonical: &str) {
        let value = Value::parse(text);
        assert_eq!(value.canonical(), canonical, "{text}");
        assert_eq!(Value::parse(canonical).canonical(), canonical);
    }

    #[test]
    fn canonical_texts() {
        check("Text/HTML", "text/html");
        check("text/html;charset=utf-8", r#"text/html; charset="utf-8""#);
        check(r#"text/html ; Charset="utf-8";"#, r#"text/html; charset="utf-8""#);
        check("multipart/mixed; boundary=x", "multipart/mixed");
        check(r#"form-data; name="a;\"b\\"; filename=c"#, r#"form-data; filename="c"; name="a;\"b\\""#);
        check("", "");
    }

    #[test]
    fn boundary() {
        assert_eq!(Value::parse(r#"multipart/mixed; Boundary="a b""#).get("boundary"), Some("a b"));
    }
}
