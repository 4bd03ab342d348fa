//! The safe interface to `cassette-ambient`: assigns the threads of a test to their session, and detects systems on
//! which that is not possible.
//!
//! This module knows only the number of a session and its [`Clock`]. Without the feature `ambient` the same functions
//! exist and do nothing, and [`check`] returns an error.

#[cfg(feature = "intercept")]
pub(crate) use backend::InterceptionSetup;
#[cfg(feature = "proxy")]
pub(crate) use backend::needs_address;
#[cfg(any(test, feature = "proxy"))]
pub(crate) use backend::own_hosts;
pub(crate) use backend::{
    Ambient, at_exit, current_session, inherited_session, is_own_address, is_own_name, outside, time_zone,
};
#[cfg(feature = "intercept")]
pub(crate) use cassette_ambient::{Override, RefusalReason, intercepted};

/// Checks whether unmodified code reads the session's clock in this executable and on this system. The result is the
/// same for the whole life of the process.
///
/// # Errors
///
/// Unmodified code reads the real clock. The error says why.
pub(crate) fn check() -> Result<(), String> {
    if backend::works() { Ok(()) } else { Err(reason()) }
}

/// Returns `Some(true)` if cassette can intercept connections of unmodified clients, and `Some(false)` if this system
/// does not allow interception. Returns `None` if the system allows interception but this executable does not. In that
/// case unmodified clients would reach the network on replay.
#[cfg(feature = "intercept")]
pub(crate) fn check_interception() -> Option<bool> {
    let possible = cfg!(all(
        any(target_os = "linux", target_os = "macos"),
        target_pointer_width = "64",
        not(target_feature = "crt-static"),
        not(miri)
    ));
    (!possible || cassette_ambient::intercepts()).then_some(possible)
}

fn reason() -> String {
    if cfg!(not(feature = "ambient")) {
        "cassette is built without its feature `ambient`".into()
    } else if cfg!(miri) {
        "Miri does not call the libc functions that cassette replaces".into()
    } else if cfg!(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64")) {
        "this executable is linked in a way that bypasses cassette's clock functions".into()
    } else {
        let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
        format!("a frozen clock needs 64-bit Linux or macOS, and this is {system} on {processor}")
    }
}

#[cfg(feature = "ambient")]
mod backend {
    use crate::clock::Clock;
    use cassette_ambient::{Context, CurrentSession, Guard, WallClock, machine};
    #[cfg(feature = "intercept")]
    use cassette_ambient::{DefaultValue, Override, ShownVariable};
    use std::net::IpAddr;
    use std::sync::Arc;

    pub(crate) use cassette_ambient::{at_exit, inherited_session, outside, self_test as works, time_zone};

    /// How cassette intercepts the connections of a session's threads.
    #[cfg(feature = "intercept")]
    pub(crate) struct InterceptionSetup {
        /// The port of the session's listener.
        pub(crate) listener: u16,
        /// Whether connections to servers on this machine are intercepted, too.
        pub(crate) loopback: bool,
        /// Environment variables for which the session's threads see another value. `None` hides the variable.
        pub(crate) shown: Vec<(&'static str, Option<std::ffi::OsString>)>,
        /// Environment variables that the session's threads see if the process has no value, or an empty one.
        pub(crate) defaults: Vec<(String, String)>,
        /// Environment variables for the processes that the threads start.
        pub(crate) announced: Vec<(String, std::ffi::OsString)>,
        /// A function that is called with the host and the port of each refused connection. It must not panic.
        pub(crate) refused: fn(&str, u16, cassette_ambient::RefusalReason),
    }

    /// A handle for the threads of one session. Any thread may use it.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Ambient(Context);

    impl Ambient {
        pub(crate) fn new(session: u64, clock: &Clock) -> Self {
            Ambient(Context::new(session, wall(clock)))
        }

        /// Makes the handle of a session that intercepts the connections of its threads.
        #[cfg(feature = "intercept")]
        pub(crate) fn intercepting(session: u64, clock: &Clock, setup: InterceptionSetup) -> Self {
            let InterceptionSetup { listener, loopback, shown, defaults, announced, refused } = setup;
            let c = |text: &std::ffi::OsStr| std::ffi::CString::new(text.as_encoded_bytes()).ok();
            let variables = shown.into_iter().filter_map(|(name, value)| {
                let value = match value {
                    Some(value) => ShownVariable::Value(c(&value)?),
                    None => ShownVariable::Hidden,
                };
                Some((c(name.as_ref())?, value))
            });
            let defaults = defaults.into_iter().filter_map(|(name, value)| {
                let value = DefaultValue::new(c(value.as_ref())?);
                Some((c(name.as_ref())?, ShownVariable::Default(value)))
            });
            // The value that the process has for the variable. The threads of a session may see another value.
            let own = |name: &str| outside(|| std::env::var_os(name)).and_then(|value| c(&value));
            let environment = announced.into_iter().filter_map(|(name, value)| {
                let inherited = own(&name);
                let mut text = std::ffi::OsString::from(name);
                text.push("=");
                text.push(value);
                Some(cassette_ambient::ChildVariable { entry: c(&text)?, inherited })
            });
            let network = cassette_ambient::Network {
                listener,
                loopback,
                variables: variables.chain(defaults).collect(),
                child_variables: environment.collect(),
                overrides: None,
                refused: Box::new(move |r| refused(&r.host, r.port, r.reason)),
            };
            Ambient(Context::with_network(session, wall(clock), network))
        }

        /// A session that intercepts nothing: connections to these hosts go to other addresses.
        #[cfg(feature = "intercept")]
        pub(crate) fn overriding(session: u64, clock: &Clock, overrides: Vec<Override>) -> Self {
            let network = cassette_ambient::Network {
                listener: 0,
                loopback: false,
                variables: Vec::new(),
                child_variables: Vec::new(),
                overrides: Some(overrides),
                refused: Box::new(|_| {}),
            };
            Ambient(Context::with_network(session, wall(clock), network))
        }

        /// Assigns the calling thread and all threads that it starts from now on to the session. The calling thread
        /// must be the thread that runs the test's body. The test must build its async runtime afterwards, so that the
        /// runtime's threads belong to the session. Under nextest the whole process belongs to the session until it
        /// [ends](Self::end).
        #[must_use = "the thread leaves the session as soon as this is dropped"]
        pub(crate) fn enter(self) -> Entered {
            Entered(self.0.enter_root())
        }

        /// The number of connections to this machine that cassette did not intercept.
        pub(crate) fn direct_connections(self) -> usize {
            self.0.direct_connections()
        }

        /// The variables without a value whose default a thread of the session has read.
        pub(crate) fn defaults_read(self) -> Vec<String> {
            self.0.defaults_read().map(|name| name.to_string_lossy().into_owned()).collect()
        }

        /// Ends the session for all its threads. If exactly one other session is open, threads that still run belong to
        /// that session from now on. Otherwise they belong to no session.
        pub(crate) fn end(self) {
            self.0.release();
        }
    }

    /// Whether this is the name of this machine. `localhost` does not count.
    pub(crate) fn is_own_name(name: &str) -> bool {
        machine::read();
        machine::is_own_name(name.as_bytes())
    }

    /// Whether this is the name of this machine, and only a DNS server could know its address.
    #[cfg(feature = "proxy")]
    pub(crate) fn needs_address(name: &str) -> bool {
        machine::read();
        machine::is_own_name_without_address(name.as_bytes())
    }

    /// Whether an interface of this machine has this address. Loopback addresses do not count.
    pub(crate) fn is_own_address(address: IpAddr) -> bool {
        machine::read();
        machine::is_own_address(address)
    }

    /// The name of this machine, and the addresses of its interfaces.
    #[cfg(any(test, feature = "proxy"))]
    pub(crate) fn own_hosts() -> Vec<String> {
        machine::read();
        machine::own_hosts()
    }

    fn wall(clock: &Clock) -> WallClock {
        clock.shared().map_or(WallClock::Real, |at| WallClock::Frozen(Arc::clone(at)))
    }

    /// Keeps a thread assigned to a session until this value is dropped.
    #[derive(Debug)]
    pub(crate) struct Entered(#[expect(dead_code, reason = "held for its drop")] Guard);

    /// The session of the calling thread, if it has not ended.
    pub(crate) fn current_session() -> Option<u64> {
        match cassette_ambient::current_session() {
            CurrentSession::Open(session) => Some(session),
            CurrentSession::Ended(_) | CurrentSession::None => None,
        }
    }
}

#[cfg(not(feature = "ambient"))]
mod backend {
    use crate::clock::Clock;
    use std::marker::PhantomData;
    use std::net::IpAddr;

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Ambient(());

    impl Ambient {
        pub(crate) fn new(_session: u64, _clock: &Clock) -> Self {
            Ambient(())
        }

        #[must_use = "the thread leaves the session as soon as this is dropped"]
        pub(crate) fn enter(self) -> Entered {
            Entered(PhantomData)
        }

        pub(crate) fn direct_connections(self) -> usize {
            0
        }

        pub(crate) fn defaults_read(self) -> Vec<String> {
            Vec::new()
        }

        pub(crate) fn end(self) {}
    }

    /// This type is not `Send`, because the type with the feature `ambient` is not `Send` either.
    #[derive(Debug)]
    pub(crate) struct Entered(PhantomData<*const ()>);

    /// With the feature `ambient`, dropping this value has an effect. This implementation makes the compiler check the
    /// same code in the same way without the feature.
    impl Drop for Entered {
        fn drop(&mut self) {}
    }

    pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
        f()
    }

    pub(crate) fn current_session() -> Option<u64> {
        None
    }

    pub(crate) fn inherited_session() -> Option<u64> {
        None
    }

    /// Safe code cannot ask for the name of the machine.
    pub(crate) fn is_own_name(_name: &str) -> bool {
        false
    }

    #[cfg(feature = "proxy")]
    pub(crate) fn needs_address(_name: &str) -> bool {
        false
    }

    pub(crate) fn is_own_address(_address: IpAddr) -> bool {
        false
    }

    #[cfg(any(test, feature = "proxy"))]
    pub(crate) fn own_hosts() -> Vec<String> {
        Vec::new()
    }

    /// Returns false: without `cassette-ambient` nothing can run at the end of the process, because that needs unsafe
    /// code.
    pub(crate) fn at_exit(_work: fn() -> Option<i32>) -> bool {
        false
    }

    pub(crate) fn time_zone() -> Option<&'static str> {
        None
    }

    pub(super) fn works() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    /// 2001-01-01T00:00:00Z.
    fn past() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(978_307_200)
    }

    #[test]
    fn threads_see_the_sessions_clock_until_it_ends() {
        if check().is_err() {
            return;
        }
        let clock = Clock::frozen(UNIX_EPOCH + Duration::from_secs(1)).unwrap();
        let session = Ambient::new(7, &clock);
        let entered = session.enter();
        clock.set(past()).unwrap();
        let seen = std::thread::spawn(|| (SystemTime::now(), current_session())).join().unwrap();
        assert_eq!(seen, (past(), Some(7)));
        assert!(outside(|| SystemTime::now() > past() && current_session().is_none()));
        session.end();
        assert!(SystemTime::now() > past());
        assert_eq!(current_session(), None);
        drop(entered);
    }

    #[test]
    fn a_session_with_the_real_clock_is_a_session_too() {
        let session = Ambient::new(8, &Clock::real());
        let entered = session.enter();
        assert!(SystemTime::now() > past());
        assert_eq!(current_session(), cfg!(feature = "ambient").then_some(8));
        session.end();
        drop(entered);
        assert_eq!(current_session(), None);
    }

    #[test]
    fn where_it_is_not_possible_there_is_a_reason() {
        let possible = cfg!(all(
            feature = "ambient",
            any(target_os = "linux", target_os = "macos"),
            target_pointer_width = "64",
            not(miri)
        ));
        assert_eq!(check().is_ok(), possible);
        assert_eq!(time_zone().is_some(), possible);
        if let Err(reason) = check() {
            assert!(!reason.is_empty());
        }
    }

    #[cfg(not(feature = "ambient"))]
    #[test]
    fn without_the_feature_the_error_names_it() {
        let e = check().unwrap_err().to_string();
        assert!(e.ends_with("cassette is built without its feature `ambient`"), "{e}");
    }
}
