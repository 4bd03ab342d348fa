//! rustc reports type errors in the body, as in any function.

use cassette::{Session, cassette_test};

#[cassette_test("weather/berlin")]
fn berlin(session: Session) {
    let _n: u32 = "12";
    drop(session);
    drop(session);
}

#[cassette_test("weather/rome")]
async fn rome(_: Session) -> Result<(), String> {
    12
}

fn main() {}
