//! Tests which recording each request of a run stands for, and which values the client gets.

mod any_order;

use std::sync::LazyLock;

use super::*;
use crate::matcher::Matching;
use crate::redact::{Redactor, Rules};
use crate::tape::{
    Body, Content, Files, Interaction, Journal, JournalOptions, Outcome, Response, TransportError,
    TransportErrorKind,
};

/// A replay of a small cassette. Tests write a request as one line with the method, the path and the body.
struct Run {
    cassette: Cassette,
    renaming: Renaming,
    number: usize,
    _dir: tempfile::TempDir,
}

fn request(line: &str) -> Request {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let method = word().parse().unwrap();
    let uri = format!("https://h{}", word());
    Request { method, uri, headers: http::HeaderMap::new(), body: Body::inline(word().to_owned()) }
}

fn keys(request: &Request) -> Keys {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(Rules::default()).unwrap());
    Keys::of(request, &Matching::default(), &REDACTOR)
}

/// Makes a cassette with these requests and the bodies of their answers.
fn cassette(recorded: &[(&str, &str)]) -> (Cassette, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::new(dir.path(), &"a".parse().unwrap());
    let journal = Journal::create(&files, JournalOptions::default()).unwrap();
    for (n, (line, answer)) in recorded.iter().enumerate() {
        let outcome = match *answer {
            "refused" => Outcome::Error(TransportError {
                kind: TransportErrorKind::Connect,
                message: "refused".to_owned(),
            }),
            answer => Outcome::Response(Response {
                status: 200,
                reason: None,
                version: http::Version::HTTP_11,
                headers: http::HeaderMap::new(),
                body: Body::inline(answer.to_owned()),
                trailers: http::HeaderMap::new(),
                cut: None,
            }),
        };
        journal.append(n as u64, &Interaction::new(request(line), outcome)).unwrap();
    }
    journal.prepare(Default::default()).unwrap().install().unwrap();
    (Cassette::open_files(&files).unwrap(), dir)
}

impl Run {
    #[track_caller]
    fn new(recorded: &[(&str, &str)]) -> Run {
        let (cassette, dir) = cassette(recorded);
        let used = vec![None; cassette.len()];
        let renaming = Renaming::new(&cassette, &used, &keys).unwrap().expect("values to rename");
        Run { cassette, renaming, number: 0, _dir: dir }
    }

    /// Sends a request. Returns the place of the recording that answers and the answer, or `-` if there is no answer.
    fn ask(&mut self, line: &str) -> String {
        let request = request(line);
        let recognised = self.renaming.recognise(&request, &keys);
        let members = self.renaming.agreeing(&recognised, |_| true);
        let found = self.renaming.find(&recognised, &members);
        let Some(recording) = found.or_else(|| self.renaming.exchange(&recognised, &members)) else {
            return "-".to_owned();
        };
        self.renaming.answered(recording, recognised, self.number);
        self.number += 1;
        let recorded = self.cassette.interaction(recording).unwrap();
        let Outcome::Response(mut response) = recorded.outcome else { return recording.to_string() };
        self.renaming.renames().apply(&self.cassette, &recorded.request, &mut response).unwrap();
        let Content::Inline(body) = &response.body.content else { panic!() };
        format!("{recording} {}", std::str::from_utf8(body).unwrap())
    }

    /// Checks the answers to requests.
    #[track_caller]
    fn check(&mut self, requests: &[(&str, &str)]) {
        for (line, expected) in requests {
            assert_eq!(self.ask(line), *expected, "{line}");
        }
    }
}

/// Three jobs. The first two begin with the same step.
const JOBS: [(&str, &str); 11] = [
    ("POST /jobs", r#"{"id":1}"#),
    ("POST /jobs", r#"{"id":2}"#),
    ("POST /jobs", r#"{"id":3}"#),
    ("PUT /jobs/1 same", r#"{"id":1,"count":1}"#),
    ("PUT /jobs/2 same", r#"{"id":2,"count":1}"#),
    ("PUT /jobs/3 c", r#"{"id":3,"count":1}"#),
    ("PUT /jobs/1 a", r#"{"id":1,"count":2}"#),
    ("PUT /jobs/2 b", r#"{"id":2,"count":2}"#),
    ("GET /jobs/1", r#"{"jobs":[{"id":1,"of":"a"}]}"#),
    ("GET /jobs/2", r#"{"jobs":[{"id":2,"of":"b"}]}"#),
    ("GET /jobs/3", r#"{"jobs":[{"id":3,"of":"c"}]}"#),
];

#[test]
fn as_recorded() {
    let mut run = Run::new(&JOBS);
    for (n, (line, answer)) in JOBS.iter().enumerate() {
        assert_eq!(run.ask(line), format!("{n} {answer}"));
    }
    assert_eq!((run.ask("GET /jobs/1"), run.ask("POST /jobs")), ("-".to_owned(), "-".to_owned()));
}

/// After two jobs have exchanged their short ids, the same numbers elsewhere stay as they are.
#[test]
fn the_same_number_of_something_else() {
    let users = r#"[{"id":1,"name":"Ann"},{"id":2,"name":"Bob"}]"#;
    let mut run = Run::new(&[
        JOBS[0],
        JOBS[1],
        ("PUT /jobs/1 a", "{}"),
        ("PUT /jobs/2 b", "{}"),
        ("GET /users", users),
        ("GET /status?id=1", r#"{"id":1,"of":"a"}"#),
    ]);
    run.check(&[
        ("POST /jobs", r#"0 {"id":1}"#),
        ("POST /jobs", r#"1 {"id":2}"#),
        ("PUT /jobs/1 b", "3 {}"),
        ("PUT /jobs/2 a", "2 {}"),
        ("GET /users", &format!("4 {users}")),
        ("GET /status?id=2", r#"5 {"id":2,"of":"a"}"#),
    ]);
}

/// A client that got order A does not stand for the one that got order B later.
#[test]
fn different_answers_are_not_exchanged() {
    let orders = |b| {
        [
            ("POST /receive", r#"{"id":"msg-10000001","body":"order A","at":"12:00:01"}"#),
            ("POST /receive", b),
            ("DELETE /messages/msg-10000001", "{}"),
        ]
    };
    for (b, expected) in [
        (r#"{"id":"msg-10000002","body":"order A","at":"12:00:02"}"#, "2 {}"),
        (r#"{"id":"msg-10000002","body":"order B","at":"12:00:02"}"#, "-"),
    ] {
        let recorded = orders(b);
        let mut run = Run::new(&recorded);
        run.check(&[(recorded[0].0, &format!("0 {}", recorded[0].1)), (recorded[1].0, &format!("1 {b}"))]);
        assert_eq!(run.ask("DELETE /messages/msg-10000002"), expected, "{b}");
    }
}

#[test]
fn each_decides_late() {
    let mut run = Run::new(&JOBS);
    run.check(&[
        ("POST /jobs", r#"0 {"id":1}"#),
        // This request shows that the client of job 1 stands for the third recorded job. The other clients have not
        // sent their first request yet.
        ("PUT /jobs/1 c", r#"5 {"id":1,"count":1}"#),
        ("POST /jobs", r#"0 {"id":2}"#),
        ("POST /jobs", r#"1 {"id":3}"#),
        ("PUT /jobs/3 same", r#"4 {"id":3,"count":1}"#),
        ("PUT /jobs/2 same", r#"3 {"id":2,"count":1}"#),
        ("PUT /jobs/3 a", r#"6 {"id":3,"count":2}"#),
        ("GET /jobs/2", r#"9 {"jobs":[{"id":2,"of":"b"}]}"#),
        ("PUT /jobs/2 b", r#"7 {"id":2,"count":2}"#),
        ("GET /jobs/1", r#"10 {"jobs":[{"id":1,"of":"c"}]}"#),
        ("GET /jobs/3", r#"8 {"jobs":[{"id":3,"of":"a"}]}"#),
    ]);
}

#[test]
fn what_was_answered_stays_true() {
    let mut run = Run::new(&JOBS);
    run.check(&[
        ("POST /jobs", r#"0 {"id":1}"#),
        ("POST /jobs", r#"1 {"id":2}"#),
        ("PUT /jobs/1 b", r#"7 {"id":1,"count":2}"#),
        // No recorded job sent both `b` and `a`, or both `b` and `c`.
        ("PUT /jobs/1 a", "-"),
        ("PUT /jobs/1 c", "-"),
        ("PUT /jobs/2 a", r#"6 {"id":2,"count":2}"#),
        ("PUT /jobs/2 same", r#"3 {"id":2,"count":1}"#),
        ("PUT /jobs/1 same", r#"4 {"id":1,"count":1}"#),
        ("PUT /jobs/4 same", "-"),
    ]);
}

/// A job must give its recording to another job, and the only recording that it can get belongs to a third job.
#[test]
fn three_exchange_at_once() {
    let mut run = Run::new(&[
        ("POST /jobs", r#"{"id":1}"#),
        ("POST /jobs", r#"{"id":2}"#),
        ("POST /jobs", r#"{"id":3}"#),
        ("PUT /jobs/1 same", "{}"),
        ("PUT /jobs/2 same", "{}"),
        ("PUT /jobs/1 a", "{}"),
    ]);
    run.check(&[
        ("POST /jobs", r#"0 {"id":1}"#),
        ("POST /jobs", r#"1 {"id":2}"#),
        ("POST /jobs", r#"2 {"id":3}"#),
        ("PUT /jobs/1 same", "3 {}"),
        ("PUT /jobs/3 a", "5 {}"),
        ("PUT /jobs/3 same", "3 {}"),
        ("PUT /jobs/2 same", "-"),
    ]);
}

/// Each answer gives a new token, and the next request contains it.
#[test]
fn values_that_belong_together() {
    let mut run = Run::new(&[
        ("POST /files", r#"{"id":"file-000001","state":"token-000011"}"#),
        ("POST /files", r#"{"id":"file-000002","state":"token-000021"}"#),
        ("PUT /files/file-000001?state=token-000011 same", r#"{"state":"token-000012"}"#),
        ("PUT /files/file-000002?state=token-000021 same", r#"{"state":"token-000022"}"#),
        ("PUT /files/file-000001?state=token-000012 a", r#"{"done":"file-000001"}"#),
        ("PUT /files/file-000002?state=token-000022 b", r#"{"done":"file-000002"}"#),
    ]);
    run.check(&[
        ("POST /files", r#"0 {"id":"file-000001","state":"token-000011"}"#),
        ("PUT /files/file-000001?state=token-000011 same", r#"2 {"state":"token-000012"}"#),
        ("PUT /files/file-000001?state=token-000012 b", r#"5 {"done":"file-000001"}"#),
        ("POST /files", r#"0 {"id":"file-000002","state":"token-000021"}"#),
        ("PUT /files/file-000002?state=token-000021 same", r#"2 {"state":"token-000022"}"#),
        // The next two requests contain the state of another file and an old state.
        ("PUT /files/file-000002?state=token-000012 a", "-"),
        ("PUT /files/file-000002?state=token-000021 a", "-"),
        ("PUT /files/file-000002?state=token-000022 a", r#"4 {"done":"file-000002"}"#),
    ]);
}

/// A request that contains values from the answers to two different groups of equal requests.
#[test]
fn two_kinds_of_values() {
    let recorded = [
        ("POST /users", r#"{"id":"user-000001"}"#),
        ("POST /users", r#"{"id":"user-000002"}"#),
        ("POST /rooms", r#"{"id":"room-000001"}"#),
        ("POST /rooms", r#"{"id":"room-000002"}"#),
        ("PUT /rooms/room-000001 {\"user\":\"user-000001\"}", r#"{"in":"user-000001"}"#),
        ("PUT /rooms/room-000002 {\"user\":\"user-000002\"}", r#"{"in":"user-000002"}"#),
        ("PUT /users/user-000001 a", ""),
        ("PUT /users/user-000002 b", ""),
        ("PUT /rooms/room-000001 a", ""),
        ("PUT /rooms/room-000002 b", ""),
    ];
    let mut run = Run::new(&recorded);
    recorded[..4].iter().for_each(|(line, _)| _ = run.ask(line));
    run.check(&[
        ("PUT /rooms/room-000001 {\"user\":\"user-000002\"}", r#"4 {"in":"user-000002"}"#),
        ("PUT /rooms/room-000002 {\"user\":\"user-000001\"}", r#"5 {"in":"user-000001"}"#),
        ("PUT /users/user-000001 a", "6 "),
        ("PUT /rooms/room-000002 b", "-"),
        ("PUT /rooms/room-000002 a", "8 "),
    ]);
}

/// A value that all answers give is not renamed. A value that is in a request of this run and in no recorded request is
/// renamed.
#[test]
fn which_values_are_names() {
    let mut run = Run::new(&[
        ("POST /jobs", r#"{"id":"job-000001","team":"team-00001"}"#),
        ("POST /jobs", r#"{"id":"job-000002","team":"team-00001"}"#),
        ("GET /teams/team-00001/job-000002", r#"{"next":"step-000022"}"#),
        ("GET /teams/team-00001/job-000001", r#"{"next":"step-000012"}"#),
        ("PUT /teams/team-00001/job-000002/step-000022 b", "refused"),
    ]);
    run.check(&[
        ("POST /jobs", r#"0 {"id":"job-000001","team":"team-00001"}"#),
        ("POST /jobs", r#"1 {"id":"job-000002","team":"team-00001"}"#),
        ("GET /teams/team-00001/job-000001", r#"3 {"next":"step-000012"}"#),
        ("PUT /teams/team-00001/job-000001/step-000012 b", "4"),
        ("GET /teams/team-00001/job-000002", r#"3 {"next":"step-000022"}"#),
    ]);
}

#[test]
fn nothing_to_rename() {
    for recorded in [
        &[("POST /jobs", r#"{"id":1}"#), ("GET /jobs/1", "")][..],
        &[("POST /jobs", r#"{"id":1}"#), ("POST /jobs", r#"{"id":2}"#), ("GET /other/1?page=2", "")],
        &[("GET /jobs", r#"{"id":7}"#), ("GET /jobs", r#"{"id":7}"#), ("GET /jobs/7", "")],
        &[("GET /jobs/7", r#"{"id":7}"#), ("GET /jobs/8", r#"{"id":8}"#), ("GET /jobs/7", "")],
    ] {
        let (cassette, _dir) = cassette(recorded);
        let used = vec![None; cassette.len()];
        assert!(Renaming::new(&cassette, &used, &keys).unwrap().is_none(), "{recorded:?}");
    }
}

/// The renaming begins in the middle of a replay, after some requests were answered.
#[test]
fn from_the_middle() {
    let (cassette, dir) = cassette(&JOBS);
    let mut used = vec![None; cassette.len()];
    (used[0], used[1], used[3]) = (Some(0), Some(2), Some(1));
    let renaming = Renaming::new(&cassette, &used, &keys).unwrap().expect("values to rename");
    let mut run = Run { cassette, renaming, number: 3, _dir: dir };
    run.check(&[("PUT /jobs/2 a", r#"6 {"id":2,"count":2}"#), ("PUT /jobs/1 b", r#"7 {"id":1,"count":2}"#)]);
    let used: Vec<_> = run.renaming.used().collect();
    // Requests 0 and 2 have exchanged their recordings. Request 1 contains the id from the answer to request 0, so it
    // stands for a recording of the other job now.
    assert_eq!(used[..5], [Some(2), Some(0), None, None, Some(1)]);
}
