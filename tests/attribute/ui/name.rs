//! The name of a cassette is a file path that is valid on every system.

use cassette::{Session, cassette_test};

#[cassette_test("")]
fn empty(_: Session) {}

#[cassette_test("../secrets")]
fn upwards(_: Session) {}

#[cassette_test("weather//berlin")]
fn empty_segment(_: Session) {}

#[cassette_test("weather berlin")]
fn space(_: Session) {}

#[cassette_test("weather.json")]
fn extension(_: Session) {}

#[cassette_test("weather/{case}")]
fn placeholder(_: Session) {}

fn main() {}
