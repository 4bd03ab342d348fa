//! Checks each default rule alone: it applies by default, and a project can disable it without disabling another rule.

use std::collections::BTreeSet;
use std::io::Write;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::redact::patterns::tests::samples;
use crate::redact::rules::names::normalised;
use crate::redact::{DefaultRule, Redactor, RuleKind, Rules, Side, default_rules};
use crate::tests::{seed, sized};

/// A rule, and a value that the rule finds.
struct Probe {
    rule: &'static DefaultRule,
    value: String,
}

/// One exchange with a value for every rule.
#[derive(Default)]
struct Exchange {
    probes: Vec<Probe>,
    json: Vec<String>,
    text: String,
    uris: Vec<String>,
    cookies: Vec<String>,
    request: HeaderMap,
    response: HeaderMap,
}

impl Exchange {
    fn new() -> Exchange {
        let mut exchange = Exchange::default();
        default_rules().iter().for_each(|rule| exchange.add(rule));
        let cookies = exchange.cookies.join("; ");
        exchange.request.insert(header::COOKIE, HeaderValue::from_str(&cookies).unwrap());
        exchange
    }

    fn add(&mut self, rule: &'static DefaultRule) {
        let (id, what) = (rule.id, rule.what);
        // The value is too short for the search for found values, so only the rule itself can find it.
        let value = match what {
            "code" => "9f8c-2b7d-4e1a-6053".to_owned(),
            // The rule looks at nothing but the value.
            "*" => "q8JxZt0Wm3RbV6yNcKp2".to_owned(),
            _ => format!("p-{}", &id[3..]),
        };
        let of_header = || HeaderValue::from_str(&value).unwrap();
        match rule.kind {
            RuleKind::Field => self.json.push(format!("\"{what}\":\"{value}\"")),
            RuleKind::Query => self.uris.push(format!("https://h/x?{what}={value}&other=1")),
            RuleKind::Cookie => self.cookies.push(format!("{what}={value}")),
            RuleKind::Header if what == "cookie" => self.cookies.push(format!("lang={value}")),
            RuleKind::Header if what == "set-cookie" => {
                let set = HeaderValue::from_str(&format!("lang={value}; Path=/")).unwrap();
                self.response.append(header::SET_COOKIE, set);
            }
            RuleKind::Header | RuleKind::RequestNoise => _ = self.request.insert(named(what), of_header()),
            RuleKind::Noise => _ = self.response.insert(named(what), of_header()),
            RuleKind::Url => self.uris.push(match what {
                "user-info" => format!("https://{value}@h/x"),
                "slack-webhook" => format!("https://hooks.slack.com/services/{value}"),
                "discord-webhook" => format!("https://discord.com/api/webhooks/12/{value}"),
                "telegram-bot" => format!("https://api.telegram.org/bot{value}/getMe"),
                "jsessionid" => format!("https://h/x;jsessionid={value}?other=1"),
                other => panic!("no URL for {other}"),
            }),
            RuleKind::Pattern if what == "url-password" => self.text += &format!("db://app:{value}@db/x\n"),
            RuleKind::Pattern => {
                let samples: Vec<String> =
                    samples().into_iter().filter(|(name, _)| *name == what).map(|(_, value)| value).collect();
                assert!(!samples.is_empty(), "no sample of {rule}");
                samples.iter().for_each(|sample| self.text += &format!("<{sample}>\n"));
                return self.probes.extend(samples.into_iter().map(|value| Probe { rule, value }));
            }
        }
        self.probes.push(Probe { rule, value });
    }

    /// The stored text of the whole exchange without these rules.
    fn stored(&self, without: &BTreeSet<&str>) -> String {
        let rules = without.iter().fold(Rules::default(), |rules, id| rules.without_rule(id).unwrap());
        let redactor = Redactor::new(rules).unwrap();
        let mut stored = String::new();
        for (content_type, body) in
            [("application/json", &format!("{{{}}}", self.json.join(","))), ("text/plain", &self.text)]
        {
            let mut out = redactor.body(Some(content_type), Vec::new());
            out.write_all(body.as_bytes()).unwrap();
            stored += &String::from_utf8(out.finish().unwrap()).unwrap();
        }
        self.uris.iter().for_each(|uri| stored += &format!("\n{}", redactor.uri(uri)));
        for (headers, side) in [(&self.request, Side::Request), (&self.response, Side::Response)] {
            stored += &format!("\n{:?}", redactor.headers(headers, side));
        }
        stored
    }

    /// The ids of the rules whose probes are all in the stored text, and the ids of the rules with at least one probe
    /// in it.
    fn shown(&self, without: &BTreeSet<&str>) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let stored = self.stored(without);
        let is_there = |probe: &&Probe| stored.contains(&probe.value);
        let ids = |probes: &[&Probe]| probes.iter().map(|probe| probe.rule.id).collect::<BTreeSet<_>>();
        let (there, gone): (Vec<&Probe>, Vec<&Probe>) = self.probes.iter().partition(is_there);
        (&ids(&there) - &ids(&gone), ids(&there))
    }
}

/// The name of a header that the pattern of a rule fits.
fn named(pattern: &str) -> HeaderName {
    pattern.replace("*-", "x-probe-").replace('*', "x-probe").parse().unwrap()
}

/// The rule, and the rules that find its value as well: a rule for a field also applies to headers, queries and cookies
/// of its name, the rule for all cookies to each cookie, and a rule for the end of a name to all such headers. `set-cookie`
/// is an exception: only its own rule and those of its cookies apply to it.
fn with_covering_rules(rule: &DefaultRule) -> BTreeSet<&'static str> {
    let covers = |other: &&DefaultRule| match (other.kind, rule.kind) {
        (RuleKind::Field, RuleKind::Header | RuleKind::Query | RuleKind::Cookie) => {
            normalised(other.what) == normalised(rule.what)
        }
        (RuleKind::Header, RuleKind::Cookie) => other.what == "cookie",
        (RuleKind::Header, RuleKind::Header) => {
            let ending = other.what.strip_prefix('*').filter(|ending| !ending.is_empty());
            let fits = |ending: &str| rule.what.ends_with(ending) && rule.what != "set-cookie";
            other.id == rule.id || ending.is_some_and(fits)
        }
        _ => other.id == rule.id,
    };
    default_rules().iter().filter(|other| other.id == rule.id || covers(other)).map(|rule| rule.id).collect()
}

#[test]
fn each_default_rule_is_disabled_alone() {
    let exchange = Exchange::new();
    let probed: BTreeSet<&str> = exchange.probes.iter().map(|probe| probe.rule.id).collect();
    assert_eq!(probed.len(), default_rules().len(), "each has something to find");
    let none = BTreeSet::new();
    assert_eq!(exchange.shown(&none).1, none, "all are in force");
    // A small run checks a sample of the rules, a full run checks all of them.
    let step = sized(40, 1);
    for rule in default_rules().iter().skip(seed(0) as usize % step).step_by(step) {
        let without = with_covering_rules(rule);
        let (all, any) = exchange.shown(&without);
        assert_eq!((&all, &any), (&without, &without), "{rule}");
        if without.len() > 1 {
            // If only this rule is disabled, the other rules still find its value.
            assert_eq!(exchange.shown(&BTreeSet::from([rule.id])).1, none, "{rule}");
        }
    }
}
