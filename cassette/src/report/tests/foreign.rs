//! Connections of other protocols.

use super::*;

#[test]
fn a_database_and_a_mail_server() {
    let connections = [("db.example.com:5432", false), ("[2001:db8::7]:25", true)]
        .map(|(server, silent)| ForeignConnection { server: server.to_owned(), silent });
    let cassette = "tests/cassettes/weather/berlin.json".into();
    check(
        vec![Problem::Foreign(Foreign { cassette, connections: connections.to_vec() })],
        "\
error: a connection speaks another protocol than HTTP, which can't be recorded or replayed
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = to: db.example.com:5432; what its client sent is not HTTP
   = to: [2001:db8::7]:25; its client said nothing, and waited for the server to speak first

  a session takes every connection of its test to another machine; then
    1. let the test have that server on this machine: those connections are left alone
    2. leave all connections alone, with Config::explicit_clients(), and give the code under test
       one of the session's clients: session.client(), session.base_url(…)

help: then run this test again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}
