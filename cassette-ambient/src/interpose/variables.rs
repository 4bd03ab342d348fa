//! Replaces `getenv`, which std's `env::var` and C code call.
//!
//! The function here can return another value on each thread. It does not change the environment of the process,
//! because all threads would see the change.

use super::real::looked_up;
use crate::network::ShownVariable;
use crate::routing;
use libc::c_char;
use std::ffi::CStr;
use std::{mem, ptr};

type Getenv = unsafe extern "C" fn(*const c_char) -> *mut c_char;

#[used]
static LINK: Getenv = getenv;

/// # Safety
/// The caller must keep the contract of this function in POSIX: `name` is a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller keeps this function's contract, and libc's function has this type.
    unsafe { shown(name, mem::transmute::<*mut libc::c_void, Getenv>(looked_up::GETENV.address())) }
}

/// The variant of `getenv` that OpenSSL calls.
///
/// # Safety
/// The caller must keep the contract of this function in glibc: `name` is a C string.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[unsafe(no_mangle)]
unsafe extern "C" fn secure_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller keeps this function's contract, and libc's function has this type.
    unsafe { shown(name, mem::transmute::<*mut libc::c_void, Getenv>(looked_up::SECURE_GETENV.address())) }
}

/// # Safety
/// `name` is null or a C string.
unsafe fn shown(name: *const c_char, real: Getenv) -> *mut c_char {
    let mut default = None;
    if !name.is_null() && routing::governs() {
        // SAFETY: the caller keeps this function's contract.
        match routing::variable(unsafe { CStr::from_ptr(name) }) {
            // The cast to a mutable pointer is sound: by the contract of `getenv`, callers must not write to its
            // result.
            Some(ShownVariable::Value(value)) => return value.as_ptr().cast_mut(),
            Some(ShownVariable::Hidden) => return ptr::null_mut(),
            Some(ShownVariable::Default(value)) => default = Some(value),
            None => {}
        }
    }
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let own = unsafe { real(name) };
    match default {
        // SAFETY: a result of `getenv` that is not null is a C string.
        Some(default) if own.is_null() || unsafe { *own } == 0 => default.read().as_ptr().cast_mut(),
        _ => own,
    }
}
