//! `cargo cassette rules`: lists the default redaction rules.

use std::io::{self, Write};

use cassette::__support::{DefaultRule, default_rules};

/// Prints one line for each rule, or JSON.
pub(crate) fn print(json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let rules = default_rules();
    if json {
        let rules: Vec<_> = rules.iter().map(object).collect();
        return writeln!(out, "[\n{}\n]", rules.join(",\n"));
    }
    let width = |part: fn(&DefaultRule) -> String| {
        rules.iter().map(|rule| part(rule).chars().count()).max().unwrap_or(0)
    };
    let (kinds, names) = (width(|rule| rule.kind.to_string()), width(|rule| rule.what.to_owned()));
    writeln!(out, "id       {:<kinds$}  {:<names$}  why", "kind", "what")?;
    for DefaultRule { id, kind, what, why, .. } in rules {
        writeln!(out, "{id}  {:<kinds$}  {what:<names$}  {why}", kind.to_string())?;
    }
    writeln!(out, "\nto switch a rule off: Config::new().without_rule(\"{}\")", rules[0].id)
}

/// One rule as a JSON object. No text of the catalogue needs a JSON escape; a test verifies that.
fn object(rule: &DefaultRule) -> String {
    let DefaultRule { id, kind, what, why, .. } = rule;
    format!(r#"  {{"id": "{id}", "kind": "{kind}", "what": "{what}", "why": "{why}"}}"#)
}
