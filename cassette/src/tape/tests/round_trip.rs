//! A recording is read back unchanged. If it is recorded again, the file is the same.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::tests::sized;

/// Bodies of every kind: random bytes, text, and JSON in many layouts.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        "[ -~\n\r\t\u{0}\u{85}ü\u{2028}𝄞\u{feff}]{0,100}".prop_map(String::into_bytes),
        json().prop_map(String::into_bytes),
    ]
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "-0",
            "1.0",
            "1e2",
            "1E+400",
            "0.10",
            "123456789012345678901234567890",
            r#""\ud800""#,
            r#""\u00e9\/\n""#,
            r#""é""#,
            "\"\"",
            "{}",
            "[]",
            "[ ]",
        ])
        .prop_map(str::to_owned),
        any::<f64>().prop_filter("JSON has no NaN", |f| f.is_finite()).prop_map(|f| f.to_string()),
    ];
    let space = prop::sample::select(vec!["", "", "", " ", "\n", "\r\n", "\t"]);
    let tree = leaf.prop_recursive(4, 20, 4, move |inner| {
        let space = space.clone();
        (vec(inner, 1..4), space.clone(), space, any::<bool>()).prop_map(|(items, before, after, object)| {
            if object {
                let fields: Vec<_> = items.iter().map(|i| format!("\"k\":{after}{i}")).collect();
                format!("{{{before}{}{before}}}", fields.join(&format!(",{after}")))
            } else {
                format!("[{before}{}{before}]", items.join(&format!(",{after}")))
            }
        })
    });
    (tree, prop::sample::select(vec!["", "\n", "\r\n", " "])).prop_map(|(tree, end)| tree + end)
}

fn header_map() -> impl Strategy<Value = HeaderMap> {
    vec(("[a-z][a-z0-9-]{0,3}", header_value()), 0..6).prop_map(|list| {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(name.parse::<HeaderName>().unwrap(), value);
        }
        map
    })
}

fn header_value() -> impl Strategy<Value = HeaderValue> {
    let value = vec(prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8, Just(b'\t')], 0..12);
    let text = "[a-zäß\"\\\\ ]{0,8}".prop_map(String::into_bytes);
    prop_oneof![value, text].prop_map(|value| HeaderValue::from_bytes(&value).unwrap())
}

fn failure() -> impl Strategy<Value = TransportError> {
    (prop::sample::select(TransportErrorKind::NAMES.map(|n| n.0).to_vec()), any::<String>())
        .prop_map(|(kind, message)| TransportError { kind, message })
}

fn chunks() -> impl Strategy<Value = Chunks> {
    let at =
        prop::collection::btree_set(1..1000_u64, 1..5).prop_map(|at| Chunks::At(at.into_iter().collect()));
    prop_oneof![3 => Just(Chunks::One), 1 => Just(Chunks::Events), 1 => Just(Chunks::Lines), 1 => at]
}

/// An interaction, and the bytes of the request's and the response's body, which the test writes to sinks later.
type Planned = (Interaction, Vec<u8>, Vec<u8>);

fn planned() -> impl Strategy<Value = Planned> {
    let versions = [http::Version::HTTP_10, http::Version::HTTP_11, http::Version::HTTP_2].to_vec();
    let answer = (
        100..1000_u16,
        prop::option::of(header_value()),
        prop::sample::select(versions),
        header_map(),
        header_map(),
        prop::option::of(failure()),
        prop::option::of("gzip|br"),
        chunks(),
    );
    let outcome = prop_oneof![
        4 => answer.prop_map(|(status, reason, version, headers, trailers, cut, encoding, chunks)| {
            let body = Body { encoding, chunks, ..Body::default() };
            Outcome::Response(Response { status, reason, version, headers, body, trailers, cut })
        }),
        1 => failure().prop_map(Outcome::Error),
    ];
    ("GET|POST|x-Custom", any::<String>(), header_map(), bytes(), outcome, bytes()).prop_map(
        |(method, uri, headers, sent, outcome, received)| {
            let method = method.parse().unwrap();
            let request = Request { method, uri, headers, body: Body::default() };
            (Interaction::new(request, outcome), sent, received)
        },
    )
}

fn record_planned(files: &Files, planned: &[Planned], inline_limit: usize) {
    let journal = Journal::create(files, options(inline_limit)).unwrap();
    // Responses may end in any order. In this test, they end in reverse order.
    for (i, (interaction, sent, received)) in planned.iter().enumerate().rev() {
        let mut interaction = interaction.clone();
        interaction.request.body = body(&journal, "application/json", sent);
        if let Outcome::Response(response) = &mut interaction.outcome {
            response.body.content = body(&journal, "text/plain", received).content;
        }
        journal.append(i as u64, &interaction).unwrap();
    }
    install(&journal);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sized(24, 96), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_recorded_is_read(planned in vec(planned(), 0..5), inline_limit in prop::sample::select(vec![0, 50, 500])) {
        let dir = Dir::new();
        record_planned(&dir.files(), &planned, inline_limit);
        let cassette = Cassette::open_files(&dir.files()).unwrap();
        prop_assert_eq!(cassette.len(), planned.len());
        for (i, (expected, sent, received)) in planned.iter().enumerate() {
            let mut found = cassette.interaction(i).unwrap();
            prop_assert_eq!(&cassette.request(i).unwrap(), &found.request);
            prop_assert_eq!(&read(&cassette, &found.request.body).unwrap(), sent);
            found.request.body = Body::default();
            if let Outcome::Response(response) = &mut found.outcome {
                prop_assert_eq!(&read(&cassette, &response.body).unwrap(), received);
                response.body.content = Content::default();
            }
            prop_assert_eq!(&found, expected);
        }

        // In another layout, the reader reads the same document token by token.
        let (first, listing) = (dir.text(), dir.listing());
        let found: Vec<_> = (0..planned.len()).map(|i| cassette.interaction(i).unwrap()).collect();
        std::fs::write(dir.files().document(), first.replace('\n', "\n ")).unwrap();
        let indented = Cassette::open_files(&dir.files()).unwrap();
        prop_assert_eq!(indented.len(), planned.len());
        for (i, found) in found.iter().enumerate() {
            prop_assert_eq!(&indented.interaction(i).unwrap(), found);
        }

        record_planned(&dir.files(), &planned, inline_limit);
        prop_assert_eq!(dir.text(), first);
        prop_assert_eq!(dir.listing(), listing);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}:,\"\\\\0-9a-z \n_]{0,60}", at in 0..1000_usize) {
        let dir = Dir::new();
        record(&dir.files(), &[exchange(1, Body::inline("[1,2]")), exchange(2, Body::inline(vec![0xff]))]);
        let mut damaged = dir.text();
        let at = at % damaged.len();
        damaged.replace_range(at..(at + text.len() / 2).min(damaged.len()), &text);
        std::fs::write(dir.files().document(), &damaged).unwrap();
        let looked_at = Cassette::open_files(&dir.files()).and_then(|c| {
            (0..c.len()).try_for_each(|i| c.request(i).and_then(|_| c.interaction(i)).map(drop))
        });
        if let Err(e) = looked_at {
            let (line, column) = e.position().expect("every error has a position");
            let columns = damaged.lines().nth(line - 1).map_or(0, str::len);
            prop_assert!(column <= columns + 2, "{}:{} of {} columns: {:?}", line, column, columns, e);
        }
    }
}

/// Interactions of many lengths, which end at many places of a read. Some are longer than a read.
#[test]
fn many_interactions_of_many_lengths() {
    let dir = Dir::new();
    let journal = Journal::create(&dir.files(), options(1 << 20)).unwrap();
    let lengths = (0..400).map(|n| n * 7919 % 9000).chain([300_000, 10, 600_000]);
    let bodies: Vec<Vec<u8>> = lengths.map(|n| vec![b'a' + (n % 26) as u8; n]).collect();
    for (n, bytes) in bodies.iter().enumerate() {
        let mut interaction = exchange(n, body(&journal, "text/plain", bytes));
        interaction.request.body = body(&journal, "text/plain", &bytes[..bytes.len() / 2]);
        journal.append(n as u64, &interaction).unwrap();
    }
    install(&journal);
    let cassette = Cassette::open_files(&dir.files()).unwrap();
    assert_eq!(cassette.len(), bodies.len());
    for from in [0, 399] {
        let requests: Vec<_> = cassette.requests(from..cassette.len()).map(|r| r.unwrap()).collect();
        assert_eq!(requests.len(), bodies.len() - from);
        for (n, request) in (from..).zip(requests) {
            assert!(request == cassette.request(n).unwrap(), "request {n}");
            assert_eq!(request.body.size() as usize, bodies[n].len() / 2);
            let interaction = cassette.interaction(n).unwrap();
            assert!(read(&cassette, &response_of(&interaction).body).unwrap() == bodies[n], "{n}");
        }
    }
}

/// A person has added a JSON body that contains the lines of a cassette.
#[test]
fn a_cassette_within_a_cassette() {
    let dir = Dir::new();
    let inner = "[\n    {\n      \"request\": {\n        \"a\": 1\n      }\n    },\n    {\n      \"request\": {\n      }\n    }\n  ]";
    let one = |n: usize, json: &str| {
        format!(
            "    {{\n      \"request\": {{\n        \"method\": \"GET\",\n        \"uri\": \"{n}\"\n      }},\n      \
             \"response\": {{\n        \"status\": 200,\n        \"body\": {{\n          \"json\": {json}\n        }}\n      \
             }}\n    }}"
        )
    };
    let list = [one(0, "[1]"), one(1, inner), one(2, "\"}\""), one(3, "[2]")].join(",\n");
    std::fs::create_dir_all(dir.files().folder()).unwrap();
    let text = format!("{{\n  \"version\": 2,\n  \"interactions\": [\n{list}\n  ]\n}}\n");
    std::fs::write(dir.files().document(), text).unwrap();
    let cassette = Cassette::open_files(&dir.files()).unwrap();
    let sizes = [3, 36, 3, 3];
    assert_eq!(cassette.len(), sizes.len());
    for (n, size) in sizes.into_iter().enumerate() {
        let interaction = cassette.interaction(n).unwrap();
        assert_eq!(interaction.request.uri, n.to_string());
        assert_eq!(response_of(&interaction).body.size(), size, "{n}");
    }
}
