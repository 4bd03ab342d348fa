//! Decides how many cases a generated test tries.

/// Returns `full` if the variable `CORPUS` is `full`, which `.ci/full-corpus` sets. Otherwise returns `ordinary`.
pub(crate) fn sized<T>(ordinary: T, full: T) -> T {
    if std::env::var("CORPUS").is_ok_and(|size| size == "full") { full } else { ordinary }
}
