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
/// | `"weather/berlin"` | the name of the cassette, first: segments of letters, digits, `.`, `_` and `-`, with `/` between them. `{test}` in it stands for the path of the test, modules and function. Without a name: that path, below the name of the file in `tests/` that the test is in |
/// | `mode = "record"` | one of `replay`, `record`, `auto`, `append`, `verify`, `accept`, `off`, `learn`; the variable `CASSETTE_MODE` wins |
/// | `freeze = "2024-05-06T07:08:09Z"` | where the clock of the test stands, as `date-time` of RFC 3339 |
/// | `config = crate::cassette_config` | a `fn() -> cassette::Config` |
/// | `crate = ::my_cassette` | where the library is, if it was renamed |
/// | `flavor = "multi_thread"` | the tokio runtime of an `async` test; `"current_thread"` by default. Needs tokio's feature `rt-multi-thread` |
/// | `worker_threads = 2` | of a `multi_thread` runtime |
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
/// * `#[tokio::test]` is not needed, and refuses a function with an argument. Above a function without one it
///   works; the runtime is then tokio's, and `Session::current()` has the session.
/// * `#[test_log::test]` works as it is.
/// * `#[rstest]` with `#[case]` or `#[values]` makes a test of each case, hence `{test}` in the name. The
///   arguments are rstest's; the session is `Session::current()`, in the body or as a fixture:
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
/// * A plain `#[test]` *above* registers the test twice, which no macro can see. The library can: a cassette
///   that is open already in this process cannot be opened again, and the second of the two fails with a
///   message that says so. So do two tests with the same name for their cassettes.
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
