//! Tests: tokens are found in any context, and similar texts stay.

use std::cell::Cell;
use std::io::{self, Write as _};
use std::sync::LazyLock;

use base64::Engine as _;

use crate::redact::account::Account;
use crate::redact::account::identity::Identity;
use crate::redact::patterns::*;
use crate::redact::text::by_pattern::TokenReplacer;
use crate::redact::{DefaultRule, Redactor, RuleKind, default_rules};
use crate::tests::{seed, sized};

thread_local! {
    /// The number of bytes that were read to find the end of a word, or a digit in it.
    pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

/// Invented tokens, each as its issuer documents it. They are concatenated here, so that no scanner reports this file.
pub(crate) fn samples() -> Vec<(&'static str, String)> {
    let alnum = |n: usize| "a1B2c3D4e5F6g7H8i9J0k".repeat(5)[..n].to_owned();
    let hex = |n: usize| "0f9e8d7c6b5a4b3c".repeat(5)[..n].to_owned();
    let jwt =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
    let jwe = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9o.XFBoMYUZodet";
    let spaced = |header: &str| {
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        format!("{header}.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{}", alnum(43))
    };
    let pem = |label: &str, line: &str| {
        let body = [alnum(64), alnum(64), alnum(20)].join(line);
        format!("-----BEGIN {label}PRIVATE KEY-----{line}{body}{line}-----END {label}PRIVATE KEY-----")
    };
    vec![
        ("jwt", jwt.to_owned()),
        ("jwt", jwe.to_owned()),
        ("jwt", spaced("{ \"alg\": \"HS256\" }")),
        ("jwt", spaced("{\n  \"typ\": \"JWT\",\n  \"alg\": \"HS256\"\n}")),
        ("jwt", spaced("{\r\n\t\"alg\":\"HS256\"}")),
        ("jwt", spaced("{\n\"alg\":\"HS256\"}")),
        ("jwt", spaced("{  \"alg\":\"HS256\"}")),
        ("private-key", pem("RSA ", "\n")),
        ("private-key", pem("", "\\n")),
        ("private-key", pem("OPENSSH ", "\r\n")),
        ("private-key", pem("EC ", "%0A")),
        ("aws-access-key-id", ["AKIA", "IOSFODNN7EXAMPLE"].concat()),
        ("aws-access-key-id", ["ASIA", "2345ABCDEFGHIJKL"].concat()),
        ("google-api-key", ["AIza", &alnum(35)].concat()),
        ("github-token", ["ghp_", &alnum(36)].concat()),
        ("github-token", ["github_pat_", &alnum(22), "_", &alnum(59)].concat()),
        ("gitlab-token", ["glpat-", &alnum(20)].concat()),
        ("slack-token", ["xoxb-", "123456789012-123456789012-", &alnum(24)].concat()),
        ("slack-token", ["xoxp-", "123456789012-123456789012-", &alnum(24)].concat()),
        ("stripe-key", ["sk_live_", &alnum(24)].concat()),
        ("stripe-key", ["rk_live_", &alnum(24)].concat()),
        ("stripe-key", ["whsec_", &alnum(32)].concat()),
        ("twilio-key", ["SK", &hex(32)].concat()),
        ("sendgrid-key", ["SG.", &alnum(22), ".", &alnum(43)].concat()),
        ("npm-token", ["npm_", &alnum(36)].concat()),
        ("pypi-token", ["pypi-AgE", &alnum(80)].concat()),
        ("ai-key", ["sk-", &alnum(48)].concat()),
        ("ai-key", ["sk-ant-api03-", &alnum(80), "-AA"].concat()),
        ("google-oauth-token", ["ya29.", &alnum(60)].concat()),
        ("shopify-token", ["shpat_", &hex(32)].concat()),
        ("hugging-face-token", ["hf_", &alnum(34)].concat()),
        ("digitalocean-token", ["dop_v1_", &hex(64)].concat()),
        ("google-client-secret", ["GOCSPX-", &alnum(20), "-_", &alnum(6)].concat()),
        ("google-refresh-token", ["1//0", &alnum(50), "-_", &alnum(46)].concat()),
        ("google-refresh-token", ["1\\/\\/0", &alnum(50), "-_", &alnum(46)].concat()),
        ("google-refresh-token", ["1%2F%2F0", &alnum(50), "-_", &alnum(46)].concat()),
        ("vault-token", ["hvs.", "CAESI", &alnum(90)].concat()),
        ("vault-token", ["hvb.", &alnum(100)].concat()),
        ("groq-key", ["gsk_", &alnum(52)].concat()),
        ("docker-token", ["dckr_pat_", &alnum(20), "-_", &alnum(5)].concat()),
        ("docker-token", ["dckr_oat_", &alnum(32)].concat()),
        ("atlassian-token", ["ATATT3", &alnum(101), "-_=0A1B2C3D"].concat()),
        ("databricks-token", ["dapi", &hex(32)].concat()),
        ("linear-key", ["lin_api_", &alnum(40)].concat()),
        ("notion-token", ["ntn_", "12345678901", &alnum(35)].concat()),
        ("new-relic-key", ["NRAK-", &alnum(27).to_uppercase()].concat()),
        ("grafana-token", ["glsa_", &alnum(32), "_0a1b2c3d"].concat()),
        ("xai-key", ["xai-", &alnum(80)].concat()),
    ]
}

fn default_redactor() -> Redactor {
    static PREPARED: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(Rules::default()).unwrap());
    PREPARED.anew()
}

fn redact(redactor: Redactor, text: &str, size: usize) -> String {
    let mut out = redactor.values(redactor.account().clone(), Vec::new());
    text.as_bytes().chunks(size.max(1)).for_each(|chunk| out.write_all(chunk).unwrap());
    String::from_utf8(out.finish().unwrap()).unwrap()
}

fn parts() -> (Arc<Patterns>, Arc<Rules>, Arc<Account>) {
    let rules = Rules::default();
    (Arc::new(Patterns::new(&rules)), Arc::new(rules), Arc::new(Account::new(Identity::new(&[]))))
}

/// Redacts a text, and searches the window at each of the `cuts` instead of only when it is full.
fn redact_cut(text: &[u8], cuts: &[usize]) -> String {
    let (patterns, rules, account) = parts();
    let mut out = TokenReplacer::new(patterns, rules, account, Vec::new());
    let mut from = 0;
    for cut in cuts {
        out.window.extend_from_slice(&text[from..*cut]);
        let window = std::mem::take(&mut out.window);
        let passed = out.pass(&window, false).unwrap();
        out.window = window[passed..].to_vec();
        from = *cut;
    }
    out.window.extend_from_slice(&text[from..]);
    String::from_utf8(out.finish().unwrap()).unwrap()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_step(text, expected, sized(1 + text.len() / 30, 1));
}

/// Cuts the text at every multiple of `step`.
#[track_caller]
fn check_step(text: &str, expected: &str, step: usize) {
    assert_eq!(redact(default_redactor(), text, text.len()), expected);
    for cut in (0..=text.len()).step_by(step) {
        assert_eq!(redact_cut(text.as_bytes(), &[cut]), expected, "cut at {cut}");
    }
    let every: Vec<usize> = (1..text.len()).step_by(sized(1 + text.len() / 30, 1)).collect();
    assert_eq!(redact_cut(text.as_bytes(), &every), expected, "byte by byte");
    assert_eq!(redact(default_redactor(), expected, text.len()), expected, "redacting again changes nothing");
}

#[test]
fn every_pattern_in_any_context() {
    // At full size, the test tries every sample in each context, otherwise in one of them.
    let (step, seed) = (sized(7, 1), seed(0) as usize);
    for (n, (name, sample)) in samples().into_iter().enumerate() {
        let surroundings = [
            ("", ""),
            ("{\"a\":\"", "\"}"),
            ("x=", "&y"),
            ("\\n", "\\n"),
            ("a%3D", "%26"),
            ("(", ")"),
            ("é", "é"),
        ];
        for (before, after) in surroundings.into_iter().skip((seed + n) % step).step_by(step) {
            let text = format!("{before}{sample}{after}");
            check_step(&text, &format!("{before}[{name}:1]{after}"), 1 + text.len() / sized(10, 40));
        }
    }
}

#[test]
fn one_is_one_and_two_are_two() {
    let (a, b) = (["ghp_", &"a1".repeat(18)].concat(), ["ghp_", &"b2".repeat(18)].concat());
    check(&format!("{a} {b} {a}"), "[github-token:1] [github-token:2] [github-token:1]");
}

#[test]
fn passwords_in_urls() {
    check("see postgres://app:s3cr3t@db:5432/x.", "see postgres://app:[url-password:1]@db:5432/x.");
    check(r#""redis:\/\/:s3cr3t@h\/0""#, r#""redis:\/\/:[url-password:1]@h\/0""#);
    check("to=https%3A%2F%2Fme%3As3cr3t%40h%2Fx", "to=https%3A%2F%2Fme%3A[url-password:1]%40h%2Fx");
    check(
        "https://u:{{secret.KEY}}@h/ ftp://u:a@b@c",
        "https://u:{{secret.KEY}}@h/ ftp://u:[url-password:1]@c",
    );
    // GitHub's convention: the token is the user.
    let token = ["ghp_", &"a1".repeat(18)].concat();
    check(&format!("git+https://{token}:x-oauth-basic@h/x"), "git+https://[url-password:1]@h/x");
    check(&format!("https://{token}@h/x"), "https://[github-token:1]@h/x");
    // If the user or the password contains a token, only the token is redacted.
    let key = format!("-----BEGIN PRIVATE KEY-----{}", "a1B2".repeat(12));
    check(&format!("y://:x{key}\u{ff40}@h"), "y://:x[private-key:1]\u{ff40}@h");
    check(&format!("y://{key}\u{ff40}:x@h"), "y://[private-key:1]\u{ff40}:x@h");
    let user = format!("{}.{}", samples()[0].1, "a".repeat(600));
    check(&format!("https://{user}:pass@h"), "https://[url-password:1]@h");
    for innocent in [
        "https://h:8080/a@b",
        "https://h/?q=a:b@c",
        "https://user@h/",
        "https://u:@h",
        "mailto:a@b",
        "a ://b:c@d",
        "https://x[gitlab-token:7]y@h",
        "http%3A%2F%2Fh%3A80%2Fa%40b",
    ] {
        check(innocent, innocent);
    }
}

#[test]
fn similar_texts_stay() {
    for innocent in [
        "eyJ eyJhbGciOiJIUzI1NiJ9 eyJhbGciOiJIUzI1NiJ9. eyJhbGciOiJIUzI1NiJ9.e30",
        "eyJuYW1lIjoieCJ9.eyJzdWIiOiIxIn0.abcdefgh", // No algorithm.
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY----- is how the file begins, then come lines",
        "-----BEGIN ",
        "-----BEGIN\", \"n\": 0}, {\"PRIVATE KEY-----BEGIN0KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK", // No label.
        "AKIA AKIAshort AKIAIOSFODNN7EXAMPLE7 XAKIAIOSFODNN7EXAMPLE",
        "task-force-of-the-very-long-name-with-1-digit-in-it",
        "sk-loading-indicator-with-a-very-long-name sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "xoxb-your-token-goes-here-please ghp_short npm_config_registry npm_lifecycle_event",
        "GOCSPX-your-secret 1//0 1//0-1 hvs.token gsk_test dckr_pat_mine ATATT3 dapi0123 dapi-docs lin_api_key ntn_42",
        "hvs.a-very-long-name-of-something-without-a-number NRAK-1 glsa_x xai-1 key-0123456789abcdef api-key-of-mine",
        "https://h/v1//0/items?a=1//0 key-d41d8cd98f00b204e9800998ecf8427e dapid41d8cd98f00b204e9800998ecf8427e9",
        "SK0123 SG.a.b 2021SG.x AIzaShort ya29. hf_hub pypi-AgE glpat- whsec_test",
    ] {
        check(innocent, innocent);
    }
}

#[test]
fn each_can_be_switched_off() {
    for (name, sample) in samples() {
        let token = |rule: &&DefaultRule| rule.kind == RuleKind::Pattern && rule.what == name;
        let rule = default_rules().iter().find(token).unwrap();
        let text = format!("<{sample}>");
        let without = Redactor::new(Rules::default().without_rule(rule.id).unwrap()).unwrap();
        assert_eq!(redact(without, &text, 7), text, "{name}");
    }
}

/// A token that is longer than the window is redacted, and the text after it stays.
#[test]
fn long_tokens() {
    let jwt = format!("eyJhbGciOiJub25lIn0.{}.{}", "a1".repeat(LONG), "b2".repeat(LONG));
    let token = format!("ya29.{}", "a1".repeat(LONG));
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "a1\n".repeat(LONG));
    for (name, sample) in [("jwt", jwt), ("google-oauth-token", token), ("private-key", pem)] {
        for size in [1000, 5000, 1 << 20] {
            let text = format!("<{sample}> and more");
            assert_eq!(redact(default_redactor(), &text, size), format!("<[{name}:1]> and more"), "{name}");
        }
    }
}

const LONG: usize = tokens::LONGEST;

#[test]
fn the_window_stays_small() {
    let (patterns, rules, account) = parts();
    for text in ["eyJ", "-----BEGIN PRIVATE KEY-----", "ya29.a", "https://", "plain text "] {
        let mut out = TokenReplacer::new(patterns.clone(), rules.clone(), account.clone(), io::sink());
        for _ in 0..20_000 {
            out.write_all(text.as_bytes()).unwrap();
            assert!(out.window.len() <= 6 * tokens::LONGEST, "{text}: {}", out.window.len());
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(sized(64, 256)))]

    #[test]
    fn chunks_change_nothing(
        pieces in proptest::collection::vec(0usize..40, 0..12),
        cuts in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 0..6),
    ) {
        let samples = samples();
        let others = [" ", "\"", "\\n", "eyJ", ".", "-----BEGIN ", "sk-", "https://a:", "@", "x", "%3A%2F%2F", "SK0"];
        let text: String =
            pieces.iter().map(|i| samples.get(*i).map_or_else(|| others[i % others.len()], |(_, s)| &**s)).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|i| i.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        proptest::prop_assert_eq!(redact_cut(text.as_bytes(), &cuts), redact_cut(text.as_bytes(), &[]));
    }
}

/// A long word with many anchors is not read to its end for each anchor.
#[test]
fn the_worst_text_costs_no_more_than_its_length() {
    for piece in ["-eyJ", "-xapp-", "-sk-ant-", "-AIza-", "-eyJ-hbG"] {
        let text = piece.repeat((64 << 10) / piece.len());
        LOOKED_AT.set(0);
        assert!(redact(default_redactor(), &text, text.len()) == text, "{piece}");
        let times = LOOKED_AT.get() / text.len();
        assert!(LOOKED_AT.get() > 0 && times <= 8, "{piece}: each byte {times} times");
    }
}

/// The cached runs of a word do not hide a token at the end of the word, or a byte that changes a match.
#[test]
fn a_token_after_other_anchors() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";
    for (text, stored) in [
        (format!("-eyJ-eyJunk-{jwt}"), "-eyJ-eyJunk-[jwt:1]"),
        (format!("-eyJ-eyJunk {jwt}"), "-eyJ-eyJunk [jwt:1]"),
        (format!("-eyJ.-eyJ.a.{jwt}"), "-eyJ.-eyJ.a.[jwt:1]"),
        ("-xapp-word xapp-with-a-digit-1-in-it".into(), "-xapp-word [slack-token:1]"),
        ("-xapp-word-word-word-word-xapp-with-a-digit-1".into(), "-[slack-token:1]"),
    ] {
        assert_eq!(redact(default_redactor(), &text, text.len()), stored);
    }
}
