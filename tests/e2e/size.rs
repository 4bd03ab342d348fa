//! The number of cases in tests that try many cases.

/// Returns `full` if `CORPUS=full` is set, as by `.ci/full-corpus`, otherwise `ordinary`.
pub(crate) fn sized<T>(ordinary: T, full: T) -> T {
    if std::env::var("CORPUS").is_ok_and(|size| size == "full") { full } else { ordinary }
}
