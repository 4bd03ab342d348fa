use cassette::{Config, Session, cassette_test};

fn config(_: &str) -> Config {
    Config::default()
}

fn number() -> u32 {
    0
}

#[cassette_test("weather/berlin", config = self::config)]
fn berlin(_: Session) {}

#[cassette_test("weather/rome", config = number)]
fn rome(_: Session) {}

#[cassette_test("weather/oslo", config = |config| config.prove("no"))]
fn oslo(_: Session) {}

#[cassette_test("weather/bern", config = || 5)]
fn bern(_: Session) {}

fn main() {}
