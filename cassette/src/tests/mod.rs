//! Decides how many cases a generated test tries. `cargo test` tries a sample of the cases, which differs from run to
//! run. With `CORPUS=full`, as `.ci/full-corpus` sets it, `cargo test` tries all cases.

use std::env;
use std::time::UNIX_EPOCH;

/// Returns `full` if `CORPUS=full` is set, otherwise `ordinary`.
pub(crate) fn sized<T>(ordinary: T, full: T) -> T {
    if env::var("CORPUS").is_ok_and(|size| size == "full") { full } else { ordinary }
}

/// The seed of a test's random numbers: `CORPUS_SEED` if it is set, otherwise `full` if the test runs at full size,
/// otherwise the time. If the test fails, the test harness shows the command that repeats it with this seed.
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
