//! Replaces `getaddrinfo`. For a thread of a session, the function here returns an address that cassette has invented
//! for the name, and asks no DNS server.

use super::real::looked_up;
use crate::routing::{self, Lookup};
use libc::{addrinfo, c_char, c_int};
use std::ffi::CStr;
use std::io::Write;
use std::mem;

type Getaddrinfo =
    unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;

#[used]
static LINK: Getaddrinfo = getaddrinfo;

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Getaddrinfo = unsafe { mem::transmute(looked_up::GETADDRINFO.address()) };
    if node.is_null() || !routing::governs() {
        // SAFETY: the caller keeps this function's contract, which covers this call.
        return unsafe { real(node, service, hints, result) };
    }
    // SAFETY: by this function's contract the pointer is null or may be read. All zero means the same as null.
    let asked = unsafe { hints.as_ref().map_or_else(|| mem::zeroed(), |h| *h) };
    let mut numeric = asked;
    numeric.ai_flags = asked.ai_flags & !libc::AI_ADDRCONFIG | libc::AI_NUMERICHOST;
    // SAFETY: the caller keeps this function's contract, and the hints are our own.
    let code = unsafe { real(node, service, &numeric, result) };
    // `EAI_NONAME` means that `node` is not the text of an address. With any other code the call above has done all the
    // work: `node` is an address, or the call failed for a reason that has nothing to do with the name.
    if code != libc::EAI_NONAME || asked.ai_flags & libc::AI_NUMERICHOST != 0 {
        return code;
    }
    // SAFETY: the pointer is not null, so by this function's contract it is a C string.
    let name = unsafe { CStr::from_ptr(node) };
    let address = match routing::lookup(name.to_bytes()) {
        // SAFETY: the caller keeps this function's contract, which covers this call.
        Lookup::AsAsked => return unsafe { real(node, service, hints, result) },
        Lookup::None => return libc::EAI_NONAME,
        Lookup::Invented(address) => address,
    };
    let mut text = [0; 32];
    // The prefix and the address have at most 23 characters, so at least one zero byte remains at the end.
    let prefix = if asked.ai_family == libc::AF_INET6 { "::ffff:" } else { "" };
    let _ = write!(&mut text[..31], "{prefix}{address}");
    // libc itself creates the list of results, because the caller lets libc free it. SAFETY: the caller keeps the
    // contract of `getaddrinfo`; `numeric` is valid, and `text` ends with a zero.
    let code = unsafe { real(text.as_ptr().cast(), service, &numeric, result) };
    #[cfg(target_env = "gnu")]
    if code == 0 && asked.ai_flags & libc::AI_CANONNAME != 0 {
        // SAFETY: the call succeeded, so `result` points to a list.
        unsafe { name_canonically(*result, name) };
    }
    code
}

/// Replaces the canonical name in the list by `name`. glibc wrote the invented address there. glibc frees the canonical
/// name separately, so it may be replaced.
///
/// # Safety
/// `list` is glibc's list, or null.
#[cfg(target_env = "gnu")]
unsafe fn name_canonically(list: *mut addrinfo, name: &CStr) {
    // SAFETY: the caller keeps this function's contract.
    let Some(first) = (unsafe { list.as_mut() }) else { return };
    // SAFETY: the argument is a C string.
    let copy = unsafe { libc::strdup(name.as_ptr()) };
    if !copy.is_null() && !first.ai_canonname.is_null() {
        // SAFETY: glibc allocated the name with strdup, and no other code has seen it.
        unsafe { libc::free(first.ai_canonname.cast()) };
        first.ai_canonname = copy;
    }
}
