//! Only a plain function can be a test.

use cassette::{Session, cassette_test};

#[cassette_test("weather/berlin")]
struct Berlin;

#[cassette_test("weather/rome")]
unsafe fn rome(_: Session) {}

#[cassette_test("weather/paris")]
fn paris<T>(_: Session) {}

#[cassette_test("weather/oslo")]
#[should_panic]
fn oslo(_: Session) -> Result<(), String> {
    Ok(())
}

struct Cities;

impl Cities {
    #[cassette_test("weather/all")]
    fn all(&self) {}
}

fn main() {}
