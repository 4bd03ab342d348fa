//! Replaces the functions that start processes. They add the session's variables to the environment of the processes
//! that the session's threads start.
//!
//! `Command` of std calls `posix_spawnp`, or it calls `fork`, sets `environ`, and calls `execvp`. `Command` of tokio
//! and most other crates use the one of std. A forked process must not allocate on the heap, so the memory for the new
//! list of variables comes from `mmap`.

use super::real::looked_up;
use crate::routing;
use libc::{c_char, c_int, c_void};
use std::ffi::CStr;
use std::{mem, ptr};

type List = *const *const c_char;
type Spawn =
    unsafe extern "C" fn(*mut c_int, *const c_char, *const c_void, *const c_void, List, List) -> c_int;
type Exec = unsafe extern "C" fn(*const c_char, List, List) -> c_int;

#[used]
static LINK: Spawn = posix_spawn;

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawn(
    process: *mut c_int,
    path: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: List,
    variables: List,
) -> c_int {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Spawn = unsafe { mem::transmute(looked_up::POSIX_SPAWN.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let environment = unsafe { Variables::of(variables) };
    // SAFETY: the caller keeps this function's contract, and the new list has the same layout as the caller's list.
    unsafe { real(process, path, actions, attributes, arguments, environment.list) }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawnp(
    process: *mut c_int,
    file: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: List,
    variables: List,
) -> c_int {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Spawn = unsafe { mem::transmute(looked_up::POSIX_SPAWNP.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let environment = unsafe { Variables::of(variables) };
    // SAFETY: the caller keeps this function's contract, and the new list has the same layout as the caller's list.
    unsafe { real(process, file, actions, attributes, arguments, environment.list) }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C" fn execve(path: *const c_char, arguments: List, variables: List) -> c_int {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Exec = unsafe { mem::transmute(looked_up::EXECVE.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let environment = unsafe { Variables::of(variables) };
    // SAFETY: the caller keeps this function's contract, and the new list has the same layout as the caller's list.
    unsafe { real(path, arguments, environment.list) }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C" fn execv(path: *const c_char, arguments: List) -> c_int {
    // SAFETY: the caller keeps this function's contract; `environ` is the list that execv takes.
    unsafe { execve(path, arguments, environ()) }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn fexecve(file: c_int, arguments: List, variables: List) -> c_int {
    type Fexecve = unsafe extern "C" fn(c_int, List, List) -> c_int;
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Fexecve = unsafe { mem::transmute(looked_up::FEXECVE.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let environment = unsafe { Variables::of(variables) };
    // SAFETY: the caller keeps this function's contract, and the new list has the same layout as the caller's list.
    unsafe { real(file, arguments, environment.list) }
}

/// # Safety
/// The caller must keep the contract of this function in glibc and musl.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn execvpe(file: *const c_char, arguments: List, variables: List) -> c_int {
    // SAFETY: libc has a function of this name and type.
    let real: Exec = unsafe { mem::transmute(looked_up::EXECVPE.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let environment = unsafe { Variables::of(variables) };
    // SAFETY: the caller keeps this function's contract, and the new list has the same layout as the caller's list.
    unsafe { real(file, arguments, environment.list) }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn execvp(file: *const c_char, arguments: List) -> c_int {
    // SAFETY: the caller keeps this function's contract; `environ` is the list that execvp takes.
    unsafe { execvpe(file, arguments, environ()) }
}

/// macOS has no `execvpe`, so the function replaces `environ` during the call.
///
/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
unsafe extern "C" fn execvp(file: *const c_char, arguments: List) -> c_int {
    type Execvp = unsafe extern "C" fn(*const c_char, List) -> c_int;
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let real: Execvp = unsafe { mem::transmute(looked_up::EXECVP.address()) };
    // SAFETY: `environ` is a list.
    let environment = unsafe { Variables::of(environ()) };
    // SAFETY: the function has no preconditions.
    let place = unsafe { libc::_NSGetEnviron() };
    // SAFETY: std and libc also write to `environ` before they call this function.
    let before = unsafe { place.replace(environment.list.cast_mut().cast()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let result = unsafe { real(file, arguments) };
    // SAFETY: as above. This line runs only if the call failed, because otherwise the call does not return.
    unsafe { place.write(before) };
    result
}

pub(super) fn environ() -> List {
    unsafe extern "C" {
        #[cfg(target_os = "linux")]
        static environ: List;
    }
    // SAFETY: this is libc's variable. If a thread changes it during this read, the program has this data race also
    // without cassette.
    #[cfg(target_os = "linux")]
    return unsafe { (&raw const environ).read() };
    // SAFETY: the function has no preconditions, and never returns null.
    #[cfg(target_os = "macos")]
    return unsafe { libc::_NSGetEnviron().read() }.cast_const().cast();
}

/// The environment for a new process.
struct Variables {
    list: List,
    /// The size in bytes of the memory that `mmap` returned for `list`. It is 0 if `list` is the list that the caller
    /// gave.
    mapped: usize,
}

impl Variables {
    /// # Safety
    /// `given` is null or a list of C strings that ends with null, and it outlives the returned value.
    unsafe fn of(given: List) -> Variables {
        let as_given = Variables { list: given, mapped: 0 };
        let Some(mut environment) = routing::child_environment() else { return as_given };
        // SAFETY: the caller keeps this function's contract.
        let entries = || unsafe { entries(given) };
        let bytes = (entries().count() + environment.len() + 1) * mem::size_of::<*const c_char>();
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        // SAFETY: a new mapping that belongs to no file has no preconditions.
        let at = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0) };
        if at == libc::MAP_FAILED {
            return as_given;
        }
        let list = at.cast::<*const c_char>();
        let mut next = list;
        let mut put = |entry: *const c_char| {
            // SAFETY: the memory is aligned, and has room for every given entry, every variable of the session, and a
            // null.
            unsafe {
                next.write(entry);
                next = next.add(1);
            }
        };
        // SAFETY: the caller keeps this function's contract.
        entries().filter(|entry| environment.keeps(unsafe { CStr::from_ptr(*entry) })).for_each(&mut put);
        environment.added().for_each(|entry| put(entry.as_ptr()));
        // The list already ends with null, because memory from `mmap` is zeroed.
        Variables { list, mapped: bytes }
    }
}

impl Drop for Variables {
    fn drop(&mut self) {
        if self.mapped != 0 {
            // SAFETY: `of` created this mapping, and the kernel has finished reading it.
            unsafe { libc::munmap(self.list.cast_mut().cast(), self.mapped) };
        }
    }
}

/// # Safety
/// The caller must keep the contract of [`Variables::of`].
pub(super) unsafe fn entries(list: List) -> impl Iterator<Item = *const c_char> {
    Entries(list)
}

/// The iterator that [`entries`] returns.
struct Entries(List);

impl Iterator for Entries {
    type Item = *const c_char;

    fn next(&mut self) -> Option<*const c_char> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: by the contract of `entries` the list ends with null, and the iterator has not passed the null.
        let entry = unsafe { self.0.read() };
        if entry.is_null() {
            return None;
        }
        // SAFETY: as above.
        self.0 = unsafe { self.0.add(1) };
        Some(entry)
    }
}
