//! Parses the expressions between `{{` and `}}`.

use crate::syntax::pointer::Pointer;

/// An expression, whose value is a part of the request or the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Method,
    /// The path as sent.
    Path,
    /// One segment of the path, decoded. The number of the first segment is 1.
    Segment(usize),
    /// The first value of a query key, decoded.
    Query(String),
    /// The first value of a form field, decoded.
    Form(String),
    Header(http::HeaderName),
    /// A JSON pointer (RFC 6901), as its unescaped names.
    Json(Vec<String>),
    Now,
    NowUnix,
}

/// The valid expressions, for the message about an unknown expression.
const KNOWN: &str = "`request.method`, `request.path`, `request.path.N`, `request.query.KEY`, `request.header.NAME`, \
                     `request.form.FIELD`, `request.json.POINTER`, `now`, `now.unix`";

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Expression, String> {
        let unknown = || format!("there is no such expression; there are {KNOWN}");
        let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty()).ok_or_else(unknown);
        if let Some(rest) = text.strip_prefix("now") {
            return match rest {
                "" => Ok(Expression::Now),
                ".unix" => Ok(Expression::NowUnix),
                _ => Err(unknown()),
            };
        }
        let part = text.strip_prefix("request.").ok_or_else(unknown)?;
        let (part, name) = part.split_once('.').map_or((part, None), |(part, name)| (part, Some(name)));
        match (part, name) {
            ("method", None) => Ok(Expression::Method),
            ("path", None) => Ok(Expression::Path),
            ("path", Some(n)) => match n.parse() {
                Ok(n) if n > 0 => Ok(Expression::Segment(n)),
                _ => Err("the parts of a path are numbered from 1".to_owned()),
            },
            ("query", Some(key)) => named(key).map(Expression::Query),
            ("form", Some(field)) => named(field).map(Expression::Form),
            ("header", Some(name)) => {
                name.parse().map(Expression::Header).map_err(|_| format!("no header can be called {name:?}"))
            }
            ("json", Some(pointer)) => pointer_names(pointer).map(Expression::Json),
            _ => Err(unknown()),
        }
    }
}

fn pointer_names(pointer: &str) -> Result<Vec<String>, String> {
    pointer.parse::<Pointer>().map_err(|e| e.to_string())?;
    let names: Vec<String> =
        // The order matters (RFC 6901 §4): `~01` is `~1`.
        pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
    match names.iter().any(|name| name == "*") {
        true => Err("a `*` names many places, and one is needed".to_owned()),
        false => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expression) {
        assert_eq!(Expression::parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn expressions() {
        let names = |names: &[&str]| Expression::Json(names.iter().map(|n| (*n).to_owned()).collect());
        check("now", Expression::Now);
        check("now.unix", Expression::NowUnix);
        check("request.method", Expression::Method);
        check("request.path", Expression::Path);
        check("request.path.2", Expression::Segment(2));
        check("request.query.nonce", Expression::Query("nonce".into()));
        check("request.query.filter[a.b]", Expression::Query("filter[a.b]".into()));
        check("request.form.state", Expression::Form("state".into()));
        check("request.header.X-Request-Id", Expression::Header("x-request-id".parse().unwrap()));
        check("request.json./id", names(&["id"]));
        check("request.json./a.b/0/c~1d/m~0n/~01", names(&["a.b", "0", "c/d", "m~n", "~1"]));
        check("request.json.", names(&[]));
    }

    #[test]
    fn refused() {
        for text in
            ["", "Now", "now.http", "nonce", "request", "request.qery.a", "request.query", "request.query."]
        {
            let e = Expression::parse(text).unwrap_err();
            assert!(e.contains("there is no such expression; there are `request.method`"), "{text}: {e}");
        }
        for (text, reason) in [
            ("request.path.0", "numbered from 1"),
            ("request.path.x", "numbered from 1"),
            ("request.json.id", "must begin with `/`"),
            ("request.json./a/*/b", "names many places"),
            ("request.header.a b", "no header can be called"),
        ] {
            let e = Expression::parse(text).unwrap_err();
            assert!(e.contains(reason), "{text}: {e}");
        }
    }
}
