use cassette::{Session, cassette_test};

fn config(_: &str) -> cassette::Config {
    cassette::Config::default()
}

#[cassette_test("weather/berlin", config = self::config)]
fn berlin(_: Session) {}

fn main() {}
