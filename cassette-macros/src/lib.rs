//! The attribute macro of cassette: an implementation detail of the package `cassette-vcr`, which re-exports it.
//!
//! It parses and validates the attribute, and emits one call into the library. Must not know: what a session, a mode or
//! a cassette is. The library decides everything that can be decided when the test runs.

mod check;
mod expand;
mod function;
mod options;

use proc_macro::TokenStream;

/// Makes the function a test. The test runs in a session, which records its HTTP traffic to a cassette, or replays it.
///
/// ```text
/// #[cassette_test("weather/berlin")]
/// async fn berlin(session: Session) -> cassette::TestResult { … }
/// ```
///
/// Everything in the parentheses is optional:
///
/// | option | meaning |
/// |---|---|
/// | `"weather/berlin"` | the name of the cassette. It must be the first option. It consists of segments of letters, digits, `.`, `_` and `-`, with `/` between the segments. `{test}` in the name stands for the path of the test: its modules and its function. Default: the path of the test. For a test in `tests/weather.rs`, the default is `weather/` and the path of the test |
/// | `mode = "record"` | the mode of the test: `replay`, `record`, `auto`, `append`, `verify`, `accept`, `off` or `learn`. The variable `CASSETTE_MODE` has priority over this option |
/// | `freeze = "2024-05-06T07:08:09Z"` | the time that the frozen clock of the test shows, as `date-time` of RFC 3339 |
/// | `config = crate::cassette_config` | the path of a function, `fn() -> Config` or `fn(Config) -> Config`, which returns the settings of the test; the parameter has the settings of the project's `cassette.toml` |
/// | `config = \|config\| config.prove(false)` | a closure of the same types |
/// | `prove = false` | installs a recording without playing it back first; `Config::prove` sets the same for all tests |
/// | `crate = ::my_cassette` | the path of the library `cassette`, if your package gives it another name |
/// | `flavor = "multi_thread"` | the tokio runtime of an `async` test; `"current_thread"` by default. Needs tokio's feature `rt-multi-thread` |
/// | `worker_threads = 2` | the number of threads of a `multi_thread` runtime |
/// | `start_paused = true` | tokio's clock starts paused, so tokio's timers do not wait. The option works as in `#[tokio::test]`. Needs tokio's feature `test-util` |
///
/// # The function
///
/// A test is sync or `async`, takes its `Session` or nothing, and returns `()`, a `Result` or an `ExitCode`. If the
/// test returns an error, it fails, as it does if it panics. The error need not be `Send`. `#[should_panic]`,
/// `#[ignore]`, lint attributes and doc comments work as on any test.
///
/// The test runs on a thread of its own. The thread enters the session first and then builds the runtime of an `async`
/// test.
///
/// # Other test attributes
///
/// Put `#[cassette_test]` **last, next to `fn`**, and other test attributes above it:
///
/// * `#[tokio::test]` is not needed. It refuses a function that has an argument. Above a function without arguments it
///   works: `#[tokio::test]` creates the runtime, and `Session::current()` returns the session.
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
/// * A plain `#[test]` *above* `#[cassette_test]` registers the test twice. The macro cannot detect this, but the
///   library does: only one test of a process may use a cassette, so the second of the two tests fails with a message
///   that gives the reason. The same happens if two tests use the same cassette: the second test fails with this
///   message.
#[proc_macro_attribute]
pub fn cassette_test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}

/// The same as [`macro@cassette_test`]. rstest and other macros recognise a test attribute by the name `test`:
/// `#[cassette::test("weather/{test}")]`.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}
