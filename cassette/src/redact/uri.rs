//! Redaction of URLs: user info, query and fragment by name, the whole by value.

use super::form::FormFields;
use super::rules::REDACTED;
use super::{Redactor, into_string};

/// The rule for what stands before the host.
const USER_INFO: &str = "CAS0001";

impl Redactor {
    /// The URL (or a reference relative to one) as it is stored and matched: query parameters on the list and
    /// the user's password become `[redacted]`, secrets their placeholders. A user without a password is often
    /// a token, and goes too. What was not redacted stays byte for byte.
    pub fn uri(&self, uri: &str) -> String {
        let (rest, fragment) = split_at(uri, '#');
        let (base, query) = split_at(rest, '?');
        let mut out = self.user_info(base);
        for part in [query, fragment] {
            if let Some(delimiter) = part.get(..1) {
                out.push_str(delimiter);
                out.push_str(&self.query(&part[1..]));
            }
        }
        self.text(&out)
    }

    fn user_info(&self, base: &str) -> String {
        let kept = || base.to_owned();
        let Some(rule) = self.0.rules.default_rule(USER_INFO) else { return kept() };
        let Some((scheme, rest)) = base.split_once("//").filter(|(s, _)| s.is_empty() || s.ends_with(':'))
        else {
            return kept();
        };
        let authority = rest.split('/').next().unwrap_or("");
        let Some((info, _)) = authority.rsplit_once('@') else { return kept() };
        let shown = match info.split_once(':') {
            Some((user, _)) => format!("{user}:{REDACTED}"),
            None => REDACTED.to_owned(),
        };
        self.0.fired.count(&rule.label);
        format!("{scheme}//{shown}{}", &rest[info.len()..])
    }

    fn query(&self, query: &str) -> String {
        let mut out = Vec::with_capacity(query.len());
        // Writing to memory does not fail.
        let _ = FormFields::of_query().push(query.as_bytes(), &self.0.rules, &self.0.fired, &mut out);
        into_string(out)
    }
}

/// The part from the delimiter on is empty if there is none.
fn split_at(text: &str, delimiter: char) -> (&str, &str) {
    text.split_at(text.find(delimiter).unwrap_or(text.len()))
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
        check("https://h/p?page=2&api_key=abc&x=", "https://h/p?page=2&api_key=[redacted]&x=");
        check("https://h/p?apiKey=abc", "https://h/p?apiKey=[redacted]");
        check("https://h/p?API-KEY=a=b%26c&d", "https://h/p?API-KEY=[redacted]&d");
        check("https://h/p?api%5Fkey=abc", "https://h/p?api%5Fkey=[redacted]");
        check("https://h/p?token=", "https://h/p?token=");
        check("https://h/p?token", "https://h/p?token");
        check("https://h/p?country_code=DE&tokens=1", "https://h/p?country_code=DE&tokens=1");
        check("https://h/cb#access_token=abc&state=x", "https://h/cb#access_token=[redacted]&state=x");
        check("/relative?token=abc", "/relative?token=[redacted]");
        check("https://h/p?X-Amz-Signature=0f&Expires=1", "https://h/p?X-Amz-Signature=[redacted]&Expires=1");
        check("https://h/a//b@c?d", "https://h/a//b@c?d");
        check("mailto:a@b", "mailto:a@b");
        check("https://h/p?Signature=abc&Policy=x", "https://h/p?Signature=[redacted]&Policy=x");
    }

    #[test]
    fn user_info() {
        check("https://me:pass@h:8080/p", "https://me:[redacted]@h:8080/p");
        check("https://me:p@ss@h/p", "https://me:[redacted]@h/p");
        check("https://ghp_token@h/p", "https://[redacted]@h/p");
        check("//me:pass@h", "//me:[redacted]@h");
        check("https://h/p?mail=a:b@c", "https://h/p?mail=a:b@c");
    }

    #[test]
    fn by_value() {
        check("https://h/s3cr3t%2Fk%26y/x", "https://h/{{secret.KEY}}/x");
        check("https://h/?q=s3cr3t%2fk%26y", "https://h/?q={{secret.KEY}}");
        check("https://h/?q=as3cr3t/k%26yb", "https://h/?q=a{{secret.KEY}}b");
        check("https://h/?next=%2F%3Fq%3Ds3cr3t%252Fk%2526y", "https://h/?next=%2F%3Fq%3D{{secret.KEY}}");
    }
}
