//! Replaces the functions of the `gethostbyname` family. They are the predecessors of `getaddrinfo`, and old C code
//! still calls them. The functions here pass the text of an invented address to libc's own functions, and these return
//! the address without asking a server.

use super::real::looked_up;
use crate::routing::{self, Lookup};
#[cfg(target_os = "linux")]
use libc::size_t;
use libc::{c_char, c_int, c_void, hostent};
use std::ffi::CStr;
use std::io::Write as _;
use std::{mem, ptr};

type ByName = unsafe extern "C" fn(*const c_char) -> *mut hostent;
type ByName2 = unsafe extern "C" fn(*const c_char, c_int) -> *mut hostent;

#[used]
static LINK: ByName = gethostbyname;

/// # Safety
/// The caller must keep the contract of this function in POSIX.1-2001.
#[unsafe(no_mangle)]
unsafe extern "C" fn gethostbyname(name: *const c_char) -> *mut hostent {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: ByName = unsafe { mem::transmute(looked_up::GETHOSTBYNAME.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    match unsafe { ask(name, libc::AF_INET) } {
        // SAFETY: the caller keeps this function's contract, and the name is the caller's or another C string.
        Ask::For(text) => unsafe { real(text.or(name)) },
        Ask::Nobody => not_found(),
    }
}

/// # Safety
/// The caller must keep the contract of this function in glibc, musl and Apple's libc.
#[unsafe(no_mangle)]
unsafe extern "C" fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent {
    // SAFETY: libc has a function of this name and type.
    let real: ByName2 = unsafe { mem::transmute(looked_up::GETHOSTBYNAME2.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    match unsafe { ask(name, family) } {
        // SAFETY: the caller keeps this function's contract, and the name is the caller's or another C string.
        Ask::For(text) => unsafe { real(text.or(name), family) },
        Ask::Nobody => not_found(),
    }
}

#[cfg(target_os = "linux")]
type ByNameR = unsafe extern "C" fn(
    *const c_char,
    *mut hostent,
    *mut c_char,
    size_t,
    *mut *mut hostent,
    *mut c_int,
) -> c_int;
#[cfg(target_os = "linux")]
type ByName2R = unsafe extern "C" fn(
    *const c_char,
    c_int,
    *mut hostent,
    *mut c_char,
    size_t,
    *mut *mut hostent,
    *mut c_int,
) -> c_int;

/// # Safety
/// The caller must keep the contract of this function in glibc and musl.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn gethostbyname_r(
    name: *const c_char,
    entry: *mut hostent,
    buffer: *mut c_char,
    length: size_t,
    result: *mut *mut hostent,
    error: *mut c_int,
) -> c_int {
    // SAFETY: libc has a function of this name and type.
    let real: ByNameR = unsafe { mem::transmute(looked_up::GETHOSTBYNAME_R.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    match unsafe { ask(name, libc::AF_INET) } {
        // SAFETY: the caller keeps this function's contract, and the name is the caller's or another C string.
        Ask::For(text) => unsafe { real(text.or(name), entry, buffer, length, result, error) },
        // SAFETY: by the caller's contract, `result` and `error` may be written to.
        Ask::Nobody => unsafe { not_found_r(result, error) },
    }
}

/// # Safety
/// The caller must keep the contract of this function in glibc and musl.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn gethostbyname2_r(
    name: *const c_char,
    family: c_int,
    entry: *mut hostent,
    buffer: *mut c_char,
    length: size_t,
    result: *mut *mut hostent,
    error: *mut c_int,
) -> c_int {
    // SAFETY: libc has a function of this name and type.
    let real: ByName2R = unsafe { mem::transmute(looked_up::GETHOSTBYNAME2_R.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    match unsafe { ask(name, family) } {
        // SAFETY: the caller keeps this function's contract, and the name is the caller's or another C string.
        Ask::For(text) => unsafe { real(text.or(name), family, entry, buffer, length, result, error) },
        // SAFETY: by the caller's contract, `result` and `error` may be written to.
        Ask::Nobody => unsafe { not_found_r(result, error) },
    }
}

enum Ask {
    For(Text),
    Nobody,
}

/// The text of an invented address as a C string. It is empty if libc must look up the name that the caller gave.
struct Text([u8; 32]);

impl Text {
    fn or(&self, given: *const c_char) -> *const c_char {
        if self.0[0] == 0 { given } else { self.0.as_ptr().cast() }
    }
}

/// # Safety
/// `name` is null or a C string.
unsafe fn ask(name: *const c_char, family: c_int) -> Ask {
    let mut text = Text([0; 32]);
    if name.is_null() || !routing::governs() {
        return Ask::For(text);
    }
    let mut parsed = [0_u8; 16];
    let to = parsed.as_mut_ptr().cast::<c_void>();
    // SAFETY: `name` is a C string, and the buffer has room for an address of either family.
    let is_address =
        unsafe { inet_pton(libc::AF_INET, name, to) == 1 || inet_pton(libc::AF_INET6, name, to) == 1 };
    if is_address {
        return Ask::For(text);
    }
    // SAFETY: the pointer is not null, so by this function's contract it is a C string.
    match routing::lookup(unsafe { CStr::from_ptr(name) }.to_bytes()) {
        Lookup::AsAsked => Ask::For(text),
        Lookup::None => Ask::Nobody,
        Lookup::Invented(address) => {
            // The prefix and the address have at most 23 characters, so at least one zero byte remains at the end.
            let prefix = if family == libc::AF_INET6 { "::ffff:" } else { "" };
            let _ = write!(&mut text.0[..31], "{prefix}{address}");
            Ask::For(text)
        }
    }
}

unsafe extern "C" {
    fn inet_pton(family: c_int, text: *const c_char, to: *mut c_void) -> c_int;
    #[cfg(target_os = "linux")]
    fn __h_errno_location() -> *mut c_int;
    #[cfg(target_os = "macos")]
    static mut h_errno: c_int;
}

/// The constant of this name in `<netdb.h>`. It has this value on all systems.
const HOST_NOT_FOUND: c_int = 1;

fn not_found() -> *mut hostent {
    // SAFETY: the variable belongs to this thread.
    #[cfg(target_os = "linux")]
    unsafe {
        *__h_errno_location() = HOST_NOT_FOUND;
    }
    // SAFETY: this is libc's own variable, and libc itself writes to it from any thread.
    #[cfg(target_os = "macos")]
    unsafe {
        h_errno = HOST_NOT_FOUND;
    }
    ptr::null_mut()
}

/// # Safety
/// `result` and `error` may be written to.
#[cfg(target_os = "linux")]
unsafe fn not_found_r(result: *mut *mut hostent, error: *mut c_int) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe {
        result.write(ptr::null_mut());
        error.write(HOST_NOT_FOUND);
    }
    0
}
