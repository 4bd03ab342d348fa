//! The time zone of the process, pinned before `main`; `interpose` does the pinning.

use std::sync::OnceLock;

/// The zone that local time is in: `UTC`, or what `CASSETTE_TZ` named when the process was started.
/// `None` where it cannot be pinned, and local time is the machine's.
///
/// One zone a process, not one a test: jiff, libc and others read it once. Child processes inherit
/// it as `TZ`.
pub fn time_zone() -> Option<&'static str> {
    PINNED.get().map(String::as_str)
}

static PINNED: OnceLock<String> = OnceLock::new();

/// What to set `TZ` to. An empty `CASSETTE_TZ` is as good as none.
#[cfg(interposed)]
pub(crate) fn choose() -> std::ffi::OsString {
    let named = std::env::var_os("CASSETTE_TZ").filter(|zone| !zone.is_empty());
    let zone = named.unwrap_or_else(|| "UTC".into());
    PINNED.get_or_init(|| zone.to_string_lossy().into_owned());
    zone
}
