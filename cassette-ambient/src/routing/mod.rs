//! Where the connections of a context's threads go, and what its threads are shown of the environment.
//!
//! All decisions are made here, in safe code; `interpose` asks and obeys. A thread of a session reaches loopback
//! addresses as it is used to; any other connection is led to the session's listener, which learns by
//! [`led`] where it was meant to go. Names are not looked up: each gets an invented address. When the session has
//! ended, there is no way any more.
//!
//! It knows neither HTTP nor what the listener does.

mod child_environment;
mod names;
mod ports;

use crate::context;
use crate::network::{RefusalReason, RefusedConnection};
pub(crate) use child_environment::ChildEnvironment;
use names::Names;
use ports::{Meant, Ports};

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

/// Where a connection was meant to go that was led to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// A name, or an address without brackets; in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Where the connection from `client` was meant to go, if a thread of this session was led here with it. The
/// answer is given once.
pub fn intercepted(session: u64, client: SocketAddr) -> Option<Destination> {
    let tables = tables().filter(|_| client.ip().to_canonical().is_loopback())?;
    let meant = tables.ports.take(client.port()).filter(|m| m.session == session as u32)?;
    Some(Destination { host: tables.names.host(meant.host)?, port: meant.port })
}

/// Shared by the process and what it forks, so that a connection of a forked process is known to the listener.
#[repr(C)]
pub(crate) struct Tables {
    names: Names,
    ports: Ports,
}

static TABLES: OnceLock<&'static Tables> = OnceLock::new();

fn tables() -> Option<&'static Tables> {
    TABLES.get().copied()
}

/// Before `main`, with memory that is all zero.
#[cfg(intercepted)]
pub(crate) fn provide(tables: &'static Tables) {
    let _ = TABLES.set(tables);
}

/// Whether the calling thread is of a session with a network.
pub(crate) fn governs() -> bool {
    context::network().is_some()
}

/// What becomes of a connection.
pub(crate) enum Route {
    /// It goes where it was meant to.
    AsAsked,
    /// To the listener on this port of 127.0.0.1. From which port has to be [told](Ticket::hand_in) before.
    ToListener(u16, Ticket),
    Refused,
}

/// What a connection that is led was meant for.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(&'static Tables, Meant);

impl Ticket {
    /// Before the connection is made, which comes from this port.
    pub(crate) fn hand_in(self, client: u16) {
        self.0.ports.put(client, self.1);
    }

    /// The connection was not made.
    pub(crate) fn withdraw(self, client: u16) {
        self.0.ports.take(client);
    }
}

/// What becomes of a connection of the calling thread.
pub(crate) fn route(to: SocketAddr) -> Route {
    let Some(governing) = context::network() else { return Route::AsAsked };
    let network = governing.network;
    let (ip, port) = (to.ip().to_canonical(), to.port());
    let Some(tables) = tables() else { return Route::AsAsked };
    let invented = match ip {
        IpAddr::V4(v4) => names::number_of(v4).filter(|n| tables.names.host(*n).is_some()),
        IpAddr::V6(_) => None,
    };
    // Unspecified: what Linux connects to itself.
    let local = ip.is_loopback() || ip.is_unspecified();
    if invented.is_none() && local && !(network.loopback && !governing.ended && port != network.listener) {
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
    if governing.ended {
        return refused(tables.names.host(host).unwrap_or_default(), RefusalReason::Ended);
    }
    let meant = Meant { session: governing.session as u32, host, port };
    Route::ToListener(network.listener, Ticket(tables, meant))
}

/// What is known of a name without asking anybody.
pub(crate) enum Lookup {
    /// The system is to be asked.
    AsAsked,
    /// This address stands for it.
    Invented(Ipv4Addr),
    /// There is no such name.
    None,
}

/// How a thread of a session is to look up this name, which is no address.
pub(crate) fn lookup(name: &[u8]) -> Lookup {
    let name = name.strip_suffix(b".").unwrap_or(name);
    if is_local(name) {
        return Lookup::AsAsked;
    }
    // What the system's resolver would not ask for either.
    if !is_name(name) {
        return Lookup::None;
    }
    match tables().and_then(|t| t.names.number(name)) {
        Some(number) => Lookup::Invented(names::address(number)),
        None => Lookup::None,
    }
}

/// RFC 6761 §6.3.
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

/// What the calling thread is shown of a variable: `None` for what the process has.
pub(crate) fn variable(name: &CStr) -> Option<Option<&'static CStr>> {
    let governing = context::network().filter(|g| !g.ended)?;
    let known = governing.network.variables.iter().find(|(n, _)| n.as_c_str() == name)?;
    Some(known.1.as_deref())
}

/// What a process that the calling thread starts is to be told. Of a session that has ended as well: it finds nobody then,
/// and not the network.
pub(crate) fn child_environment() -> Option<ChildEnvironment> {
    let governing = context::network().filter(|g| !g.network.child_variables.is_empty())?;
    Some(ChildEnvironment::new(&governing.network.child_variables))
}

/// An address as text, on the stack.
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
        // 39 characters at most.
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
