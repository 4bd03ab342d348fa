//! The time zone of the process, pinned before `main`; `interpose` does the pinning.

use std::sync::OnceLock;

/// The zone of local time: `UTC`, or the zone that `CASSETTE_TZ` named when the process started. `None` if the zone
/// cannot be pinned; local time is the machine's then.
///
/// The zone belongs to the process, not to a test, because jiff, libc and others read it once. Child processes inherit
/// it as `TZ`.
pub fn time_zone() -> Option<&'static str> {
    PINNED.get().map(String::as_str)
}

static PINNED: OnceLock<String> = OnceLock::new();

/// The value for `TZ`. An empty `CASSETTE_TZ` counts as unset.
#[cfg(interposed)]
pub(crate) fn choose() -> std::ffi::OsString {
    let named = std::env::var_os("CASSETTE_TZ").filter(|zone| !zone.is_empty());
    let zone = named.unwrap_or_else(|| "UTC".into());
    PINNED.get_or_init(|| zone.to_string_lossy().into_owned());
    zone
}
