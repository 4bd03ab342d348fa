//! Memory that the process shares with the processes it forks.

use crate::routing::{self, Tables};
use std::mem;
use std::ptr;

/// Maps the memory and hands it to `routing`. If the memory cannot be mapped, sessions find no tables, and the
/// self-test reports that.
pub(super) fn provide() {
    let size = mem::size_of::<Tables>();
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANON);
    // SAFETY: the mapping is new, and of no file.
    let at = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if at == libc::MAP_FAILED {
        return;
    }
    // SAFETY: the mapping has this size, is page-aligned and never unmapped; all zero is a value of atomic integers.
    routing::provide(unsafe { &*at.cast::<Tables>() });
}
