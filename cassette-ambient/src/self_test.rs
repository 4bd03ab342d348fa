//! Tests whether std calls the functions of this crate and not those of libc. For this, the tests call functions of std
//! and check the results.

use crate::{Context, Network, RefusalReason, RefusedConnection, ShownVariable, WallClock};
use std::ffi::CString;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whether contexts work in this executable. They work if `SystemTime::now()` reads the clock of the context on the
/// thread that entered the context, and on a thread that this thread starts.
///
/// Returns false on systems on which this crate cannot replace libc's functions, and if the executable is linked so
/// that it calls libc's own functions. The test runs once in a process.
pub fn self_test() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let probe = Context::new(0, WallClock::frozen(PROBE.as_nanos() as u64));
        let entered = probe.enter();
        let works = shows_probe() && thread::Builder::new().spawn(shows_probe).is_ok_and(is_true);
        drop(entered);
        probe.release();
        works
    })
}

/// An instant that no real clock shows.
const PROBE: Duration = Duration::new(1_000_000_007, 123_456_789);

fn shows_probe() -> bool {
    SystemTime::now() == UNIX_EPOCH + PROBE
}

fn is_true(thread: thread::JoinHandle<bool>) -> bool {
    thread.join().is_ok_and(|shown| shown)
}

/// Whether connections can be intercepted. Returns false without the feature `intercept`, on systems on which this
/// crate cannot replace libc's functions, and if the executable is linked so that it calls libc's own functions. The
/// test runs once in a process.
pub fn intercepts() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| cfg!(intercepted) && probe_is_intercepted())
}

/// Connects in a context that has ended. If interception works, the connection is refused and reported.
fn probe_is_intercepted() -> bool {
    const NAME: &str = "CASSETTE_AMBIENT_PROBE";
    let (refused, reported) = std::sync::mpsc::channel();
    let variable = |text: &str| CString::new(text).ok();
    let network = Network {
        listener: 0,
        loopback: false,
        variables: variable(NAME).zip(variable("shown").map(ShownVariable::Value)).into_iter().collect(),
        child_variables: Vec::new(),
        overrides: None,
        refused: Box::new(move |r: &RefusedConnection| drop(refused.send(r.clone()))),
    };
    let probe = Context::with_network(u64::MAX, WallClock::Real, network);
    let _entered = probe.enter();
    let shown = std::env::var_os(NAME).is_some_and(|value| value == "shown");
    probe.release();
    // If interception does not work, the connection below really goes to this port, but no server listens on it.
    let found: Vec<_> = ("probe.invalid", 9).to_socket_addrs().into_iter().flatten().collect();
    let invented = found.iter().all(|a| a.ip().is_loopback()) && !found.is_empty();
    if !shown || !invented {
        return false;
    }
    let failed = TcpStream::connect(&found[..]).is_err();
    let expected = RefusedConnection {
        session: u64::MAX,
        host: "probe.invalid".into(),
        port: 9,
        reason: RefusalReason::Ended,
    };
    failed && reported.try_recv() == Ok(expected)
}
