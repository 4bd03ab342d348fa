//! `cargo cassette rules`: lists the default redaction rules, and the headers that matching compares by default.

use std::io::{self, Write};

use cassette::__support::{DefaultRule, ProjectSettings, SelectingHeader, default_rules, selecting_headers};

/// Prints one line for each rule, or JSON.
pub(crate) fn print(settings: &ProjectSettings, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let rules = default_rules();
    if json {
        let headers = selecting_headers().iter().map(object_of_header);
        let rules: Vec<_> = rules.iter().map(object).chain(headers).collect();
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
    writeln!(out, "\nto switch a rule off: Config::new().without_rule(\"{}\")\n", rules[0].id)?;
    let off = settings.rules_off();
    let folder = std::env::current_dir().unwrap_or_default();
    for (id, file, line) in &off {
        writeln!(out, "{id} is switched off by {}", crate::config::place(file, *line, &folder))?;
    }
    if !off.is_empty() {
        writeln!(out)?;
    }
    let headers = selecting_headers();
    let names = headers.iter().map(|header| header.name.chars().count()).max().unwrap_or(0);
    writeln!(out, "{:<names$}  why matching compares this header of requests", "header")?;
    for SelectingHeader { name, why, .. } in headers {
        writeln!(out, "{name:<names$}  {why}")?;
    }
    writeln!(out, "\nto ignore such a header: Config::new().ignore_header(\"range\")")
}

/// One rule as a JSON object. No text of the catalogue needs a JSON escape; a test verifies that.
fn object(rule: &DefaultRule) -> String {
    let DefaultRule { id, kind, what, why, .. } = rule;
    format!(r#"  {{"id": "{id}", "kind": "{kind}", "what": "{what}", "why": "{why}"}}"#)
}

/// A header that matching compares by default. It has no id, because `Config::ignore_header` takes its name.
fn object_of_header(header: &SelectingHeader) -> String {
    let SelectingHeader { name, why, .. } = header;
    format!(r#"  {{"id": null, "kind": "compared header", "what": "{name}", "why": "{why}"}}"#)
}
