//! This folder has most of the unsafe code of the project: functions with the names of libc's functions. The test
//! executable contains these functions. The linker makes std and every crate call these functions instead of libc's.
//! Through the dynamic symbol table, the shared libraries of the process call them too. Each function asks `context` or
//! `routing` what to do. If there is nothing to do, the function calls libc's own function.
//!
//! Each file has a `#[used]` static `LINK` next to its functions. The static forces the linker to include the object
//! file with the functions in the executable. Otherwise, the linker could use weak definitions of the same names, which
//! sanitizers have.
//!
//! Must not know: where a connection should go, and what time a thread should see. The code in this folder must not
//! panic. The code that reads the time must not allocate or lock.
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

/// A function that runs before `main`, while there is only one thread. It looks up libc's own functions, and no other
/// thread can disturb this. Later, the code that reads the time need not call `dlsym`, which may allocate.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs"))]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    real::resolve_all();
    #[cfg(intercepted)]
    tables::provide();
    // SAFETY: there is no other thread that could read the environment at the same time.
    unsafe { std::env::set_var("TZ", crate::zone::choose()) };
}
