//! The network of a session as data: where its listener is, what its threads and children see of the environment, and
//! who learns of a refused connection.
//!
//! This module decides nothing; [`routing`](crate::routing) decides.

use std::ffi::CString;
use std::fmt;

/// The network of a session's threads.
pub struct Network {
    /// The port on 127.0.0.1 that receives the intercepted connections.
    pub listener: u16,
    /// Whether connections to loopback addresses are intercepted as well, except those to the listener itself.
    pub loopback: bool,
    /// The variables that `getenv` returns instead of the process's own; `None` for a variable that is hidden.
    pub variables: Vec<(CString, Option<CString>)>,
    /// The variables that are set for processes started by the session's threads; at most 64.
    pub child_variables: Vec<ChildVariable>,
    /// Reports a refused connection. It runs on the thread that connects, and must neither panic nor connect.
    pub refused: Box<dyn Fn(&RefusedConnection) + Send + Sync>,
}

/// A connection that was refused because no listener serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedConnection {
    /// The session of the thread that wanted to connect.
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
    /// The thread's session has ended.
    Ended,
    /// There are more hosts than invented addresses.
    TooManyHosts,
}

/// A variable for the processes that a session's threads start.
#[derive(Clone, Debug)]
pub struct ChildVariable {
    /// `NAME=value`.
    pub entry: CString,
    /// The value that the process had before; a child process inherits this value unless the child is given another
    /// one.
    pub inherited: Option<CString>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("listener", &self.listener).finish_non_exhaustive()
    }
}
