//! Says once where libc's functions can be taken over: the sources ask for `cfg(interposed)`,
//! and for `cfg(intercepted)` where it's about connections.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(interposed)");
    println!("cargo::rustc-check-cfg=cfg(intercepted)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|v| v == value);
    let system = is("CARGO_CFG_TARGET_OS", "linux") || is("CARGO_CFG_TARGET_OS", "macos");
    // A 32-bit libc has two of each time function, and which one std calls is libc's private matter.
    let wide = is("CARGO_CFG_TARGET_POINTER_WIDTH", "64");
    // Miri has no libc to take the place of.
    let miri = env::var_os("CARGO_CFG_MIRI").is_some();
    if system && wide && !miri {
        println!("cargo::rustc-cfg=interposed");
        // A static libc has no second name for the real getaddrinfo.
        let fixed =
            env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|f| f.split(',').any(|f| f == "crt-static"));
        if env::var_os("CARGO_FEATURE_INTERCEPT").is_some() && !fixed {
            println!("cargo::rustc-cfg=intercepted");
        }
    }
}
