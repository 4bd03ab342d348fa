//! A mistake in the syntax of the body is told once, by rustc.

#[cassette::cassette_test("weather/berlin")]
async fn berlin(_: cassette::Session) -> cassette::Result<()> {
    let n = ;
    Ok(())
}

fn main() {}
