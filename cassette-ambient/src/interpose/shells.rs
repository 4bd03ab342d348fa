//! Replaces `system` and `popen`. Both start a shell with internal functions of libc, which this crate cannot replace.
//! So the functions here add a line before the command. This line exports the session's variables in the shell.

use super::processes::environ;
use super::real::looked_up;
use crate::routing;
use libc::{FILE, c_char, c_int};
use std::ffi::{CStr, CString};
use std::mem;

type System = unsafe extern "C-unwind" fn(*const c_char) -> c_int;
type Popen = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut FILE;

#[used]
static LINK: Popen = popen;

/// # Safety
/// The caller must keep the contract of this function in the C standard.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn system(command: *const c_char) -> c_int {
    // SAFETY: libc has a function of this name, and C fixes its type.
    let real: System = unsafe { mem::transmute(looked_up::SYSTEM.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let command_with_variables = unsafe { announcing(command) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { real(command_with_variables.as_ref().map_or(command, |c| c.as_ptr())) }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C" fn popen(command: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Popen = unsafe { mem::transmute(looked_up::POPEN.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let command_with_variables = unsafe { announcing(command) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { real(command_with_variables.as_ref().map_or(command, |c| c.as_ptr()), mode) }
}

/// Returns the command, with a line before it that exports the variables. Returns `None` if the command needs no such
/// line.
///
/// # Safety
/// `command` is null or a C string.
unsafe fn announcing(command: *const c_char) -> Option<CString> {
    let mut environment = routing::child_environment().filter(|_| !command.is_null())?;
    // The test may have changed one of the variables with `setenv` on purpose. `keeps` detects this for each entry of
    // the environment, and then `added` does not return the variable. SAFETY: `environ` is a list of C strings.
    unsafe { super::processes::entries(environ()) }.for_each(|entry| {
        // SAFETY: as above.
        environment.keeps(unsafe { CStr::from_ptr(entry) });
    });
    let mut line = b"export".to_vec();
    for entry in environment.added() {
        let entry = entry.to_bytes();
        let equals = entry.iter().position(|b| *b == b'=')?;
        let (name, value) = entry.split_at(equals + 1);
        line.push(b' ');
        line.extend_from_slice(name);
        line.push(b'\'');
        for byte in value {
            match byte {
                b'\'' => line.extend_from_slice(br"'\''"),
                other => line.push(*other),
            }
        }
        line.push(b'\'');
    }
    line.push(b'\n');
    // SAFETY: the pointer is not null, so by this function's contract it is a C string.
    line.extend_from_slice(unsafe { CStr::from_ptr(command) }.to_bytes());
    CString::new(line).ok()
}
