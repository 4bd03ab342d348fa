//! How much a generated test tries. `cargo test` tries a part that differs from run to run; with `CORPUS=full` it tries
//! everything, as `.ci/full-corpus` does.

use std::env;
use std::time::UNIX_EPOCH;

/// The size by default, or the full one.
pub(crate) fn sized<T>(ordinary: T, full: T) -> T {
    if env::var("CORPUS").is_ok_and(|size| size == "full") { full } else { ordinary }
}

/// Where a test's random numbers begin: elsewhere in every run, but at `full` for the full size. The test harness shows
/// it if the test fails.
#[expect(clippy::print_stdout, reason = "it is for whoever has to repeat a test that failed")]
pub(crate) fn seed(full: u64) -> u64 {
    let given = env::var("CORPUS_SEED").ok().map(|seed| seed.parse().expect("CORPUS_SEED is a number"));
    let now = || UNIX_EPOCH.elapsed().expect("it is after 1970").as_nanos() as u64 % 1_000_000_000;
    let seed = given.unwrap_or_else(|| sized(now(), full));
    let (size, thread) = (sized("", "CORPUS=full "), std::thread::current());
    let test = thread.name().unwrap_or_default();
    println!("to repeat it: {size}CORPUS_SEED={seed} cargo test -p cassette-vcr --lib {test}");
    seed
}
