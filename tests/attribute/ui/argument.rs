use cassette::cassette_test;

#[cassette_test("weather/berlin")]
fn berlin(_city: std::string::String) {}

#[cassette_test("weather/rome")]
async fn rome(_session: &cassette::Session) {}

fn main() {}
