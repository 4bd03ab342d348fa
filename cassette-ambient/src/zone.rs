//! The time zone of the process. `interpose` sets it before `main`.

use std::sync::OnceLock;

/// Returns the zone of local time: `UTC`, or the zone that `CASSETTE_TZ` named when the process started. Returns `None`
/// if this crate cannot set the zone on this system. Then local time is in the zone of the machine.
///
/// All tests of a process have the same zone, because jiff, libc and other libraries read the zone only once. Child
/// processes inherit the zone in the variable `TZ`.
pub fn time_zone() -> Option<&'static str> {
    PINNED.get().map(String::as_str)
}

static PINNED: OnceLock<String> = OnceLock::new();

/// Returns the value for the variable `TZ`. An empty `CASSETTE_TZ` counts as unset.
#[cfg(interposed)]
pub(crate) fn choose() -> std::ffi::OsString {
    let named = std::env::var_os("CASSETTE_TZ").filter(|zone| !zone.is_empty());
    let zone = named.unwrap_or_else(|| "UTC".into());
    PINNED.get_or_init(|| zone.to_string_lossy().into_owned());
    zone
}
