use std::collections::HashMap;

use cassette::{Session, cassette_test};

#[cassette_test("weather/berlin")]
fn berlin(_: Session, _cities: HashMap<String, u32>) {}

#[cassette_test("weather/berlin")]
fn one_with_a_comma(_cities: HashMap<String, u32>) {}

fn main() {}
