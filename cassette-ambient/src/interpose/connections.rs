//! Replaces `connect`, to redirect the connections of a session's threads to the session's listener.
//!
//! `connect` first binds the socket, so that the socket has a port. Then it stores the intended destination under this
//! port. After that it connects the socket to the listener. Blocking and non-blocking sockets behave as they do without
//! cassette.

use super::real::looked_up;
use crate::routing::{self, Route, Ticket};
use libc::{c_int, c_void, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

type Connect = unsafe extern "C-unwind" fn(c_int, *const sockaddr, socklen_t) -> c_int;

#[used]
static LINK: Connect = connect;

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C-unwind" fn connect(
    socket: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> c_int {
    if routing::governs()
        // SAFETY: the caller keeps this function's contract.
        && let Some(to) = unsafe { read(address, length) }
        && number(socket, libc::SO_TYPE) == libc::SOCK_STREAM
    {
        match routing::route(to) {
            Route::AsAsked => {}
            Route::ToListener(port, ticket) => return lead(socket, to.is_ipv6(), port, ticket),
            Route::Instead(other) => {
                if to.is_ipv6() {
                    allow_v4(socket);
                }
                return call(socket, to.is_ipv6(), *other.ip(), other.port(), real);
            }
            Route::Refused => return fails_with(libc::ECONNREFUSED),
        }
    }
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { real(socket, address, length) }
}

/// # Safety
/// The caller must keep the contract of `connect`.
unsafe fn real(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let connect: Connect = unsafe { mem::transmute(looked_up::CONNECT.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { connect(socket, address, length) }
}

fn lead(socket: c_int, v6: bool, port: u16, ticket: Ticket) -> c_int {
    let bound = match bound_port(socket) {
        Some(bound) => bound,
        None => {
            if v6 {
                allow_v4(socket);
            }
            if bind(socket, v6) != 0 {
                return -1;
            }
            match bound_port(socket) {
                Some(bound) => bound,
                None => return fails_with(libc::ECONNREFUSED),
            }
        }
    };
    ticket.hand_in(bound);
    let result = call(socket, v6, Ipv4Addr::LOCALHOST, port, real);
    if result != 0 && !matches!(errno(), libc::EINPROGRESS | libc::EINTR | libc::EALREADY) {
        let why = errno();
        ticket.withdraw(bound);
        return fails_with(why);
    }
    result
}

/// Lets a socket for IPv6 connect to IPv4 addresses as well. If the socket is already bound, the call fails, and nothing
/// changes.
fn allow_v4(socket: c_int) {
    let off: c_int = 0;
    let size = mem::size_of::<c_int>() as socklen_t;
    let off = (&raw const off).cast::<c_void>();
    // SAFETY: the pointer is to an int of this size.
    unsafe { libc::setsockopt(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, off, size) };
}

/// Binds the socket to a free port of a loopback address.
fn bind(socket: c_int, v6: bool) -> c_int {
    // A port stays in use for about a minute after its connection has ended, so one address allows about 28 thousand
    // connections a minute. On Linux all of 127/8 is loopback, and each address has its own ports. So several addresses
    // allow more connections.
    let sources = if cfg!(target_os = "linux") { 8 } else { 1 };
    for last in 1..=sources {
        let result = call(socket, v6, Ipv4Addr::new(127, 0, 0, last), 0, libc_bind);
        if result == 0 || errno() != libc::EADDRINUSE {
            return result;
        }
    }
    -1
}

/// # Safety
/// The caller must keep the contract of `bind` in POSIX.
unsafe fn libc_bind(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { libc::bind(socket, address, length) }
}

/// Calls `function` with an IPv4 address. For an IPv6 socket the address is passed in its IPv6 representation
/// (`::ffff:…`).
fn call(
    socket: c_int,
    v6: bool,
    ip: Ipv4Addr,
    port: u16,
    function: unsafe fn(c_int, *const sockaddr, socklen_t) -> c_int,
) -> c_int {
    if v6 {
        // SAFETY: all zero is a value of this type.
        let mut address: sockaddr_in6 = unsafe { mem::zeroed() };
        address.sin6_family = libc::AF_INET6 as _;
        address.sin6_port = port.to_be();
        address.sin6_addr.s6_addr = ip.to_ipv6_mapped().octets();
        let length = mem::size_of::<sockaddr_in6>() as socklen_t;
        // SAFETY: the pointer is to an address of this length.
        unsafe { function(socket, (&raw const address).cast(), length) }
    } else {
        // SAFETY: all zero is a value of this type.
        let mut address: sockaddr_in = unsafe { mem::zeroed() };
        address.sin_family = libc::AF_INET as _;
        address.sin_port = port.to_be();
        address.sin_addr.s_addr = ip.to_bits().to_be();
        let length = mem::size_of::<sockaddr_in>() as socklen_t;
        // SAFETY: the pointer is to an address of this length.
        unsafe { function(socket, (&raw const address).cast(), length) }
    }
}

/// Returns the local port of the socket. Returns `None` if the socket is not bound, or is not an internet socket.
fn bound_port(socket: c_int) -> Option<u16> {
    // SAFETY: all zero is a value of this type.
    let mut address: sockaddr_in6 = unsafe { mem::zeroed() };
    let mut length = mem::size_of::<sockaddr_in6>() as socklen_t;
    // SAFETY: `address` may be written to, up to this length.
    if unsafe { libc::getsockname(socket, (&raw mut address).cast(), &mut length) } != 0 {
        return None;
    }
    // SAFETY: getsockname has written the address.
    let port = unsafe { read((&raw const address).cast(), length) }?.port();
    Some(port).filter(|port| *port != 0)
}

/// Reads an internet address. Returns `None` if the address is of another family.
///
/// # Safety
/// `address` is null or may be read up to `length`.
unsafe fn read(address: *const sockaddr, length: socklen_t) -> Option<SocketAddr> {
    let length = length as usize;
    if address.is_null() || length < mem::size_of::<sockaddr_in>() {
        return None;
    }
    // SAFETY: the caller keeps this function's contract; the address may be unaligned.
    let start = unsafe { address.cast::<sockaddr_in>().read_unaligned() };
    match c_int::from(start.sin_family) {
        libc::AF_INET => {
            let ip = Ipv4Addr::from_bits(u32::from_be(start.sin_addr.s_addr));
            Some((ip, u16::from_be(start.sin_port)).into())
        }
        // Linux accepts an IPv6 address without its last field, the scope. The scope is not needed here.
        libc::AF_INET6 if length >= mem::size_of::<sockaddr_in6>() - 4 => {
            let at = address.cast::<u8>();
            let mut ip = [0; 16];
            let offset = mem::offset_of!(sockaddr_in6, sin6_addr);
            // SAFETY: the address lies within the length.
            unsafe { at.add(offset).copy_to_nonoverlapping(ip.as_mut_ptr(), 16) };
            Some((Ipv6Addr::from(ip), u16::from_be(start.sin_port)).into())
        }
        _ => None,
    }
}

/// Returns a numeric option of the socket, or -1 if it cannot be read.
fn number(socket: c_int, option: c_int) -> c_int {
    let mut value: c_int = -1;
    let mut size = mem::size_of::<c_int>() as socklen_t;
    let to = (&raw mut value).cast::<c_void>();
    // SAFETY: the pointer is to an int of this size.
    match unsafe { libc::getsockopt(socket, libc::SOL_SOCKET, option, to, &mut size) } {
        0 => value,
        _ => -1,
    }
}

fn errno() -> c_int {
    // SAFETY: the variable belongs to this thread.
    unsafe { *place_of_errno() }
}

fn fails_with(why: c_int) -> c_int {
    // SAFETY: the variable belongs to this thread.
    unsafe { *place_of_errno() = why };
    -1
}

fn place_of_errno() -> *mut c_int {
    // SAFETY: the function has no preconditions.
    #[cfg(target_os = "linux")]
    return unsafe { libc::__errno_location() };
    // SAFETY: the function has no preconditions.
    #[cfg(target_os = "macos")]
    return unsafe { libc::__error() };
}
