//! The network of a session as data: the port of its listener, the variables for its threads and child processes, and a
//! function that is called for each refused connection.
//!
//! Must not know: when a connection is redirected or refused. [`routing`](crate::routing) decides that.

#[cfg(intercepted)]
use std::ffi::CStr;
use std::ffi::CString;
use std::fmt;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The network of a session's threads.
pub struct Network {
    /// The port on 127.0.0.1 that receives the intercepted connections.
    pub listener: u16,
    /// Whether connections to loopback addresses are intercepted as well. Connections to the listener itself are never
    /// intercepted.
    pub loopback: bool,
    /// The variables for which `getenv` may return another value than the process's environment has.
    pub variables: Vec<(CString, ShownVariable)>,
    /// The variables that are set for the processes that the session's threads start. Only the first 64 are used.
    pub child_variables: Vec<ChildVariable>,
    /// Set if the session intercepts nothing: connections to these hosts go to other addresses, and all other
    /// connections go where they are meant to. The other fields are not used then.
    pub overrides: Option<Vec<Override>>,
    /// The function that is called for each refused connection, on the thread that tried to connect. It must not panic,
    /// and must not open a connection.
    pub refused: Box<dyn Fn(&RefusedConnection) + Send + Sync>,
}

/// Another address for a host, like curl's `--resolve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// A name in lower case, or an address without brackets.
    pub host: String,
    /// The only port that the override applies to; `None` for all ports.
    pub port: Option<u16>,
    /// The address. Port 0 stands for the port that the client asks for.
    pub to: SocketAddrV4,
}

impl Override {
    /// The address for a connection to this host and port, if one of the overrides applies.
    pub(crate) fn find(all: &[Override], host: &str, port: u16) -> Option<SocketAddrV4> {
        let applies = |o: &&Override| o.host.eq_ignore_ascii_case(host) && o.port.is_none_or(|p| p == port);
        let mut to = all.iter().find(applies)?.to;
        if to.port() == 0 {
            to.set_port(port);
        }
        Some(to)
    }
}

/// What `getenv` returns for a variable.
#[derive(Debug)]
pub enum ShownVariable {
    /// This value.
    Value(CString),
    /// No value.
    Hidden,
    /// This value, if the variable is not set in the process's environment, or empty there.
    Default(DefaultValue),
}

/// The value of a variable that is not set.
#[derive(Debug)]
pub struct DefaultValue {
    value: CString,
    read: AtomicBool,
}

impl DefaultValue {
    /// A value that no thread has read yet.
    pub fn new(value: CString) -> DefaultValue {
        DefaultValue { value, read: AtomicBool::new(false) }
    }

    /// The value, for a thread that reads it.
    #[cfg(intercepted)]
    pub(crate) fn read(&self) -> &CStr {
        // `Relaxed` is enough: whoever asks later has waited for the thread.
        self.read.store(true, Relaxed);
        &self.value
    }

    pub(crate) fn was_read(&self) -> bool {
        self.read.load(Relaxed)
    }
}

/// A connection that cassette refused instead of redirecting it to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedConnection {
    /// The session of the thread that wanted to connect. If the session is [unclear](RefusalReason::Unclear), this is
    /// one of the open sessions.
    pub session: u64,
    /// The requested host: a name, or an address without brackets.
    pub host: String,
    /// The requested port.
    pub port: u16,
    /// The reason.
    pub reason: RefusalReason,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// The session of the thread has ended. No other session adopts the thread, because no other session is open, or
    /// several are.
    Ended,
    /// The thread never had a session, and it may belong to any of several open sessions.
    Unclear,
    /// The tests of this process use more hosts than there are invented addresses.
    TooManyHosts,
}

/// A variable for the processes that a session's threads start.
#[derive(Clone, Debug)]
pub struct ChildVariable {
    /// `NAME=value`.
    pub entry: CString,
    /// The value of the variable in the environment of the test process. A child process inherits this value, unless
    /// the test sets another value for the child.
    pub inherited: Option<CString>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("listener", &self.listener).finish_non_exhaustive()
    }
}
