//! Decides where the connections of a context's threads go, and which environment variables the threads see.
//!
//! This module makes all decisions, in safe code, and `interpose` carries them out. A connection to this machine, by a
//! loopback address or by an address of an interface, is not redirected, unless the session wants these connections, too.
//! Every other connection is redirected to the session's listener, which calls [`intercepted`] to get the intended
//! destination. A name is not looked up in DNS. Instead, the lookup returns an address that this module invents for the
//! name. Connections of a thread without an open session are refused, unless exactly one session can adopt the thread.
//!
//! Must not know: HTTP, and what the listener does.

mod child_environment;
mod names;
mod ports;

use crate::context::{self, Standing};
use crate::machine;
use crate::network::{Override, RefusalReason, RefusedConnection, ShownVariable};
pub(crate) use child_environment::ChildEnvironment;
use names::Names;
use ports::{Meant, Ports};

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

/// The destination of a connection that was redirected to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// A name, or an address without brackets, in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Returns the intended destination of a redirected connection. `client` is the address of the client, as the listener
/// sees it. Returns `None` if no thread of this session made the connection, or if the connection was not redirected. A
/// second call for the same connection returns `None`.
pub fn intercepted(session: u64, client: SocketAddr) -> Option<Destination> {
    let tables = tables().filter(|_| client.ip().to_canonical().is_loopback())?;
    let meant = tables.ports.take(client.port()).filter(|m| m.session == session as u32)?;
    Some(Destination { host: tables.names.host(meant.host)?, port: meant.port })
}

/// The tables that the process shares with the processes that it forks, so that the listener also finds the
/// destinations of a forked process's connections.
#[repr(C)]
pub(crate) struct Tables {
    names: Names,
    ports: Ports,
}

static TABLES: OnceLock<&'static Tables> = OnceLock::new();

fn tables() -> Option<&'static Tables> {
    TABLES.get().copied()
}

/// Stores the tables. It is called before `main`, with zeroed memory.
#[cfg(intercepted)]
pub(crate) fn provide(tables: &'static Tables) {
    let _ = TABLES.set(tables);
}

/// Whether the network of a session applies to the calling thread.
pub(crate) fn governs() -> bool {
    context::network().is_some()
}

/// The route of a connection.
pub(crate) enum Route {
    /// The connection goes to the address that the caller asked for.
    AsAsked,
    /// The connection goes to another server.
    Instead(SocketAddrV4),
    /// The connection goes to this port of 127.0.0.1. The caller must first call [`Ticket::hand_in`].
    ToListener(u16, Ticket),
    Refused,
}

/// The intended destination of a redirected connection. The caller must store it with [`hand_in`](Self::hand_in) before
/// it connects.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(&'static Tables, Meant);

impl Ticket {
    /// Stores the destination under the client's port, so that the listener finds it.
    pub(crate) fn hand_in(self, client: u16) {
        self.0.ports.put(client, self.1);
    }

    /// Removes the destination again, because the connection failed.
    pub(crate) fn withdraw(self, client: u16) {
        self.0.ports.take(client);
    }
}

/// Chooses the route of a connection of the calling thread.
pub(crate) fn route(to: SocketAddr) -> Route {
    let Some(governing) = context::network() else { return Route::AsAsked };
    let network = governing.network;
    let (ip, port) = (to.ip().to_canonical(), to.port());
    let Some(tables) = tables() else { return Route::AsAsked };
    let invented = match ip {
        IpAddr::V4(v4) => names::number_of(v4).filter(|n| tables.names.host(*n).is_some()),
        IpAddr::V6(_) => None,
    };
    if let Some(overrides) = &network.overrides {
        let host = invented.and_then(|n| tables.names.host(n)).unwrap_or_else(|| ip.to_string());
        return Override::find(overrides, &host, port).map_or(Route::AsAsked, Route::Instead);
    }
    // On Linux, a connection to the unspecified address (`0.0.0.0`, `::`) goes to this machine.
    let local = ip.is_loopback() || ip.is_unspecified() || machine::is_own_address(ip);
    let is_open = governing.standing == Standing::Open;
    if invented.is_none() && local && !(network.loopback && is_open && port != network.listener) {
        if is_open && port != network.listener {
            governing.direct.fetch_add(1, Relaxed);
        }
        return Route::AsAsked;
    }
    let refused = |host: String, reason| {
        (network.refused)(&RefusedConnection { session: governing.session, host, port, reason });
        Route::Refused
    };
    let mut text = Text::default();
    let Some(host) = invented.or_else(|| tables.names.number(text.of(ip))) else {
        return refused(ip.to_string(), RefusalReason::TooManyHosts);
    };
    let reason = match governing.standing {
        Standing::Open => None,
        Standing::Ended => Some(RefusalReason::Ended),
        Standing::Unclear => Some(RefusalReason::Unclear),
    };
    if let Some(reason) = reason {
        return refused(tables.names.host(host).unwrap_or_default(), reason);
    }
    let meant = Meant { session: governing.session as u32, host, port };
    Route::ToListener(network.listener, Ticket(tables, meant))
}

/// How to answer the lookup of a name.
pub(crate) enum Lookup {
    /// The system's own function looks up the name.
    AsAsked,
    /// This address stands for the name: an invented one, or 127.0.0.1 for the machine's own name.
    Invented(Ipv4Addr),
    /// The name does not exist.
    None,
}

/// Looks up a name for a thread of a session. The name is not the text of an address.
pub(crate) fn lookup(name: &[u8]) -> Lookup {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let overrides = context::network().and_then(|governing| governing.network.overrides.as_ref());
    let has_address = |o: &Override| o.host.as_bytes().eq_ignore_ascii_case(name);
    let as_asked = match overrides {
        Some(overrides) => is_local(name) || !overrides.iter().any(has_address),
        None if machine::is_own_name_without_address(name) => return Lookup::Invented(Ipv4Addr::LOCALHOST),
        None => is_local(name) || machine::is_own_name(name),
    };
    if as_asked {
        return Lookup::AsAsked;
    }
    // The system's own function refuses such a name too.
    if !is_name(name) {
        return Lookup::None;
    }
    match tables().and_then(|t| t.names.number(name)) {
        Some(number) => Lookup::Invented(names::address(number)),
        None => Lookup::None,
    }
}

/// Whether the name is `localhost`, or ends in `.localhost` (RFC 6761 §6.3).
fn is_local(name: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let ending = name.len().checked_sub(b"localhost".len()).map(|at| name.split_at(at));
    ending.is_some_and(|(before, end)| {
        end.eq_ignore_ascii_case(b"localhost") && (before.is_empty() || before.ends_with(b"."))
    })
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// What the calling thread gets for a variable. `None` means that the thread gets the value from the environment of the
/// process.
pub(crate) fn variable(name: &CStr) -> Option<&'static ShownVariable> {
    let governing = context::network().filter(|g| g.standing == Standing::Open)?;
    let known = governing.network.variables.iter().find(|(n, _)| n.as_c_str() == name)?;
    Some(&known.1)
}

/// Returns the variables for a process that the calling thread starts. The process also gets the variables if the
/// session has ended. So it tries to connect to a listener that no longer exists, and does not connect to the real
/// servers.
pub(crate) fn child_environment() -> Option<ChildEnvironment> {
    let governing = context::network().filter(|g| g.standing != Standing::Unclear)?;
    if governing.network.child_variables.is_empty() {
        return None;
    }
    Some(ChildEnvironment::new(&governing.network.child_variables))
}

/// The text of an IP address, in a buffer on the stack.
struct Text([u8; 64]);

impl Default for Text {
    fn default() -> Self {
        Text([0; 64])
    }
}

impl Text {
    fn of(&mut self, ip: IpAddr) -> &[u8] {
        use std::io::Write;
        let mut left = &mut self.0[..];
        // An address has at most 39 characters.
        let _ = write!(left, "{ip}");
        let unused = left.len();
        &self.0[..64 - unused]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names() {
        for name in ["localhost", "LocalHost.", "db.localhost", "localhost"] {
            assert!(is_local(name.as_bytes()), "{name}");
        }
        for name in ["localhost.example.test", "mylocalhost", "", "ocalhost"] {
            assert!(!is_local(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn addresses_as_text() {
        for address in ["127.0.0.1", "2001:db8:1111:2222:3333:4444:5555:6666", "::ffff:1.2.3.4"] {
            let ip: IpAddr = address.parse().unwrap();
            assert_eq!(Text::default().of(ip), address.as_bytes());
        }
    }
}
