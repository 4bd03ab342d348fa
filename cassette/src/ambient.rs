//! The safe face of `cassette-ambient`: puts the threads of a test under their session, and says
//! where that is not possible.
//!
//! It knows a session by its number and its [`Clock`] only. Without the feature `ambient` the same
//! functions are here and do nothing, and [`check`] says so.

#[cfg(feature = "intercept")]
pub(crate) use cassette_ambient::intercepted;
#[cfg(feature = "intercept")]
pub(crate) use face::InterceptionSetup;
pub(crate) use face::{Ambient, at_exit, current_session, outside, time_zone};

/// That unmodified code is shown the session's clock in this executable, on this system. The answer is the same for
/// all of the process's life.
///
/// # Errors
///
/// The reason why it isn't.
pub(crate) fn check() -> Result<(), String> {
    if face::works() { Ok(()) } else { Err(reason()) }
}

/// Whether connections of unmodified clients can be led to a session on this system. `None` if they can't be in this
/// executable, where they should: such a client would reach the network on replay.
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
        "Miri runs without the libc that would show it".into()
    } else if cfg!(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64")) {
        "this executable is linked so that its time readings go past cassette".into()
    } else {
        let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
        format!("that takes 64-bit Linux or macOS, and this is {system} on {processor}")
    }
}

#[cfg(feature = "ambient")]
mod face {
    use crate::clock::Clock;
    use cassette_ambient::{Context, CurrentSession, Guard, WallClock};
    use std::sync::Arc;

    pub(crate) use cassette_ambient::{at_exit, outside, self_test as works, time_zone};

    /// How the connections of a session's threads are led to it.
    #[cfg(feature = "intercept")]
    pub(crate) struct InterceptionSetup {
        /// The port of the session's listener.
        pub(crate) listener: u16,
        /// Those to servers on this machine as well.
        pub(crate) loopback: bool,
        /// What the threads are shown in the environment; `None` for what isn't there.
        pub(crate) shown: Vec<(&'static str, Option<std::ffi::OsString>)>,
        /// What the processes they start are told in theirs.
        pub(crate) announced: Vec<(&'static str, std::ffi::OsString)>,
        /// Who hears of a connection that had no way, by host and port. Must not panic.
        pub(crate) refused: fn(&str, u16, cassette_ambient::RefusalReason),
    }

    /// The threads of one session. A handle that may be sent anywhere.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Ambient(Context);

    impl Ambient {
        pub(crate) fn new(session: u64, clock: &Clock) -> Self {
            Ambient(Context::new(session, wall(clock)))
        }

        /// With connections that are led to the session.
        #[cfg(feature = "intercept")]
        pub(crate) fn intercepting(session: u64, clock: &Clock, setup: InterceptionSetup) -> Self {
            let InterceptionSetup { listener, loopback, shown, announced, refused } = setup;
            let c = |text: &std::ffi::OsStr| std::ffi::CString::new(text.as_encoded_bytes()).ok();
            let variables = shown.into_iter().filter_map(|(name, value)| {
                let value = value.map(|value| c(&value).ok_or(())).transpose().ok()?;
                Some((c(name.as_ref())?, value))
            });
            // Of this process, and not what a session's thread is shown.
            let own = |name: &str| outside(|| std::env::var_os(name)).and_then(|value| c(&value));
            let environment = announced.into_iter().filter_map(|(name, value)| {
                let inherited = own(name);
                let mut text = std::ffi::OsString::from(name);
                text.push("=");
                text.push(value);
                Some(cassette_ambient::ChildVariable { entry: c(&text)?, inherited })
            });
            let network = cassette_ambient::Network {
                listener,
                loopback,
                variables: variables.collect(),
                child_variables: environment.collect(),
                refused: Box::new(move |r| refused(&r.host, r.port, r.reason)),
            };
            Ambient(Context::with_network(session, wall(clock), network))
        }

        /// Puts the calling thread, the one of the test's body, and all it starts from here on under
        /// the session. Build runtimes after it. Under nextest the whole process is under it until
        /// the session [ends](Self::end).
        #[must_use = "the thread leaves the session as soon as this is dropped"]
        pub(crate) fn enter(self) -> Entered {
            Entered(self.0.enter_root())
        }

        /// Ends it for all threads: those left over see real time, and are of no session.
        pub(crate) fn end(self) {
            self.0.release();
        }
    }

    fn wall(clock: &Clock) -> WallClock {
        clock.shared().map_or(WallClock::Real, |at| WallClock::Frozen(Arc::clone(at)))
    }

    /// Keeps a thread under a session until it is dropped.
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
mod face {
    use crate::clock::Clock;
    use std::marker::PhantomData;

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

        pub(crate) fn end(self) {}
    }

    /// Not `Send`, as where the feature is on.
    #[derive(Debug)]
    pub(crate) struct Entered(PhantomData<*const ()>);

    /// Dropping it means something where the feature is on, so it does here for the compiler.
    impl Drop for Entered {
        fn drop(&mut self) {}
    }

    pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
        f()
    }

    pub(crate) fn current_session() -> Option<u64> {
        None
    }

    /// Safe code has no way to.
    pub(crate) fn at_exit(_work: fn()) -> bool {
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
