//! Says once where libc's functions can be taken over: the sources ask for `cfg(interposed)`.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(interposed)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|v| v == value);
    let system = is("CARGO_CFG_TARGET_OS", "linux") || is("CARGO_CFG_TARGET_OS", "macos");
    // A 32-bit libc has two of each time function, and which one std calls is libc's private matter.
    let wide = is("CARGO_CFG_TARGET_POINTER_WIDTH", "64");
    // Miri has no libc to take the place of.
    let miri = env::var_os("CARGO_CFG_MIRI").is_some();
    if system && wide && !miri {
        println!("cargo::rustc-cfg=interposed");
    }
}
