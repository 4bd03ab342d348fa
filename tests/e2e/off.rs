//! Mode `off`: the test runs against the real server, as it is written.

use crate::api::{Api, Speaks, answer};
use crate::fixture::Project;

/// The clients do not know cassette, and `Config::resolve` names the server.
#[test]
fn unmodified_clients_reach_the_address_of_the_configuration() {
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], "plain"));
    let project = Project::new().upstream(api.address());
    let run = project.run(&["ways::real"], &[]);
    assert!(run.passed, "{}", run.text);
    assert_eq!(api.connections(), 2);
    assert!(!project.path("tests").exists(), "nothing is recorded");
}

/// Without an address of its own, the name does not exist.
#[test]
fn a_name_without_an_address() {
    let run = Project::new().run(&["ways::real"], &[]);
    assert!(!run.passed, "{}", run.text);
}
