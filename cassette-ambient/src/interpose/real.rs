//! Finds libc's own functions. The functions of the same names in the executable hide them. `dlsym` with `RTLD_NEXT`
//! skips the definition in the executable and returns the next one.
//!
//! A raw system call would need no lookup. But it bypasses the vDSO, and to read a clock in this way takes ten times as
//! long. With a static libc there is no next definition, so this module uses the function's internal name in libc, or
//! the system call.

use libc::{c_int, c_void, clockid_t, pthread_attr_t, pthread_t, timespec};

/// The start function of a thread. Its ABI is `C-unwind`, because `pthread_exit` and `pthread_cancel` unwind.
pub(super) type StartFn = extern "C-unwind" fn(*mut c_void) -> *mut c_void;

pub(super) type PthreadCreate =
    unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, StartFn, *mut c_void) -> c_int;

#[cfg(target_feature = "crt-static")]
pub(super) use fixed::{clock_gettime, pthread_create, resolve_all};
#[cfg(not(target_feature = "crt-static"))]
pub(super) use looked_up::{clock_gettime, pthread_create, resolve_all};

/// Reads the clock `id`, and returns nanoseconds. The clock must exist.
#[cfg(target_os = "linux")]
pub(super) fn clock_ns(id: clockid_t) -> i64 {
    let mut t = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` may be written to.
    unsafe { clock_gettime(id, &mut t) };
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

#[cfg(target_feature = "crt-static")]
mod fixed {
    use super::*;

    pub(in super::super) fn resolve_all() {}

    /// # Safety
    /// The caller must keep the contract of the C function: `to` is null or may be written to.
    pub(in super::super) unsafe fn clock_gettime(id: clockid_t, to: *mut timespec) -> c_int {
        // SAFETY: the caller keeps this function's contract; clock_gettime(2) takes the same arguments.
        unsafe { libc::syscall(libc::SYS_clock_gettime, id, to) as c_int }
    }

    pub(in super::super) fn pthread_create() -> PthreadCreate {
        unsafe extern "C" {
            // In glibc's and musl's `libc.a`, the public name is a weak alias of this internal name.
            #[cfg_attr(target_env = "gnu", link_name = "__pthread_create_2_1")]
            #[cfg_attr(target_env = "musl", link_name = "__pthread_create")]
            fn create(t: *mut pthread_t, a: *const pthread_attr_t, f: StartFn, x: *mut c_void) -> c_int;
        }
        create
    }
}

#[cfg(not(target_feature = "crt-static"))]
pub(super) mod looked_up {
    use super::*;
    use std::ffi::CStr;
    use std::mem;
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

    static CLOCK_GETTIME: Real = Real::new(c"clock_gettime", 0);
    static PTHREAD_CREATE: Real = Real::new(c"pthread_create", 1);
    #[cfg(target_os = "linux")]
    pub(in super::super) static COND_TIMEDWAIT: Real = Real::new(c"pthread_cond_timedwait", 2);
    #[cfg(target_os = "linux")]
    pub(in super::super) static SEM_TIMEDWAIT: Real = Real::new(c"sem_timedwait", 3);

    #[cfg(intercepted)]
    pub(in super::super) static CONNECT: Real = Real::new(c"connect", 4);
    #[cfg(intercepted)]
    pub(in super::super) static GETADDRINFO: Real = Real::new(c"getaddrinfo", 5);
    #[cfg(intercepted)]
    pub(in super::super) static GETENV: Real = Real::new(c"getenv", NONE);
    #[cfg(all(intercepted, target_os = "linux", target_env = "gnu"))]
    pub(in super::super) static SECURE_GETENV: Real = Real::new(c"secure_getenv", NONE);

    #[cfg(intercepted)]
    pub(in super::super) static POSIX_SPAWN: Real = Real::new(c"posix_spawn", NONE);
    #[cfg(intercepted)]
    pub(in super::super) static POSIX_SPAWNP: Real = Real::new(c"posix_spawnp", NONE);
    #[cfg(intercepted)]
    pub(in super::super) static EXECVE: Real = Real::new(c"execve", NONE);
    #[cfg(all(intercepted, target_os = "linux"))]
    pub(in super::super) static EXECVPE: Real = Real::new(c"execvpe", NONE);
    #[cfg(all(intercepted, target_os = "macos"))]
    pub(in super::super) static EXECVP: Real = Real::new(c"execvp", NONE);

    #[cfg(intercepted)]
    pub(in super::super) static GETHOSTBYNAME: Real = Real::new(c"gethostbyname", NONE);
    #[cfg(intercepted)]
    pub(in super::super) static GETHOSTBYNAME2: Real = Real::new(c"gethostbyname2", NONE);
    #[cfg(all(intercepted, target_os = "linux"))]
    pub(in super::super) static GETHOSTBYNAME_R: Real = Real::new(c"gethostbyname_r", NONE);
    #[cfg(all(intercepted, target_os = "linux"))]
    pub(in super::super) static GETHOSTBYNAME2_R: Real = Real::new(c"gethostbyname2_r", NONE);
    #[cfg(all(intercepted, target_os = "linux"))]
    pub(in super::super) static SENDTO: Real = Real::new(c"sendto", NONE);
    #[cfg(all(intercepted, target_os = "linux"))]
    pub(in super::super) static SENDMSG: Real = Real::new(c"sendmsg", NONE);
    #[cfg(all(intercepted, target_os = "linux"))]
    pub(in super::super) static FEXECVE: Real = Real::new(c"fexecve", NONE);
    #[cfg(intercepted)]
    pub(in super::super) static SYSTEM: Real = Real::new(c"system", NONE);
    #[cfg(intercepted)]
    pub(in super::super) static POPEN: Real = Real::new(c"popen", NONE);

    /// The `number` of a function for which this module does not look for a sanitizer's wrapper.
    #[cfg(intercepted)]
    const NONE: usize = usize::MAX;

    pub(in super::super) fn resolve_all() {
        #[cfg(intercepted)]
        {
            CONNECT.resolve();
            GETADDRINFO.resolve();
            GETENV.resolve();
            // A forked process may call the functions that start processes, and must not allocate. The lookup may
            // allocate, so it happens here, before any fork.
            POSIX_SPAWN.resolve();
            POSIX_SPAWNP.resolve();
            EXECVE.resolve();
            #[cfg(target_os = "linux")]
            {
                EXECVPE.resolve();
                FEXECVE.resolve();
                SENDTO.resolve();
                SENDMSG.resolve();
            }
            #[cfg(target_os = "macos")]
            EXECVP.resolve();
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            SECURE_GETENV.resolve();
        }
        CLOCK_GETTIME.resolve();
        PTHREAD_CREATE.resolve();
        #[cfg(target_os = "linux")]
        {
            COND_TIMEDWAIT.resolve();
            SEM_TIMEDWAIT.resolve();
        }
    }

    /// # Safety
    /// The caller must keep the contract of the C function: `to` is null or may be written to.
    #[inline]
    pub(in super::super) unsafe fn clock_gettime(id: clockid_t, to: *mut timespec) -> c_int {
        // SAFETY: libc has a function of this name, and POSIX fixes its type.
        let f: unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int =
            unsafe { mem::transmute(CLOCK_GETTIME.address()) };
        // SAFETY: the caller keeps this function's contract, which covers this call.
        unsafe { f(id, to) }
    }

    pub(in super::super) fn pthread_create() -> PthreadCreate {
        // SAFETY: libc has a function of this name, and POSIX fixes its type.
        unsafe { mem::transmute::<*mut c_void, PthreadCreate>(PTHREAD_CREATE.address()) }
    }

    /// A function of libc. It is looked up only once. If two threads look it up at the same time, both find the same
    /// function.
    pub(in super::super) struct Real {
        name: &'static CStr,
        /// The index of the function in the list of the sanitizer's wrappers, at the end of this file.
        number: usize,
        at: AtomicPtr<c_void>,
    }

    impl Real {
        const fn new(name: &'static CStr, number: usize) -> Self {
            Real { name, number, at: AtomicPtr::new(ptr::null_mut()) }
        }

        /// The address of the function, which is never null.
        #[inline]
        pub(in super::super) fn address(&self) -> *mut c_void {
            match self.at.load(Relaxed) {
                // The address is null only if the constructor of a library calls the function before `resolve_all` has
                // looked it up.
                at if at.is_null() => self.resolve(),
                at => at,
            }
        }

        #[cold]
        fn resolve(&self) -> *mut c_void {
            let mut at = interceptor(self.number);
            // glibc has old versions of three functions, which a plain `dlsym` may return. The old
            // `pthread_cond_timedwait`, of LinuxThreads, expects another layout of condition variables. The old
            // `posix_spawn` and `posix_spawnp` pass a file without `#!` to a shell. On newer architectures, glibc has
            // only one version of each function. This version has another name than the one below, and `dlsym` finds
            // it.
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            if at.is_null()
                && let Some(version) = match self.name.to_bytes() {
                    b"pthread_cond_timedwait" => Some(c"GLIBC_2.3.2"),
                    b"posix_spawn" | b"posix_spawnp" => Some(c"GLIBC_2.15"),
                    _ => None,
                }
            {
                // SAFETY: both texts are C strings.
                at = unsafe { libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr()) };
            }
            if at.is_null() {
                // SAFETY: the argument is a C string.
                at = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            }
            if at.is_null() {
                // Every supported libc has all of these functions. If one were missing, the caller would call a null
                // pointer.
                std::process::abort();
            }
            self.at.store(at, Relaxed);
            at
        }
    }

    // The runtime of a sanitizer wraps some of the same functions, and its wrappers must get the calls. The wrappers
    // are in the executable, so `dlsym` would skip them. The code below stores the addresses of the wrappers in an
    // array. In an executable without a sanitizer the wrappers do not exist, so the references to them must be weak.
    // Stable Rust has no weak references, but assembler has.
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    core::arch::global_asm!(
        ".weak __interceptor_clock_gettime",
        ".weak __interceptor_pthread_create",
        ".weak __interceptor_pthread_cond_timedwait",
        ".weak __interceptor_sem_timedwait",
        ".weak __interceptor_connect",
        ".weak __interceptor_getaddrinfo",
        ".pushsection .data.rel.cassette_ambient,\"aw\"",
        ".balign 8",
        ".globl cassette_ambient_interceptors",
        ".hidden cassette_ambient_interceptors",
        "cassette_ambient_interceptors:",
        ".quad __interceptor_clock_gettime",
        ".quad __interceptor_pthread_create",
        ".quad __interceptor_pthread_cond_timedwait",
        ".quad __interceptor_sem_timedwait",
        ".quad __interceptor_connect",
        ".quad __interceptor_getaddrinfo",
        ".popsection",
    );

    /// Returns the sanitizer's wrapper of the function with this number, or null if there is none.
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn interceptor(number: usize) -> *mut c_void {
        unsafe extern "C" {
            #[link_name = "cassette_ambient_interceptors"]
            static INTERCEPTORS: [usize; 6];
        }
        // SAFETY: the assembler above defines the array. The loader filled it before any code ran, and no code writes
        // to it.
        let all = unsafe { INTERCEPTORS };
        ptr::with_exposed_provenance_mut(all.get(number).copied().unwrap_or_default())
    }

    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    fn interceptor(_: usize) -> *mut c_void {
        ptr::null_mut()
    }
}
