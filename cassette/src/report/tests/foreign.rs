//! Connections with protocols other than HTTP.

use super::*;

#[test]
fn a_database_and_a_mail_server() {
    let connections = [("db.example.com:5432", false), ("[2001:db8::7]:25", true)]
        .map(|(server, silent)| ForeignConnection { server: server.to_owned(), silent });
    let cassette = "tests/cassettes/weather/berlin.json".into();
    check(
        vec![Problem::Foreign(Foreign { cassette, connections: connections.to_vec() })],
        "\
error: a connection uses a protocol other than HTTP, which cassette can't record or replay
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = to: db.example.com:5432; the client sent something other than HTTP
   = to: [2001:db8::7]:25; the client sent nothing, and waited for the server to speak first

  the session intercepts every connection of its test to another machine; you can
    1. run the server on this machine: cassette does not intercept connections to it
    2. switch interception off with Config::explicit_clients(), and give the code under test
       one of the session's clients: session.client(), session.base_url(…)

help: then run this test again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}
