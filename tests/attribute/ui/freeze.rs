use cassette::{Session, cassette_test};

#[cassette_test("weather/berlin", freeze = "2024-02-30T07:08:09Z")]
fn day(_: Session) {}

#[cassette_test("weather/berlin", freeze = "2024-05-06T07:08:09")]
fn offset(_: Session) {}

fn main() {}
