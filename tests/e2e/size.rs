//! How much a test tries that goes through many cases.

/// The size by default, or with `CORPUS=full` the full one, as for `.ci/full-corpus`.
pub(crate) fn sized<T>(ordinary: T, full: T) -> T {
    if std::env::var("CORPUS").is_ok_and(|size| size == "full") { full } else { ordinary }
}
