//! Sets `cfg(interposed)` if this crate can replace libc's functions on the target, and `cfg(intercepted)` if it can
//! intercept connections.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(interposed)");
    println!("cargo::rustc-check-cfg=cfg(intercepted)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|v| v == value);
    let system = is("CARGO_CFG_TARGET_OS", "linux") || is("CARGO_CFG_TARGET_OS", "macos");
    // A 32-bit libc has two versions of each time function, and std may call either.
    let wide = is("CARGO_CFG_TARGET_POINTER_WIDTH", "64");
    // Miri has no libc to replace.
    let miri = env::var_os("CARGO_CFG_MIRI").is_some();
    if system && wide && !miri {
        println!("cargo::rustc-cfg=interposed");
        // With a static libc, our `getaddrinfo` could not call the real one, because libc has no second name for it.
        if env::var_os("CARGO_FEATURE_INTERCEPT").is_some() && !has_static_libc() {
            println!("cargo::rustc-cfg=intercepted");
        }
    }
}

/// Whether the target uses a static libc, as `cfg(target_feature = "crt-static")` reports. `CARGO_CFG_TARGET_FEATURE`
/// omits the feature where it is the target's default, as on musl.
fn has_static_libc() -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let flags = flags.split('\x1f').filter(|flag| !flag.is_empty());
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let target = env::var("TARGET").unwrap_or_default();
    let printed = Command::new(compiler).args(flags).args(["--print", "cfg", "--target", &target]).output();
    printed.is_ok_and(|printed| String::from_utf8_lossy(&printed.stdout).contains("\"crt-static\""))
}
