//! Memory that the process shares with the processes it forks.

use crate::routing::{self, Tables};
use std::mem;
use std::ptr;

/// If the memory cannot be mapped, sessions find no tables, and the self-test reports that.
pub(super) fn provide() {
    let size = mem::size_of::<Tables>();
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANON);
    // SAFETY: a new mapping, of no file.
    let at = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if at == libc::MAP_FAILED {
        return;
    }
    // SAFETY: it is of this size, page-aligned, all zero, which is a value of atomic integers, and never unmapped.
    routing::provide(unsafe { &*at.cast::<Tables>() });
}
