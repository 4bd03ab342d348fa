//! Replaces `sendto` and `sendmsg`, because with TCP Fast Open (RFC 7413) a client opens a connection with one of these
//! functions. The functions here call the `connect` of this crate, and then send the data. Linux also connects before
//! it sends data if it has no Fast Open cookie of the server yet.

use super::connections::connect;
use super::real::looked_up;
use crate::routing;
use libc::{c_int, c_void, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use std::{mem, ptr};

type Sendto =
    unsafe extern "C-unwind" fn(c_int, *const c_void, size_t, c_int, *const sockaddr, socklen_t) -> ssize_t;
type Sendmsg = unsafe extern "C-unwind" fn(c_int, *const msghdr, c_int) -> ssize_t;

#[used]
static LINK: Sendto = sendto;

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn sendto(
    socket: c_int,
    data: *const c_void,
    length: size_t,
    flags: c_int,
    to: *const sockaddr,
    to_length: socklen_t,
) -> ssize_t {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Sendto = unsafe { mem::transmute(looked_up::SENDTO.address()) };
    if flags & libc::MSG_FASTOPEN == 0 || !routing::governs() {
        // SAFETY: the caller keeps this function's contract, which covers this call.
        return unsafe { real(socket, data, length, flags, to, to_length) };
    }
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe {
        match connect(socket, to, to_length) {
            0 => real(socket, data, length, flags & !libc::MSG_FASTOPEN, ptr::null(), 0),
            _ => -1,
        }
    }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn sendmsg(socket: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Sendmsg = unsafe { mem::transmute(looked_up::SENDMSG.address()) };
    if flags & libc::MSG_FASTOPEN == 0 || message.is_null() || !routing::governs() {
        // SAFETY: the caller keeps this function's contract, which covers this call.
        return unsafe { real(socket, message, flags) };
    }
    // SAFETY: the pointer is not null, so by this function's contract it may be read.
    let mut rest = unsafe { message.read() };
    let (to, to_length) =
        (mem::replace(&mut rest.msg_name, ptr::null_mut()), mem::take(&mut rest.msg_namelen));
    // SAFETY: the caller keeps this function's contract, which covers the address and the rest of the message.
    unsafe {
        match connect(socket, to.cast_const().cast(), to_length) {
            0 => real(socket, &rest, flags & !libc::MSG_FASTOPEN),
            _ => -1,
        }
    }
}
