//! Redaction of URLs. The user info is replaced. Parameters in the query and the fragment are redacted by name, and the
//! whole URL by pattern and by value.
//!
//! Must not know: where a URL comes from.

use crate::placeholder;
use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::redact::formats::form::FormFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::WriterSink;
use crate::redact::links::link::Linked;
use crate::redact::redactor::{Redactor, into_string};
use crate::redact::rules::catalogue::USER_INFO;
use crate::syntax::uri::fragment;

impl Redactor {
    /// Returns the URL that cassette stores and matches. The URL may be relative.
    ///
    /// Placeholders replace the values of query parameters that have a rule, the password in the user info
    /// (`[user-info:1]`), and secrets. A user name without a password is often a token, so it is replaced, too. The
    /// other bytes stay as they are.
    pub fn uri(&self, uri: &str) -> String {
        let (rest, fragment) = uri.split_at(fragment(uri));
        let (base, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let mut out = self.path(&self.user_info(base));
        for part in [query, fragment] {
            if let Some(delimiter) = part.get(..1) {
                out.push_str(delimiter);
                out.push_str(&self.query(&part[1..]));
            }
        }
        let linked = Linked { rules: self.rules(), account: self.account() };
        self.text(&self.by_pattern(linked.uri(out)))
    }

    fn user_info(&self, base: &str) -> String {
        let kept = || base.to_owned();
        let Some(rule) = self.rules().default_rule(USER_INFO) else { return kept() };
        let Some((scheme, rest)) = base.split_once("//").filter(|(s, _)| s.is_empty() || s.ends_with(':'))
        else {
            return kept();
        };
        let authority = rest.split('/').next().unwrap_or("");
        let Some((info, _)) = authority.rsplit_once('@').filter(|(info, _)| !info.is_empty()) else {
            return kept();
        };
        let secret = |text: &str| self.found_in_url(rule, text);
        let shown = match info.split_once(':') {
            _ if placeholder::parse(info.as_bytes()).is_some() => info.to_owned(),
            Some((user, "")) => format!("{user}:"),
            Some((user, password)) => format!("{user}:{}", secret(password)),
            None => secret(info),
        };
        format!("{scheme}//{shown}{}", &rest[info.len()..])
    }

    /// Redacts the segments of a path: replaces each value that a rule found earlier in this session, and decodes
    /// percent-encoded placeholders.
    fn path(&self, base: &str) -> String {
        let from = base.find("//").map_or(0, |at| at + 2);
        let (head, path) = base.split_at(base[from..].find('/').map_or(base.len(), |at| from + at));
        let segments: Vec<_> = path.split('/').map(|segment| self.replace_found(segment)).collect();
        format!("{head}{}", segments.join("/"))
    }

    fn replace_found<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let decoded: Cow<'_, [u8]> = percent_decode_str(text).into();
        self.account().pass_on(text, &decoded, self.rules()).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    fn query(&self, query: &str) -> String {
        let mut out = Vec::with_capacity(query.len());
        let mut fields = FormFields::of_query();
        let to = &mut Pass { rules: self.rules(), account: self.account(), out: &mut WriterSink(&mut out) };
        // Writing to memory does not fail.
        let _ = fields.push(query.as_bytes(), to).and_then(|()| fields.finish(to));
        let redacted = into_string(out);
        let replace_found = |pair: &str| match pair.split_once('=') {
            Some((key, value)) => format!("{key}={}", self.replace_found(value)),
            None => pair.to_owned(),
        };
        redacted.split('&').map(replace_found).collect::<Vec<_>>().join("&")
    }
}

#[cfg(test)]
mod tests {
    use crate::redact::{Redactor, Rules};

    #[track_caller]
    fn check(uri: &str, expected: &str) {
        let rules = Rules::default().secret("KEY", "s3cr3t/k&y").unwrap();
        let redactor = Redactor::new(rules).unwrap();
        assert_eq!(redactor.uri(uri), expected);
        assert_eq!(redactor.uri(expected), expected, "redacting again changes nothing");
    }

    #[test]
    fn by_name() {
        check("https://h/p?page=2&api_key=abc&x=", "https://h/p?page=2&api_key=[api_key:1]&x=");
        check("https://h/p?apiKey=abc", "https://h/p?apiKey=[api_key:1]");
        check("https://h/p?API-KEY=a=b%26c&d", "https://h/p?API-KEY=[api_key:1]&d");
        check("https://h/p?api%5Fkey=abc", "https://h/p?api%5Fkey=[api_key:1]");
        check("https://h/p?token=", "https://h/p?token=");
        check("https://h/p?token", "https://h/p?token");
        check("https://h/cb?code=4/0AY0e-g7x1B2c3&state=x", "https://h/cb?code=[code:1]&state=x");
        check("https://h/p?code=DE&code=a%2Fb&code=%ff", "https://h/p?code=DE&code=a%2Fb&code=%ff");
        check("https://h/p?country_code=DE&tokens=1", "https://h/p?country_code=DE&tokens=1");
        check("https://h/cb#access_token=abc&state=x", "https://h/cb#access_token=[access_token:1]&state=x");
        check("/relative?token=abc", "/relative?token=[token:1]");
        check("https://h/?a={{secret.p.#t}}&token=abc#b", "https://h/?a={{secret.p.#t}}&token=[token:1]#b");
        check(
            "https://h/p?X-Amz-Signature=0f&Expires=1",
            "https://h/p?X-Amz-Signature=[x_amz_signature:1]&Expires=1",
        );
        check("https://h/a//b@c?d", "https://h/a//b@c?d");
        check("mailto:a@b", "mailto:a@b");
        check(
            "https://h/p?user[token]=a&user%5Bpin%5D=b&pwd[]=c&filter[signature]=d",
            "https://h/p?user[token]=[token:1]&user%5Bpin%5D=b&pwd[]=[pwd:1]&filter[signature]=d",
        );
        check("https://h/p?Signature=abc&Policy=x", "https://h/p?Signature=[signature:1]&Policy=x");
    }

    #[test]
    fn user_info() {
        check("https://me:pass@h:8080/p", "https://me:[user-info:1]@h:8080/p");
        check("https://me:p@ss@h/p", "https://me:[user-info:1]@h/p");
        check("https://ghp_token@h/p", "https://[user-info:1]@h/p");
        check("//me:pass@h", "//me:[user-info:1]@h");
        check("https://h/p?mail=a:b@c", "https://h/p?mail=a:b@c");
    }

    /// After a rule has found a value, the value is also replaced in places to which no rule applies.
    #[test]
    fn replace_found() {
        let redactor = Redactor::new(Rules::default()).unwrap();
        let shown = |uri: &str| redactor.uri(uri);
        assert_eq!(
            shown("https://h/?access_token=tok%2F4f9a77c1b2"),
            "https://h/?access_token=[access_token:1]"
        );
        assert_eq!(
            shown("https://h/tok%2f4f9a77c1b2/x?y=tok/4f9a77c1b2"),
            "https://h/[access_token:1]/x?y=[access_token:1]"
        );
        assert_eq!(shown("https://h/?token=tok/4f9a77c1b2"), "https://h/?token=[access_token:1]");
        assert_eq!(shown("https://h/%5Btoken%3A7%5D?a=%5Btoken%3A7%5D"), "https://h/[token:7]?a=[token:7]");
        assert_eq!(shown("https://h/?token=products"), "https://h/?token=[token:8]");
        assert_eq!(
            shown("https://h/products"),
            "https://h/products",
            "a plain word is not searched for again"
        );
    }

    #[test]
    fn by_value() {
        check("https://h/s3cr3t%2Fk%26y/x", "https://h/{{secret.KEY}}/x");
        check("https://h/?q=s3cr3t%2fk%26y", "https://h/?q={{secret.KEY}}");
        check("https://h/?q=as3cr3t/k%26yb", "https://h/?q=a{{secret.KEY}}b");
        check("https://h/?next=%2F%3Fq%3Ds3cr3t%252Fk%2526y", "https://h/?next=%2F%3Fq%3D{{secret.KEY}}");
    }
}
