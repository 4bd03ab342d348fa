//! Connections with protocols other than HTTP.

use super::*;

const CASSETTE: &str = "tests/cassettes/weather/berlin.json";

fn foreign(connections: &[(&str, ForeignSign, bool)]) -> Vec<Problem> {
    let connections = connections.iter().map(|(server, sign, passed)| ForeignConnection {
        server: (*server).to_owned(),
        sign: sign.clone(),
        passed: *passed,
    });
    vec![Problem::Foreign(Foreign { cassette: CASSETTE.into(), connections: connections.collect() })]
}

#[test]
fn a_database_a_mail_server_and_a_websocket() {
    check(
        foreign(&[
            ("db.example.com:5432", ForeignSign::Bytes(b"\0\0\0\x08\x04\xd2\x16/".to_vec()), false),
            ("[2001:db8::7]:25", ForeignSign::Silence, false),
            ("chat.example.com:443", ForeignSign::Upgrade("websocket".into()), false),
        ]),
        "\
error: a connection uses a protocol other than HTTP, which cassette can't record or replay
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = to: db.example.com:5432; the client sent something other than HTTP: \"\\x00\\x00\\x00\\x08\\x04\\xd2\\x16/\"
   = to: [2001:db8::7]:25; the client sent nothing, and waited for the server to speak first
   = to: chat.example.com:443; the client asked to change the protocol to `websocket`

  the session gets every connection of its test to another machine; you can
    1. let the bytes pass to the real server, unrecorded:
       Config::pass_through(\"db.example.com:5432\")
       for a replay, which does not leave the machine, run the server on this machine:
       Config::resolve(\"db.example.com:5432\", \"127.0.0.1:5432\".parse().unwrap())
    2. connect to a server on this machine: cassette does not intercept such connections
    3. switch interception off with Config::explicit_clients(), and give the code under test
       one of the session's clients: session.client(), session.base_url(…)

help: then run this test again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_pass_through_host_on_replay() {
    check(
        foreign(&[("db.example.com:5432", ForeignSign::Silence, true)]),
        "\
error: a connection uses a protocol other than HTTP, which cassette can't record or replay
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = to: db.example.com:5432; the client sent nothing, and waited for the server to speak first

  a replay does not leave the machine, not even for a pass-through host; you can
    1. run the server on this machine, and say so:
       Config::resolve(\"db.example.com:5432\", \"127.0.0.1:5432\".parse().unwrap())
    2. connect to a server on this machine: cassette does not intercept such connections
    3. switch interception off with Config::explicit_clients(), and give the code under test
       one of the session's clients: session.client(), session.base_url(…)

help: then run this test again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_request_for_the_whole_server() {
    let problems = foreign(&[("api.example.com:443", ForeignSign::WholeServer, false)]);
    let Problem::Foreign(problem) = &problems[0] else { panic!() };
    let palette = Palette::plain();
    let mut page = Page::new(&palette, None);
    problem.write(&mut page);
    let text = page.finish();
    assert!(
        text.starts_with("error: a request is for the whole server (`*`), which cassette can't"),
        "{text}"
    );
    assert!(text.contains("   = to: api.example.com:443; the client sent `OPTIONS *`\n"), "{text}");
}
