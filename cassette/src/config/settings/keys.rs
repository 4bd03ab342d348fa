//! The keys of `cassette.toml`. A key has the name of the method of [`Config`] or [`Matching`] that does the same.
//!
//! A test compares this list with `docs/settings.md` and with the methods. Must not know: files, TOML.

use std::net::SocketAddr;
use std::time::Duration;

use super::setting::Setting;
use crate::clock;
use crate::config::{Config, Drift, Exhausted, Expiry, Unused};
use crate::matcher::{self, Matching};
use crate::mode::Mode;

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Flag,
    Number,
    Text,
    /// A time in RFC 3339, as a string or as TOML's own type.
    Instant,
    /// A list of strings. Each of its items is a [`Setting`] of its own.
    Texts,
    /// A list of paths, relative to the folder of the file that names them.
    Files,
    /// A table of strings.
    TextTable,
    /// A table of lists of strings.
    ListTable,
    /// `{ age = "90d", then = "warn" }`.
    Age,
    /// A table for each scope, whose keys are those of matching.
    Scopes,
}

impl Kind {
    /// The type, as errors and the documentation call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Flag => "`true` or `false`",
            Kind::Number => "a whole number",
            Kind::Text => "a string",
            Kind::Instant => "a time in RFC 3339",
            Kind::Texts => "a list of strings",
            Kind::Files => "a list of paths",
            Kind::TextTable => "a table of strings",
            Kind::ListTable => "a table of lists of strings",
            Kind::Age => "a table with `age` and `then`",
            Kind::Scopes => "a table for each scope",
        }
    }

    /// Whether the value of the package's file replaces the value of the workspace's file as a whole.
    pub(super) fn is_single(self) -> bool {
        matches!(self, Kind::Flag | Kind::Number | Kind::Text | Kind::Instant | Kind::Age)
    }
}

/// How a setting changes the configuration. An error says what is wrong with the value.
pub(super) enum Apply {
    Config(fn(Config, &Setting) -> Result<Config, String>),
    /// For the options of [`Matching`]. These keys are also the keys of a scope.
    Matching(fn(Matching, &Setting) -> Result<Matching, String>),
}

/// One key.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The default value in TOML. Empty if the key has no default value.
    pub(crate) default: &'static str,
    pub(super) apply: Apply,
}

impl Key {
    pub(super) fn is_of_matching(&self) -> bool {
        matches!(self.apply, Apply::Matching(_))
    }
}

type OfConfig = fn(Config, &Setting) -> Result<Config, String>;
type OfMatching = fn(Matching, &Setting) -> Result<Matching, String>;

const fn key(name: &'static str, kind: Kind, default: &'static str, apply: OfConfig) -> Key {
    Key { name, kind, default, apply: Apply::Config(apply) }
}

const fn list(name: &'static str, apply: OfConfig) -> Key {
    key(name, Kind::Texts, "[]", apply)
}

const fn files(name: &'static str, apply: OfConfig) -> Key {
    key(name, Kind::Files, "[]", apply)
}

const fn flag(name: &'static str, apply: OfConfig) -> Key {
    key(name, Kind::Flag, "false", apply)
}

const fn matching(name: &'static str, apply: OfMatching) -> Key {
    Key { name, kind: Kind::Texts, default: "[]", apply: Apply::Matching(apply) }
}

const fn matching_flag(name: &'static str, apply: OfMatching) -> Key {
    Key { name, kind: Kind::Flag, default: "false", apply: Apply::Matching(apply) }
}

/// All keys, in the order in which their settings are applied. Among keys that exclude each other, the later one wins.
pub(crate) static KEYS: &[Key] = &[
    key("directory", Kind::Text, "\"tests/cassettes\"", |c, s| Ok(c.directory(s.text()))),
    key("mode", Kind::Text, "\"replay\"", |c, s| {
        Ok(c.mode(s.text().parse::<Mode>().map_err(|e| e.to_string())?))
    }),
    key("freeze", Kind::Instant, "", |c, s| {
        Ok(c.freeze(clock::parse_rfc3339(s.text()).map_err(|e| e.to_string())?))
    }),
    key("inline_limit", Kind::Number, "65536", |c, s| Ok(c.inline_limit(s.number()))),
    key("record_command", Kind::Text, "", |c, s| Ok(c.record_command(s.text()))),
    key("prove", Kind::Flag, "true", |c, s| Ok(c.prove(s.flag()))),
    key("proof_limit", Kind::Text, "", |c, s| Ok(c.proof_limit(duration(s.text())?))),
    flag("explicit_clock", |mut c, s| {
        c.explicit_clock = s.flag();
        Ok(c)
    }),
    key("max_age", Kind::Age, "", |c, s| {
        let policies = [("warn", Expiry::Warn), ("fail", Expiry::Fail)];
        Ok(c.max_age(duration(&s.texts()[0])?, choice(&s.texts()[1], &policies)?))
    }),
    key("drift", Kind::Text, "\"fail\"", |c, s| {
        Ok(c.drift(choice(s.text(), &[("fail", Drift::Fail), ("warn", Drift::Warn)])?))
    }),
    flag("verify_values", |mut c, s| {
        c.verify.values = s.flag();
        Ok(c)
    }),
    // Secrets and redaction. What keeps a value comes before what redacts it, so that redaction wins.
    list("secret_from_env", |c, s| Ok(c.secret_from_env(s.text()))),
    files("secrets_file", |c, s| Ok(c.secrets_file(s.text()))),
    files("secrets_from_config", |c, s| Ok(c.secrets_from_config(s.text()))),
    list("without_rule", |c, s| Ok(c.without_rule(s.text()))),
    list("allow_header", |c, s| Ok(c.allow_header(s.text()))),
    flag("keep_other_headers", |c, s| Ok(if s.flag() { c.keep_other_headers() } else { c })),
    list("keep_cookie", |c, s| Ok(c.keep_cookie(s.text()))),
    list("keep_field", |c, s| Ok(c.keep_field(s.text()))),
    list("opaque_encoding", |c, s| Ok(c.opaque_encoding(s.text()))),
    list("drop_header", |c, s| Ok(c.drop_header(s.text()))),
    list("redact_header", |c, s| Ok(c.redact_header(s.text()))),
    list("redact_cookie", |c, s| Ok(c.redact_cookie(s.text()))),
    list("redact_field", |c, s| Ok(c.redact_field(s.text()))),
    list("redact_pointer", |c, s| Ok(c.redact_pointer(s.text()))),
    list("redact_url", |c, s| Ok(c.redact_url(s.text()))),
    key("redact_links", Kind::ListTable, "{}", |c, s| {
        Ok(c.redact_links(s.name(), s.texts().iter().map(String::as_str)))
    }),
    flag("redact_ipv4_hosts", |c, s| Ok(if s.flag() { c.redact_ipv4_hosts() } else { c })),
    list("redact_before_read", |c, s| Ok(c.redact_before_read(s.text()))),
    // Hosts and connections.
    list("ignore_host", |c, s| Ok(c.ignore_host(s.text()))),
    list("pass_through", |c, s| Ok(c.pass_through(s.text()))),
    files("extra_root", |c, s| {
        let pem = std::fs::read(s.text()).map_err(|e| format!("could not read {}: {e}", s.text()))?;
        Ok(c.extra_root(pem))
    }),
    key("resolve", Kind::TextTable, "{}", |c, s| {
        let address: SocketAddr = s.text().parse().map_err(|_| {
            format!("`{}` is not an address with a port, such as \"127.0.0.1:8443\"", s.text())
        })?;
        Ok(c.resolve(s.name(), address))
    }),
    key("connect_timeout", Kind::Text, "\"30s\"", |c, s| Ok(c.connect_timeout(duration(s.text())?))),
    key("upstream_proxy", Kind::Text, "", |c, s| Ok(c.upstream_proxy(s.text()))),
    key("upstream_no_proxy", Kind::Text, "", |c, s| Ok(c.upstream_no_proxy(s.text()))),
    key("drain", Kind::Text, "", |c, s| Ok(c.drain(duration(s.text())?))),
    flag("explicit_clients", |mut c, s| {
        c.explicit_clients = s.flag();
        Ok(c)
    }),
    flag("intercept_loopback", |mut c, s| {
        c.intercept_loopback = s.flag();
        Ok(c)
    }),
    flag("record_in_parallel", |mut c, s| {
        c.record_in_parallel = s.flag();
        Ok(c)
    }),
    // Matching. What is ignored comes before what is required again. Only headers are ignored again, as in `Config`.
    matching("ignore_query", |m, s| Ok(m.ignore_query(s.text()))),
    matching("require_query", |m, s| Ok(m.require_query(s.text()))),
    matching("ignore_json", |m, s| matcher::check_place(s.text()).map(|()| m.ignore_json(s.text()))),
    matching("require_json", |m, s| matcher::check_place(s.text()).map(|()| m.require_json(s.text()))),
    matching("ignore_form", |m, s| Ok(m.ignore_form(s.text()))),
    matching("require_form", |m, s| Ok(m.require_form(s.text()))),
    matching("ignore_xml", |m, s| matcher::check_place(s.text()).map(|()| m.ignore_xml(s.text()))),
    matching("ignore_path", |m, s| matcher::check_path(s.text()).map(|()| m.ignore_path(s.text()))),
    matching_flag("ignore_body", |m, s| Ok(if s.flag() { m.ignore_body() } else { m })),
    matching_flag("require_body", |m, s| Ok(if s.flag() { m.require_body() } else { m })),
    matching("require_header", |m, s| matcher::check_header(s.text()).map(|()| m.require_header(s.text()))),
    matching("ignore_header", |m, s| matcher::check_header(s.text()).map(|()| m.ignore_header(s.text()))),
    key("matching_for", Kind::Scopes, "{}", |c, s| {
        if !matcher::is_scope(s.name()) {
            return Err(format!(
                "`{}` is not a scope: write a host and, optionally, a path: \"api.example.com/v1/**\"",
                s.name()
            ));
        }
        Ok(c.matching_for(s.name(), |matching| {
            s.scoped().iter().fold(matching, |matching, option| match option.key.apply {
                // The file's reader has checked that the option can be applied.
                Apply::Matching(apply) => apply(matching.clone(), option).unwrap_or(matching),
                Apply::Config(_) => matching,
            })
        }))
    }),
    key("ordered", Kind::Flag, "false", |mut c, s| {
        c.ordered = s.flag();
        Ok(c)
    }),
    key("exhausted", Kind::Text, "\"fail\"", |c, s| {
        let policies =
            [("fail", Exhausted::Fail), ("repeat_last", Exhausted::RepeatLast), ("loop", Exhausted::Loop)];
        Ok(c.exhausted(choice(s.text(), &policies)?))
    }),
    key("unused", Kind::Text, "\"fail\"", |c, s| {
        let policies = [("fail", Unused::Fail), ("warn", Unused::Warn), ("allow", Unused::Allow)];
        Ok(c.unused(choice(s.text(), &policies)?))
    }),
    list("ignore_output", |c, s| Ok(c.ignore_output(s.text()))),
];

/// The methods of [`Config`] that have no key, with the reason.
pub(crate) const CODE: &[(&str, &str)] = &[
    (
        "secret",
        "its value does not belong into a file that is committed: name its variable with `secret_from_env`",
    ),
    ("matcher", CALL),
    ("matching", "the options of matching are keys of their own, such as `ignore_query`"),
    ("redact_request_with", CALL),
    ("redact_response_with", CALL),
    ("redact_body_with", CALL),
];

const CALL: &str = "it takes code: call the method of `Config`";

fn choice<T: Copy>(text: &str, policies: &[(&str, T)]) -> Result<T, String> {
    match policies.iter().find(|(name, _)| *name == text) {
        Some((_, policy)) => Ok(*policy),
        None => {
            let names: Vec<_> = policies.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            Err(format!("`{text}` is none of {}", names.join(", ")))
        }
    }
}

/// A number and its unit: `250ms`, `30s`, `5m`, `12h`, `90d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a duration, such as \"250ms\", \"30s\", \"5m\", \"12h\" or \"90d\"");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in
            [("0s", 0), ("250ms", 250), ("30 s", 30_000), ("2m", 120_000), ("1d", 86_400_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "1w", "99999999999999999999d", "9999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
