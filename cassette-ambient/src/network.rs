//! The network of a session as data: where its listener is, what its threads and children see of the environment, and
//! who learns of a refused connection.
//!
//! It decides nothing; [`routing`](crate::routing) does.

use std::ffi::CString;
use std::fmt;

/// The network of a session's threads.
pub struct Network {
    /// The port on 127.0.0.1 to which connections are led.
    pub listener: u16,
    /// Lead connections to loopback addresses there, too: but for the listener's own.
    pub loopback: bool,
    /// What `getenv` shows instead of the process's own variables; `None` for one that is not there.
    pub variables: Vec<(CString, Option<CString>)>,
    /// What the processes that its threads start are told in their environment; 64 variables at most.
    pub child_variables: Vec<ChildVariable>,
    /// Told of a connection that was refused, by the thread that wanted it: it must not panic, and not connect.
    pub refused: Box<dyn Fn(&RefusedConnection) + Send + Sync>,
}

/// A connection that there was no way for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedConnection {
    /// The session of the thread that wanted it.
    pub session: u64,
    /// A name, or an address without brackets.
    pub host: String,
    /// Where it wanted to go.
    pub port: u16,
    /// Why not.
    pub reason: RefusalReason,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// The thread's session has ended.
    Ended,
    /// More hosts than there are numbers for.
    TooManyHosts,
}

/// A variable of the processes that a session's threads start.
#[derive(Clone, Debug)]
pub struct ChildVariable {
    /// `NAME=value`.
    pub entry: CString,
    /// The process's own value before: what a process inherits that isn't given another.
    pub inherited: Option<CString>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("listener", &self.listener).finish_non_exhaustive()
    }
}
