//! All unsafe code of the project: functions under libc's names, defined in the test executable. The linker uses them
//! for std, for every crate, and through the dynamic symbol table for the shared libraries of the process. Each
//! function asks `context` or `routing` what to do and passes everything else on to libc.
//!
//! Each file has a `#[used]` static `LINK` next to its functions. It pulls the file's object into the executable even
//! where another definition of the same names is weak, as those of sanitizers are.
//!
//! This folder decides nothing. Its code must not panic, and the path of a time reading must not allocate or lock.
#![expect(unsafe_code, reason = "the functions take the place of libc's, whose interface is C")]

#[cfg(intercepted)]
mod connections;
#[cfg(intercepted)]
mod hosts;
#[cfg(intercepted)]
mod lookups;
#[cfg(intercepted)]
mod processes;
mod real;
#[cfg(all(intercepted, target_os = "linux"))]
mod sends;
#[cfg(intercepted)]
mod shells;
#[cfg(intercepted)]
mod tables;
mod threads;
#[cfg(intercepted)]
mod variables;
#[cfg(all(target_os = "linux", not(target_feature = "crt-static")))]
mod waits;
mod wall;

/// Runs before `main`, while there is only one thread: the real functions are looked up without a race, and a time
/// reading never has to call `dlsym`, which may allocate.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs"))]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    real::resolve_all();
    #[cfg(intercepted)]
    tables::provide();
    // SAFETY: there is no other thread that could read the environment meanwhile.
    unsafe { std::env::set_var("TZ", crate::zone::choose()) };
}
