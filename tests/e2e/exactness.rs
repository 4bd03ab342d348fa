//! Records generated bodies: arbitrary bytes, and JSON in any layout. Checks that a replay returns the same bytes, and
//! that a second recording writes the same files.

use std::collections::BTreeMap;

use cassette::Session;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

use crate::api::{Api, Seen, Speaks, answer, data, frames, see};
use crate::project::Project;
use crate::size::sized;

/// A JSON value. Numbers and strings are kept as they are written.
#[derive(Clone, Debug)]
enum Tree {
    Token(String),
    Array(Vec<Tree>),
    /// Members in order. A name may occur twice.
    Object(Vec<(String, Tree)>),
}

/// The places in which a JSON text has insignificant whitespace.
#[derive(Clone, Debug)]
enum Spaces {
    Compact,
    Spaced,
    Lines(&'static str),
    /// Each place that allows whitespace has the next of these texts. After the last text, the first text is used
    /// again.
    Any(Vec<&'static str>),
}

fn number() -> impl Strategy<Value = String> {
    let odd = ["-0", "1.0", "1e2", "1E+400", "0.10", "-0.0e-0", "123456789012345678901234567890"];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?",
    ]
}

fn string() -> impl Strategy<Value = String> {
    let odd = [
        "\\ud800",
        "\\uDC00\\ud800",
        "\\u0000",
        "\\/",
        "\\\"",
        "\\\\",
        "\\u00e9",
        "é",
        "\u{2028}",
        "𝄞",
        "\u{7f}",
    ];
    let piece = prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        "[ !#-\\[\\]-~]{0,6}",
        "\\\\[bfnrt]",
        "\\\\u[0-9a-fA-F]{4}",
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn tree() -> impl Strategy<Value = Tree> {
    let word = select(vec!["null", "true", "false"]).prop_map(str::to_owned);
    let leaf = prop_oneof![word, number(), string()].prop_map(Tree::Token);
    let name =
        prop_oneof![3 => select(vec!["\"a\"", "\"b\"", "\"\""]).prop_map(str::to_owned), 1 => string()];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Tree::Array),
            vec((name.clone(), inner), 0..5).prop_map(Tree::Object),
        ]
    })
}

impl Tree {
    /// Encloses the value in this number of arrays.
    fn nested(self, levels: usize) -> Tree {
        (0..levels).fold(self, |tree, _| Tree::Array(std::vec![tree]))
    }

    /// Repeats the value in an array, so that the text is longer than the inline limit.
    fn repeated(self) -> Tree {
        let once = self.text(&Spaces::Compact).len();
        Tree::Array(std::vec![self; 70_000 / (once + 1) + 1])
    }

    fn text(&self, spaces: &Spaces) -> String {
        let mut writer = Writer { text: String::new(), spaces, depth: 0, gaps: 0 };
        writer.gap("", "");
        writer.value(self);
        writer.gap("", "");
        writer.text
    }
}

struct Writer<'a> {
    text: String,
    spaces: &'a Spaces,
    depth: usize,
    gaps: usize,
}

impl Writer<'_> {
    /// Writes the whitespace at one place: `spaced` in the layout with spaces, `line` in the layout with line breaks.
    fn gap(&mut self, spaced: &str, line: &str) {
        match self.spaces {
            Spaces::Compact => {}
            Spaces::Spaced => self.text.push_str(spaced),
            Spaces::Lines(indent) if line == "\n" => {
                self.text.push('\n');
                self.text.push_str(&indent.repeat(self.depth));
            }
            Spaces::Lines(_) => self.text.push_str(line),
            Spaces::Any(all) => self.text.push_str(all.get(self.gaps % all.len().max(1)).unwrap_or(&"")),
        }
        self.gaps += 1;
    }

    fn value(&mut self, tree: &Tree) {
        match tree {
            Tree::Token(token) => self.text.push_str(token),
            Tree::Array(items) => self.list(items, ['[', ']'], Self::value),
            Tree::Object(members) => self.list(members, ['{', '}'], |writer, (name, value)| {
                writer.text.push_str(name);
                writer.gap("", "");
                writer.text.push(':');
                writer.gap(" ", " ");
                writer.value(value);
            }),
        }
    }

    fn list<T>(&mut self, items: &[T], brackets: [char; 2], each: impl Fn(&mut Self, &T)) {
        self.text.push(brackets[0]);
        self.depth += 1;
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.gap("", "");
                self.text.push(',');
            }
            self.gap(if n > 0 { " " } else { "" }, "\n");
            each(self, item);
        }
        self.depth -= 1;
        self.gap("", if items.is_empty() { "" } else { "\n" });
        self.text.push(brackets[1]);
    }
}

fn spaces() -> impl Strategy<Value = Spaces> {
    let any = vec(select(vec!["", "", " ", "\n", "\r\n", "\t", "  "]), 1..6).prop_map(Spaces::Any);
    prop_oneof![
        Just(Spaces::Compact),
        Just(Spaces::Spaced),
        select(vec!["  ", "    ", "\t"]).prop_map(Spaces::Lines),
        any,
    ]
}

/// JSON, or a text that is almost JSON.
fn json() -> impl Strategy<Value = Vec<u8>> {
    let deep = prop_oneof![4 => Just(0), 1 => 0..300_usize];
    let ends = select(vec!["", "", "\n", "\n\n", "\r\n", " ", "\u{0}"]);
    let begins = prop_oneof![6 => Just(""), 1 => Just("\u{feff}")];
    let cut = prop::option::weighted(0.1, any::<Index>());
    let long = prop::bool::weighted(0.1);
    (tree(), deep, long, spaces(), begins, ends, cut).prop_map(
        |(tree, deep, long, spaces, begins, ends, cut)| {
            let tree = if long { tree.repeated() } else { tree.nested(deep) };
            let mut bytes = format!("{begins}{}{ends}", tree.text(&spaces)).into_bytes();
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            bytes
        },
    )
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let tokens = "[ \\[\\]{}:,\"a0\\\\u]{0,40}".prop_map(String::into_bytes);
    prop_oneof![1 => any::<Vec<u8>>(), 1 => tokens, 4 => json()]
}

#[derive(Clone, Debug)]
struct Exchange {
    content_type: &'static str,
    request: Vec<u8>,
    answer: Vec<u8>,
    /// The places at which the server cuts the body into chunks. If there is none, the response has a `content-length`.
    cuts: Vec<Index>,
}

impl Exchange {
    fn chunks(&self) -> Vec<Vec<u8>> {
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| cut.index(self.answer.len() + 1)).collect();
        cuts.extend([0, self.answer.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|ends| self.answer[ends[0]..ends[1]].to_vec()).collect()
    }
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let content_type = select(vec![
        "application/json",
        "application/json",
        "application/problem+json; charset=utf-8",
        "application/x-ndjson",
        "text/plain",
        "text/event-stream",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
    ]);
    (content_type, bytes(), bytes(), vec(any::<Index>(), 0..5))
        .prop_map(|(content_type, request, answer, cuts)| Exchange { content_type, request, answer, cuts })
}

/// The text of the cassette from `interactions` on, and the body files. The rest of the cassette contains times, which
/// differ, and the ends of chunks depend on the timing of the network.
fn recorded(project: &Project) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
    let text = project.text();
    let (_, interactions) = text.split_once("\n  \"interactions\": [").expect("interactions");
    let mut files = project.files();
    files.retain(|name, _| name.contains(".bodies/"));
    let is_stable = |line: &&str| !line.trim_start().starts_with("\"chunks\": ");
    (
        interactions.lines().filter(is_stable).map(|line| line.trim_end_matches(',').to_owned()).collect(),
        files,
    )
}

fn check(exchanges: Vec<Exchange>) -> Result<(), TestCaseError> {
    let served = exchanges.clone();
    let serve = move |request: http::Request<bytes::Bytes>| {
        let exchange = &served[request.uri().path()[1..].parse::<usize>().expect("a number")];
        let status = if *request.body() == exchange.request { 200 } else { 400 };
        let head = [("content-type", exchange.content_type)];
        match exchange.cuts.is_empty() {
            true => answer(status, &head, exchange.answer.clone()),
            false => frames(status, &head, exchange.chunks().into_iter().map(data)),
        }
    };
    let api = Api::start(Speaks::Http1, serve.clone());
    let urls: Vec<_> = (0..exchanges.len()).map(|n| api.url(&format!("/{n}"))).collect();
    let body = async |session: Session| -> Vec<Seen> {
        let http = session.client().unwrap();
        let mut seen = Vec::new();
        for (url, exchange) in urls.iter().zip(&exchanges) {
            let request = http.post(url).header("content-type", exchange.content_type);
            seen.push(see(request.body(exchange.request.clone()).send().await.unwrap()).await);
        }
        seen
    };
    let (project, seen) = Project::both(api, body);
    for (seen, exchange) in seen.iter().zip(&exchanges) {
        prop_assert_eq!(seen.status, 200, "the server got another request");
        prop_assert_eq!(&seen.body[..], &exchange.answer[..]);
    }
    let first = recorded(&project);
    let again = Api::start(Speaks::Http1, serve);
    project.record(again.config(), &body);
    let second = recorded(&project);
    let differing = first.0.iter().zip(&second.0).find(|(first, second)| first != second);
    prop_assert!(second == first, "recorded again it is another cassette, from here on: {differing:?}");
    Ok(())
}

#[test]
fn a_replay_returns_the_received_bytes() {
    let config =
        ProptestConfig { cases: sized(24, 96), failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(&vec(exchange(), 1..8), check).unwrap();
}
