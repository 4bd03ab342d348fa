//! Other test attributes must be above `cassette_test`, which a function may have only once.

use cassette::{Session, cassette_test};
use rstest::rstest;

#[cassette_test("weather/berlin")]
#[tokio::test]
async fn berlin(_: Session) {}

#[cassette_test("weather/rome")]
#[rstest]
#[case(1)]
fn rome(#[case] _n: u32) {}

#[cassette_test("weather/paris")]
#[cassette::test("weather/paris")]
fn paris(_: Session) {}

fn main() {}
