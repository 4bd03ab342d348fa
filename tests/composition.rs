//! Tests `#[cassette_test]` on every kind of test function: sync and async, with all return types, and below other test
//! macros. The tests have no cassettes, so they use `mode = "off"`.

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cassette::{Config, Session, cassette_test};
use rstest::{fixture, rstest};
use tokio::runtime::{Handle, RuntimeFlavor};

/// The name of this thread's session, and the name of the thread. The thread must have the path of the test as its
/// name, as the test harness gives it.
fn here() -> (String, String) {
    let session = Session::current().expect("the body runs under a session");
    (session.name().to_owned(), thread::current().name().unwrap_or_default().to_owned())
}

#[track_caller]
fn check_here(name: &str, path: &str) {
    assert_eq!(here(), (name.to_owned(), path.to_owned()));
}

/// The name of the function that contains the macro call. insta names snapshots in the same way.
macro_rules! function_name {
    () => {{
        fn probe() {}
        let name =
            std::any::type_name_of_val(&probe).trim_end_matches("::probe").trim_end_matches("::{{closure}}");
        name.rsplit("::").next().unwrap()
    }};
}

mod kinds {
    use super::*;

    #[cassette_test("composition/kinds/sync", mode = "off")]
    fn sync(session: Session) {
        assert_eq!(session.name(), "composition/kinds/sync");
        check_here("composition/kinds/sync", "kinds::sync");
        assert!(Handle::try_current().is_err());
    }

    #[cassette_test("composition/kinds/asynchronous", mode = "off")]
    async fn asynchronous(session: Session) {
        tokio::task::yield_now().await;
        assert_eq!(session.name(), "composition/kinds/asynchronous");
        check_here("composition/kinds/asynchronous", "kinds::asynchronous");
        assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
    }

    #[cassette_test("kinds/without", mode = "off")]
    fn without_a_session() {
        check_here("kinds/without", "kinds::without_a_session");
    }

    #[cassette_test("kinds/async_without", mode = "off")]
    async fn async_without_a_session() {
        check_here("kinds/async_without", "kinds::async_without_a_session");
    }

    #[cassette_test(mode = "off")]
    fn unnamed() {
        check_here("composition/kinds/unnamed", "kinds::unnamed");
    }

    #[cassette_test("renamed-{test}", mode = "off")]
    fn named_after_itself() {
        check_here("renamed-kinds/named_after_itself", "kinds::named_after_itself");
    }

    #[cassette::test("kinds/alias", mode = "off")]
    fn alias(_: Session) {
        check_here("kinds/alias", "kinds::alias");
    }

    mod r#type {
        use super::*;

        #[cassette_test(mode = "off")]
        fn r#async() {
            check_here("composition/kinds/type/async", "kinds::r#type::r#async");
        }
    }

    #[cassette_test(mode = "off")]
    #[test]
    fn registered_once_below() {
        check_here("composition/kinds/registered_once_below", "kinds::registered_once_below");
    }

    /// Doc comments and lint attributes of the user apply to the function.
    #[cassette_test(mode = "off")]
    #[expect(unused_variables, reason = "the attribute covers the body")]
    pub(crate) async fn with_attributes() {
        let nobody_reads_it = 1;
        assert_eq!(function_name!(), "with_attributes");
    }

    #[cassette_test(mode = "off")]
    fn has_the_name_of_the_function() {
        assert_eq!(function_name!(), "has_the_name_of_the_function");
    }
}

mod patterns {
    use super::*;

    fn take(session: &mut Session) -> String {
        session.name().to_owned()
    }

    #[cassette_test(mode = "off")]
    fn mutable(mut session: Session) {
        assert_eq!(take(&mut session), "composition/patterns/mutable");
    }

    #[cassette_test(mode = "off")]
    async fn mutable_async(mut session: ::cassette::Session) {
        assert_eq!(take(&mut session), "composition/patterns/mutable_async");
    }

    #[cassette_test(mode = "off")]
    fn ignored(_: Session) {}

    #[cassette_test(mode = "off",)]
    #[rustfmt::skip]
    fn destructured(Session { .. }: cassette::Session,) {
        assert_eq!(here().0, "composition/patterns/destructured");
    }

    macro_rules! generated {
        ($vis:vis $name:ident: $ty:ty => $body:block) => {
            #[cassette_test(mode = "off")]
            $vis async fn $name(_session: $ty) -> Result<(), String> $body
        };
    }
    generated!(pub from_a_macro: Session => {
        check_here("composition/patterns/from_a_macro", "patterns::from_a_macro");
        Ok(())
    });
}

mod outcomes {
    use super::*;

    #[cassette_test(mode = "off")]
    fn question_mark() -> cassette::TestResult {
        let n: u8 = "12".parse()?;
        assert_eq!(n, 12);
        Ok(())
    }

    /// `?` converts a cassette error into a boxed error, because it implements `std::error::Error`.
    #[cassette_test(mode = "off")]
    fn another_error_type(session: Session) -> Result<(), Box<dyn std::error::Error>> {
        assert!(session.output_dir()?.is_dir());
        Ok(())
    }

    #[cassette_test(mode = "off")]
    async fn not_send(_session: Session) -> Result<(), Box<dyn std::error::Error>> {
        let kept_over_await = std::rc::Rc::new("12");
        tokio::task::yield_now().await;
        kept_over_await.parse::<u8>()?;
        Ok(())
    }

    #[cassette_test(mode = "off")]
    fn early_return(session: Session) {
        if session.name() == "composition/outcomes/early_return" {
            return;
        }
        panic!("went on");
    }

    #[cassette_test(mode = "off")]
    async fn early_return_async(session: Session) -> Result<(), String> {
        if session.name() == "composition/outcomes/early_return_async" {
            return Ok(());
        }
        Err("went on".into())
    }

    #[cassette_test(mode = "off")]
    fn exit_code() -> ExitCode {
        ExitCode::SUCCESS
    }

    #[cassette_test(mode = "off")]
    fn opaque(session: impl Into<Session> + From<Session>) -> Result<(), impl std::fmt::Debug> {
        assert_eq!(session.into().name(), "composition/outcomes/opaque");
        Ok::<_, String>(())
    }

    #[cassette_test(mode = "off")]
    #[should_panic(expected = "no such city")]
    fn should_panic(session: Session) {
        panic!("{}: no such city", session.name());
    }

    #[cassette_test(mode = "off")]
    #[should_panic = "no such city"]
    async fn should_panic_async() {
        tokio::task::yield_now().await;
        panic!("no such city");
    }
}

mod runtimes {
    use super::*;

    #[cassette_test(mode = "off", flavor = "multi_thread", worker_threads = 3)]
    async fn multi_thread() {
        let handle = Handle::current();
        assert_eq!(handle.runtime_flavor(), RuntimeFlavor::MultiThread);
        assert_eq!(handle.metrics().num_workers(), 3);
        assert_eq!(tokio::spawn(async { 7 }).await.unwrap(), 7);
    }

    #[cassette_test(mode = "off", start_paused = true)]
    async fn paused() {
        let start = std::time::Instant::now();
        let asleep = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        assert!(asleep.elapsed() >= Duration::from_secs(86_400));
        assert!(start.elapsed() < Duration::from_secs(86_400));
    }
}

mod configured {
    use super::*;

    static CALLS: AtomicUsize = AtomicUsize::new(0);

    fn config() -> Config {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Config::default()
    }

    mod deep {
        pub(super) mod inside {
            pub(in super::super) use cassette as tape_deck;
        }
    }

    #[cassette_test(mode = "off", config = self::config, crate = deep::inside::tape_deck)]
    fn calls_the_config_function_once() {
        assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    }
}

mod with_others {
    use super::*;

    // `#[tokio::test]` refuses a function with arguments. cassette's attribute does not need `#[tokio::test]`, but
    // existing tests may have it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[cassette_test(mode = "off")]
    async fn tokio_test() -> cassette::TestResult {
        check_here("composition/with_others/tokio_test", "with_others::tokio_test");
        assert_eq!(Handle::current().metrics().num_workers(), 2);
        Ok(())
    }

    #[test_log::test]
    #[cassette_test(mode = "off")]
    async fn test_log(session: Session) {
        assert_eq!(session.name(), "composition/with_others/test_log");
    }

    #[rstest]
    #[case(1)]
    #[case::two(2)]
    #[cassette_test(mode = "off")]
    fn rstest_cases(#[case] n: usize) {
        let test = ["case_1", "case_2_two"][n - 1];
        check_here(
            &format!("composition/with_others/rstest_cases/{test}"),
            &format!("with_others::rstest_cases::{test}"),
        );
    }

    #[rstest]
    #[case("case_1")]
    #[case("case_2")]
    #[cassette::test("v1/{test}", mode = "off", flavor = "multi_thread")]
    async fn rstest_async(#[case] test: String) -> cassette::TestResult {
        tokio::task::yield_now().await;
        assert_eq!(here().0, format!("v1/with_others/rstest_async/{test}"));
        Ok(())
    }

    #[rstest]
    #[cassette::test(mode = "off")]
    fn rstest_values(#[values(1, 2)] a: u32, #[values(3, 4)] b: u32) {
        let (i, j) = (a, b - 2);
        assert_eq!(here().0, format!("composition/with_others/rstest_values/a_{i}_{a}/b_{j}_{b}"));
    }

    /// A parametrised test gets its session as an argument from this fixture.
    #[fixture]
    fn session() -> Session {
        Session::current().expect("the case runs under a session")
    }

    #[rstest]
    #[case(1)]
    #[cassette::test(mode = "off")]
    async fn rstest_fixture(session: Session, #[case] n: u32) {
        assert_eq!(session.name(), format!("composition/with_others/rstest_fixture/case_{n}"));
    }

    // rstest applies an attribute above a `#[case]` to this case only.
    #[rstest]
    #[should_panic(expected = "case 1")]
    #[case(1)]
    #[case(2)]
    #[cassette::test(mode = "off")]
    fn rstest_should_panic(#[case] n: u32) {
        assert_ne!(n, 1, "case 1");
    }
}

#[test]
fn every_test_is_registered_once() {
    let exe = std::env::current_exe().unwrap();
    let output = Command::new(exe).args(["--list", "--format", "terse"]).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    for test in
        ["kinds::registered_once_below", "with_others::tokio_test", "with_others::rstest_async::case_1"]
    {
        assert_eq!(
            listed.lines().filter(|l| *l == format!("{test}: test")).count(),
            1,
            "{test} in:\n{listed}"
        );
    }
    let mut lines: Vec<&str> = listed.lines().collect();
    let all = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), all, "{listed}");
}
