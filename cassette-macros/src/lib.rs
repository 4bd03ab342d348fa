//! The attribute macro of cassette: an implementation detail of the package `cassette-vcr`, which re-exports it.
//!
//! It parses and validates the attribute, and emits one call into the library. It must not know what a session, a mode
//! or a cassette is: the library decides everything that can wait until the test runs.

mod check;
mod expand;
mod function;
mod options;

use proc_macro::TokenStream;

/// Runs a test under a cassette.
///
/// ```text
/// #[cassette_test("weather/berlin")]
/// async fn berlin(session: Session) -> cassette::TestResult { … }
/// ```
///
/// Everything in the parentheses is optional:
///
/// | option | means |
/// |---|---|
/// | `"weather/berlin"` | the name of the cassette, as the first option: segments of letters, digits, `.`, `_` and `-`, with `/` between them. `{test}` in the name stands for the path of the test: its modules and its function. Default: the path of the test, below the name of the file in `tests/` that contains the test |
/// | `mode = "record"` | one of `replay`, `record`, `auto`, `append`, `verify`, `accept`, `off`, `learn`; the variable `CASSETTE_MODE` wins |
/// | `freeze = "2024-05-06T07:08:09Z"` | the instant at which the clock of the test stands, as `date-time` of RFC 3339 |
/// | `config = crate::cassette_config` | a `fn() -> cassette::Config` |
/// | `crate = ::my_cassette` | where the library is, if it was renamed |
/// | `flavor = "multi_thread"` | the tokio runtime of an `async` test; `"current_thread"` by default. Needs tokio's feature `rt-multi-thread` |
/// | `worker_threads = 2` | the number of threads of a `multi_thread` runtime |
/// | `start_paused = true` | tokio's timers do not wait; needs tokio's feature `test-util`, as in `#[tokio::test]` |
///
/// # The function
///
/// A test is sync or `async`, takes its `Session` or nothing, and returns `()`, a `Result` or an `ExitCode`. A returned
/// error fails the test as a panic would, and need not be `Send`. `#[should_panic]`, `#[ignore]`, lints and
/// documentation work as on any test.
///
/// The test runs on a thread of its own. The thread enters the session first and then builds the runtime of an `async`
/// test.
///
/// # Other test attributes
///
/// `#[cassette_test]` stands **last, next to `fn`**, with other test attributes above it:
///
/// * `#[tokio::test]` is not needed, and refuses a function with an argument. It works above a function without
///   arguments: the runtime is then tokio's, and `Session::current()` returns the session.
/// * `#[test_log::test]` works as it is.
/// * `#[rstest]` with `#[case]` or `#[values]` makes a test of each case. `{test}` in the name gives each of them its
///   own cassette. rstest provides the arguments, and `Session::current()` returns the session, in the body or in a
///   fixture:
///
///   ```text
///   #[fixture]
///   fn session() -> Session { Session::current().unwrap() }
///
///   #[rstest]
///   #[case("berlin")]
///   #[case("rome")]
///   #[cassette::test("weather/{test}")]
///   async fn city(session: Session, #[case] name: &str) { … }
///   ```
/// * A plain `#[test]` *above* registers the test twice, which no macro can see. The library detects it: a cassette
///   that is open in this process cannot be opened again, and the second of the two tests fails with a message that
///   says so. Two tests whose cassettes have the same name fail in the same way.
#[proc_macro_attribute]
pub fn cassette_test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}

/// The same as [`macro@cassette_test`], under a name by which rstest and others recognise a test attribute:
/// `#[cassette::test("weather/{test}")]`.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}
