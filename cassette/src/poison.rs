//! Access to a lock after a thread panicked while it held the lock.

use std::sync::{LockResult, PoisonError};

/// Returns the guard of the lock, even if a thread panicked while it held the lock.
///
/// The panic already fails the test of the thread. Every value that this crate guards is consistent after each
/// statement, so the session can still use the value for its report and need not panic, too.
pub(crate) fn unpoisoned<T>(locked: LockResult<T>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
