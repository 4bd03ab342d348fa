//! libc's own functions behind ours: the next definition after this executable's.
//!
//! Through the C library and not by raw system calls: those would give up the vDSO, and a reading of
//! the clock would take ten times as long.

use libc::{c_int, c_void, clockid_t, pthread_attr_t, pthread_t, timespec};

/// What a thread begins with. `C-unwind`, because `pthread_exit` and `pthread_cancel` unwind.
pub(super) type StartFn = extern "C-unwind" fn(*mut c_void) -> *mut c_void;

pub(super) type PthreadCreate =
    unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, StartFn, *mut c_void) -> c_int;

/// # Safety
/// As of the C function: `to` is null or may be written to.
#[inline]
pub(super) unsafe fn clock_gettime(id: clockid_t, to: *mut timespec) -> c_int {
    #[cfg(not(target_feature = "crt-static"))]
    {
        let at = dynamic::CLOCK_GETTIME.address();
        if !at.is_null() {
            // SAFETY: the loader gave the function of this name, whose type POSIX fixes.
            let f: unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int =
                unsafe { std::mem::transmute(at) };
            // SAFETY: as the caller's.
            return unsafe { f(id, to) };
        }
    }
    // A static libc has one function of the name, and that is ours.
    #[cfg(target_os = "linux")]
    // SAFETY: as the caller's; clock_gettime(2) takes the same arguments.
    return unsafe { libc::syscall(libc::SYS_clock_gettime, id, to) as c_int };
    #[cfg(not(target_os = "linux"))]
    -1
}

/// What the clock `id`, which must exist, shows in nanoseconds.
pub(super) fn clock_ns(id: clockid_t) -> i64 {
    let mut t = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` may be written to.
    unsafe { clock_gettime(id, &mut t) };
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

#[cfg(not(target_feature = "crt-static"))]
pub(super) use dynamic::{pthread_create, resolve_all};

#[cfg(target_feature = "crt-static")]
pub(super) fn resolve_all() {}

#[cfg(target_feature = "crt-static")]
pub(super) fn pthread_create() -> Option<PthreadCreate> {
    unsafe extern "C" {
        // The strong names behind the public one in glibc's and musl's libc.a.
        #[cfg_attr(target_env = "gnu", link_name = "__pthread_create_2_1")]
        #[cfg_attr(target_env = "musl", link_name = "__pthread_create")]
        fn create(t: *mut pthread_t, a: *const pthread_attr_t, f: StartFn, x: *mut c_void) -> c_int;
    }
    Some(create)
}

#[cfg(not(target_feature = "crt-static"))]
pub(super) mod dynamic {
    use super::{PthreadCreate, c_void};
    use std::ffi::CStr;
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

    pub(super) static CLOCK_GETTIME: Real = Real::new(c"clock_gettime");
    static PTHREAD_CREATE: Real = Real::new(c"pthread_create");
    #[cfg(target_os = "linux")]
    pub(in super::super) static COND_TIMEDWAIT: Real = Real::new(c"pthread_cond_timedwait");
    #[cfg(target_os = "linux")]
    pub(in super::super) static SEM_TIMEDWAIT: Real = Real::new(c"sem_timedwait");

    pub(in super::super) fn resolve_all() {
        CLOCK_GETTIME.resolve();
        PTHREAD_CREATE.resolve();
        #[cfg(target_os = "linux")]
        {
            COND_TIMEDWAIT.resolve();
            SEM_TIMEDWAIT.resolve();
        }
    }

    pub(in super::super) fn pthread_create() -> Option<PthreadCreate> {
        let at = match sanitizers_pthread_create() {
            sanitizer if !sanitizer.is_null() => sanitizer,
            _ => PTHREAD_CREATE.address(),
        };
        // SAFETY: null, which is `None`, or the function of this name, whose type POSIX fixes.
        unsafe { std::mem::transmute(at) }
    }

    /// One function of libc's, looked up once. Looking it up twice at once is harmless: both find
    /// the same.
    pub(in super::super) struct Real {
        name: &'static CStr,
        at: AtomicPtr<c_void>,
    }

    impl Real {
        const fn new(name: &'static CStr) -> Self {
            Real { name, at: AtomicPtr::new(ptr::null_mut()) }
        }

        /// Null if libc has no such function.
        #[inline]
        pub(in super::super) fn address(&self) -> *mut c_void {
            match self.at.load(Relaxed) {
                // Some library's constructor ran before ours.
                at if at.is_null() => self.resolve(),
                at => at,
            }
        }

        #[cold]
        fn resolve(&self) -> *mut c_void {
            let mut at = ptr::null_mut();
            // A plain dlsym may give the pthread_cond_timedwait of LinuxThreads, whose condition
            // variables are laid out otherwise. Architectures younger than 2.3.2 have one only.
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            if self.name == c"pthread_cond_timedwait" {
                // SAFETY: two C strings.
                at = unsafe { libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), c"GLIBC_2.3.2".as_ptr()) };
            }
            if at.is_null() {
                // SAFETY: a C string.
                at = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            }
            self.at.store(at, Relaxed);
            at
        }
    }

    // A sanitizer's runtime, which is part of the executable, wraps pthread_create as well and must
    // see every thread. dlsym does not find it, and a weak reference takes an assembler.
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    core::arch::global_asm!(
        ".weak __interceptor_pthread_create",
        ".pushsection .data.rel.cassette_ambient,\"aw\"",
        ".balign 8",
        ".globl cassette_ambient_interceptor",
        ".hidden cassette_ambient_interceptor",
        "cassette_ambient_interceptor:",
        ".quad __interceptor_pthread_create",
        ".popsection",
    );

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn sanitizers_pthread_create() -> *mut c_void {
        unsafe extern "C" {
            #[link_name = "cassette_ambient_interceptor"]
            static INTERCEPTOR: usize;
        }
        // SAFETY: the word above; the loader wrote it before any code ran, and nobody does later.
        ptr::with_exposed_provenance_mut(unsafe { INTERCEPTOR })
    }

    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    fn sanitizers_pthread_create() -> *mut c_void {
        ptr::null_mut()
    }
}
