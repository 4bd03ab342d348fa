use cassette::{Session, cassette_test};

#[cassette_test("weather/berlin", mode = "recrod")]
fn berlin(_: Session) {}

fn main() {}
