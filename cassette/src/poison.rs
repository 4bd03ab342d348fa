//! Locks whose holder panicked.

use std::sync::{LockResult, PoisonError};

/// The guarded value, even if a thread panicked while it held the lock.
///
/// A panic already fails the test whose thread it ended. Every value that this crate guards is consistent after each
/// statement, so the session can still report what it knows instead of panicking a second time.
pub(crate) fn unpoisoned<T>(locked: LockResult<T>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
