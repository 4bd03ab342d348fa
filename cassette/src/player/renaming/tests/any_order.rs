//! Records and replays random uploads in random order. Each client must get the results of its own upload.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::tests::sized;

/// A server for uploads. Each answer gives a new state, and the client's next request must contain this state.
#[derive(Default)]
struct Server {
    uploads: HashMap<String, (String, String)>,
    states: usize,
}

impl Server {
    fn answer(&mut self, line: &str) -> String {
        self.states += 1;
        let new = format!("state-{:06}", self.states * 7);
        if line.starts_with("POST") {
            let id = self.uploads.len() + 9;
            self.uploads.insert(id.to_string(), (new.clone(), String::new()));
            return json!({"id": id, "state": new}).to_string();
        }
        let (target, content) = line.split_once("/uploads/").unwrap().1.split_once(' ').unwrap();
        let (id, sent) = target.split_once("?state=").unwrap();
        let (state, stored) = self.uploads.get_mut(id).unwrap();
        assert_eq!(state, sent);
        if line.starts_with("GET") {
            return json!({"id": id, "stored": stored}).to_string();
        }
        *stored += content;
        state.clone_from(&new);
        json!({"state": new}).to_string()
    }
}

/// Runs one client for each upload. `turns` chooses the client that sends the next request. Returns what each client
/// reads from the server at its end.
fn run(uploads: &[String], turns: &[usize], mut send: impl FnMut(&str) -> String) -> Vec<String> {
    struct Client<'u> {
        id: Value,
        state: String,
        rest: std::str::Chars<'u>,
        stored: Option<String>,
    }
    let mut clients: Vec<Client<'_>> = Vec::new();
    for upload in uploads {
        clients.push(Client { id: Value::Null, state: String::new(), rest: upload.chars(), stored: None });
    }
    let mut turns = turns.iter().cycle();
    loop {
        let mut open: Vec<&mut Client<'_>> = clients.iter_mut().filter(|c| c.stored.is_none()).collect();
        if open.is_empty() {
            return clients.into_iter().filter_map(|client| client.stored).collect();
        }
        let turn = turns.next().unwrap_or(&0) % open.len();
        let Client { id, state, rest, stored } = &mut *open[turn];
        let read = |answer: String| serde_json::from_str::<Value>(&answer).expect(&answer);
        let text = |answer: &Value| answer["state"].as_str().unwrap().to_owned();
        if id.is_null() {
            let answer = read(send("POST /uploads"));
            (*id, *state) = (answer["id"].clone(), text(&answer));
        } else if let Some(part) = rest.next() {
            *state = text(&read(send(&format!("PUT /uploads/{id}?state={state} {part}"))));
        } else {
            let answer = read(send(&format!("GET /uploads/{id}?state={state} ")));
            assert_eq!(answer["id"], id.to_string());
            *stored = answer["stored"].as_str().map(str::to_owned);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sized(60, 2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_client_gets_its_own(
        uploads in prop::collection::vec("[ab]{0,4}", 2..7),
        recorded_turns in prop::collection::vec(0usize..7, 1..40),
        turns in prop::collection::vec(0usize..7, 1..40),
    ) {
        let mut server = Server::default();
        let mut recorded: Vec<(String, String)> = Vec::new();
        let seen = run(&uploads, &recorded_turns, |line| {
            let answer = server.answer(line);
            recorded.push((line.to_owned(), answer.clone()));
            answer
        });
        prop_assert_eq!(&seen, &uploads);
        let lines: Vec<(&str, &str)> = recorded.iter().map(|(line, answer)| (&**line, &**answer)).collect();
        let mut replay = Run::new(&lines);
        let seen = run(&uploads, &turns, |line| {
            let answer = replay.ask(line);
            answer.split_once(' ').unwrap_or_else(|| panic!("no answer to {line}: {lines:#?}")).1.to_owned()
        });
        prop_assert_eq!(seen, uploads);
    }
}
