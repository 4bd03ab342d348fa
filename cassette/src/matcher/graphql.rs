//! Normalises GraphQL queries. Queries that differ only in characters that the grammar ignores become equal.

use std::borrow::Cow;

use super::json::Tree;
use super::pairs::Pairs;
use crate::json::{self, Value};

/// Whether this normalised path is probably the path of a GraphQL server: `/graphql`, `/api/graphql.json`, `/gql`.
pub(super) fn is_endpoint(path: &str) -> bool {
    path.split('/').any(|segment| {
        let name = segment.split('.').next().unwrap_or("");
        name.eq_ignore_ascii_case("graphql") || name.eq_ignore_ascii_case("gql")
    })
}

/// Returns the document with one space between tokens, and without the tokens that GraphQL ignores: white space, line
/// ends, commas, comments and byte order marks (GraphQL of October 2021, §2.1.7). Returns `None` if the text cannot be
/// split into tokens.
pub(super) fn normalised(document: &str) -> Option<String> {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    loop {
        rest = rest.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n', ',']);
        if let Some(comment) = rest.strip_prefix('#') {
            rest = &comment[comment.find(['\r', '\n']).unwrap_or(comment.len())..];
            continue;
        }
        if rest.is_empty() {
            return (!out.is_empty()).then_some(out);
        }
        let (token, after) = rest.split_at(token(rest)?);
        out.push_str(if out.is_empty() { "" } else { " " });
        out.push_str(token);
        rest = after;
    }
}

/// The length in bytes of the first token of the text.
fn token(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let run = |of: fn(u8) -> bool| bytes.iter().position(|b| !of(*b)).unwrap_or(bytes.len());
    match bytes[0] {
        b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}' => Some(1),
        b'.' => text.starts_with("...").then_some(3),
        b'"' if text.starts_with("\"\"\"") => {
            let mut at = 3;
            loop {
                let end = at + text[at..].find("\"\"\"")?;
                if !text[..end].ends_with('\\') {
                    return Some(end + 3);
                }
                at = end + 3;
            }
        }
        b'"' => {
            let mut escaped = false;
            for (at, byte) in bytes.iter().enumerate().skip(1) {
                match byte {
                    b'\n' | b'\r' => return None,
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => return Some(at + 1),
                    _ => {}
                }
            }
            None
        }
        b'-' | b'0'..=b'9' => Some(run(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))),
        b'_' | b'a'..=b'z' | b'A'..=b'Z' => Some(run(|b| b.is_ascii_alphanumeric() || b == b'_')),
        _ => None,
    }
}

/// Whether a text looks like an executable document.
fn is_document(text: &str) -> bool {
    let keyword = |k: &str| {
        text.strip_prefix(k)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    };
    text.starts_with('{') || ["query", "mutation", "subscription", "fragment"].into_iter().any(keyword)
}

/// Normalises the queries in a JSON body. The body contains one GraphQL request or an array of GraphQL requests.
///
/// If the request does not go to an [endpoint](is_endpoint), a member `query` is a GraphQL query only if the object
/// also has `variables` or `operationName`. Empty `variables` and an empty `operationName` equal absent ones (GraphQL
/// over HTTP, §5.4).
pub(super) fn in_json(value: Value<'_>, endpoint: bool) -> Value<'_> {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| in_json(item, endpoint)).collect()),
        Value::Object(members) => Value::Object(in_members(members, endpoint)),
        other => other,
    }
}

fn in_members<'a>(
    mut members: Vec<(Cow<'a, str>, Value<'a>)>,
    endpoint: bool,
) -> Vec<(Cow<'a, str>, Value<'a>)> {
    let is_request =
        endpoint || members.iter().any(|(name, _)| name == "variables" || name == "operationName");
    let mut queries = members.iter_mut().filter(|(name, _)| is_request && name == "query");
    let Some((_, Value::String(query))) = queries.next() else { return members };
    let Some(normal) = normalised(query).filter(|text| is_document(text)) else { return members };
    *query = Cow::Owned(normal);
    members.retain(|(name, value)| match (&**name, value) {
        ("variables" | "operationName", Value::Null) => false,
        ("variables", Value::Object(members)) => !members.is_empty(),
        ("operationName", Value::String(name)) => !name.is_empty(),
        _ => true,
    });
    members
}

/// Returns the value of a body of the type `application/graphql`. A JSON body with the same query has the same value.
pub(super) fn document(text: &str) -> Option<Value<'_>> {
    let normal = normalised(text).filter(|text| is_document(text))?;
    Some(Value::Object(vec![("query".into(), Value::String(normal.into()))]))
}

/// Normalises the query string of a GET request to an [endpoint](is_endpoint): `query` as GraphQL, `variables` and
/// `extensions` as JSON.
pub(super) fn in_query(pairs: &mut Pairs<'_>) {
    let text = |value: &[u8]| std::str::from_utf8(value).ok().and_then(normalised);
    let Some((_, query)) = pairs.iter_mut().find(|(key, _)| key.as_ref() == b"query") else { return };
    let Some(normal) = text(query).filter(|text| is_document(text)) else { return };
    *query = Cow::Owned(normal.into_bytes());
    for (_, value) in pairs.iter_mut().filter(|(key, _)| matches!(&**key, b"variables" | b"extensions")) {
        let canonical = json::parse(value).ok().map(|value| Tree::new(value, &[]).canonical_text());
        if let Some(text) = canonical {
            *value = Cow::Owned(text.into_bytes());
        }
    }
    pairs.retain(|(key, value)| match &**key {
        b"variables" => !matches!(&**value, b"" | b"null" | b"{}"),
        b"operationName" => !value.is_empty(),
        _ => true,
    });
    pairs.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, expected: Option<&str>) {
        assert_eq!(normalised(document).as_deref(), expected, "{document}");
        if let Some(text) = expected {
            assert_eq!(normalised(text).as_deref(), expected, "normalising again changes nothing");
        }
    }

    #[test]
    fn documents() {
        let query = "query Q ( $ id : Int = -1.5e3 ) { a ( id : $ id , s : \"x , # y\" ) { ... F } }"
            .replace(", s", "s");
        check("query Q($id:Int=-1.5e3){a(id:$id,s:\"x , # y\"){...F}}", Some(&query));
        check(
            "\u{feff}query Q ($id: Int = -1.5e3) { # what\n\ta(id: $id s: \"x , # y\") {\r\n ...F,\n}}\n",
            Some(&query),
        );
        check("{ a }", Some("{ a }"));
        check("{a b}", Some("{ a b }"));
        check("{ab}", Some("{ ab }"));
        // Text in a block string stays unchanged.
        check("{a(s:\"\"\"x,\n  \\\"\"\" # y\"\"\")}", Some("{ a ( s : \"\"\"x,\n  \\\"\"\" # y\"\"\" ) }"));
        check("{a(s:\"\\\"}\")}", Some("{ a ( s : \"\\\"}\" ) }"));
        check("{a(s:\"\")}", Some("{ a ( s : \"\" ) }"));
        for broken in
            ["", " # only a comment", "{a(s:\"", "{a(s:\"\"\"x\"\")}", "a..b", "a;b", "é", "{a(s:\"\n\")}"]
        {
            check(broken, None);
        }
    }

    #[test]
    fn endpoints() {
        for path in ["/graphql", "/api/GraphQL", "/v1/graphql/", "/gql", "/graphql.json"] {
            assert!(is_endpoint(path), "{path}");
        }
        for path in ["/", "/graphqls", "/v1/items"] {
            assert!(!is_endpoint(path), "{path}");
        }
    }
}
