use cassette::cassette_test;

#[cassette_test(config = |a, b| a)]
fn two_parameters() {}

#[cassette_test(config = Config::new())]
fn a_call() {}

#[cassette_test(config = ||)]
fn no_body() {}

fn main() {}
