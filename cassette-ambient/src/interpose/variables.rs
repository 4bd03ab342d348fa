//! `getenv`, which std's `env::var` and C code call.
//!
//! The process's own environment is not changed, because other threads would see the change.

use super::real::looked_up;
use crate::routing;
use libc::c_char;
use std::ffi::CStr;
use std::{mem, ptr};

type Getenv = unsafe extern "C" fn(*const c_char) -> *mut c_char;

#[used]
static LINK: Getenv = getenv;

/// # Safety
/// The contract of POSIX: `name` is a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the same contract, and a function of this type.
    unsafe { shown(name, mem::transmute::<*mut libc::c_void, Getenv>(looked_up::GETENV.address())) }
}

/// The variant that OpenSSL calls.
///
/// # Safety
/// The contract of glibc: `name` is a C string.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[unsafe(no_mangle)]
unsafe extern "C" fn secure_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the same contract, and a function of this type.
    unsafe { shown(name, mem::transmute::<*mut libc::c_void, Getenv>(looked_up::SECURE_GETENV.address())) }
}

/// # Safety
/// `name` is null or a C string.
unsafe fn shown(name: *const c_char, real: Getenv) -> *mut c_char {
    if !name.is_null() && routing::governs() {
        // SAFETY: by the contract.
        match routing::variable(unsafe { CStr::from_ptr(name) }) {
            // Callers must not write to the result of getenv.
            Some(Some(value)) => return value.as_ptr().cast_mut(),
            Some(None) => return ptr::null_mut(),
            None => {}
        }
    }
    // SAFETY: the same contract.
    unsafe { real(name) }
}
