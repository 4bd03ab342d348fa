//! rustc reports a syntax error in the body, once.

#[cassette::cassette_test("weather/berlin")]
async fn berlin(_: cassette::Session) -> cassette::Result<()> {
    let n = ;
    Ok(())
}

fn main() {}
