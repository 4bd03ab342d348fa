//! Maps memory that the process shares with the processes that it forks.

use crate::routing::{self, Tables};
use std::mem;
use std::ptr;

/// Maps the memory and passes it to `routing`. If the memory cannot be mapped, `routing` has no tables, so it redirects
/// no connection, and the self-test fails.
pub(super) fn provide() {
    let size = mem::size_of::<Tables>();
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANON);
    // SAFETY: a new mapping that belongs to no file has no preconditions.
    let at = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if at == libc::MAP_FAILED {
        return;
    }
    // SAFETY: the mapping has this size, is page-aligned, and is never unmapped. Its bytes are zero, and all zero is a
    // value of atomic integers.
    routing::provide(unsafe { &*at.cast::<Tables>() });
}
