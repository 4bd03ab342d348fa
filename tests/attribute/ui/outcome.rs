use cassette::{Session, cassette_test};

#[cassette_test("weather/berlin")]
fn berlin(_: Session) -> std::vec::Vec<u8> {
    vec![]
}

#[cassette_test("weather/rome")]
async fn rome(_: Session) -> Result<u32, String> {
    Ok(12)
}

struct Silent;

#[cassette_test("weather/paris")]
fn paris(_: Session) -> Result<(), Silent> {
    Err(Silent)
}

fn main() {}
