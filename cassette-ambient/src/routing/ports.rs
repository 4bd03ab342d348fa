//! A table of the intended destinations of redirected connections. The index is the port of the client. The destination
//! is written before the client connects, and removed when the listener accepts the connection. So the client and the
//! listener do not wait for each other.
//!
//! The table is lock-free and has a fixed size, for the reasons that the module `names` gives.

use std::sync::atomic::{AtomicU64, Ordering::*};

/// The table. It has one entry for each port.
#[repr(transparent)]
pub(crate) struct Ports([AtomicU64; 1 << 16]);

/// The intended destination of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meant {
    /// The lower 32 bits of the number of the session whose thread connected.
    pub(crate) session: u32,
    /// The number of the host in `names`.
    pub(crate) host: u16,
    pub(crate) port: u16,
}

impl Ports {
    pub(crate) fn put(&self, client: u16, meant: Meant) {
        self.0[usize::from(client)].store(meant.pack(), Release);
    }

    /// Removes and returns the entry of this port.
    pub(crate) fn take(&self, client: u16) -> Option<Meant> {
        Meant::unpack(self.0[usize::from(client)].swap(0, Acquire))
    }
}

impl Meant {
    // The number of a host is below 2^14. So a higher bit of the same 16 bits can mark an entry as used.
    fn pack(self) -> u64 {
        u64::from(self.session) << 32 | u64::from(self.port) << 16 | u64::from(self.host | PRESENT)
    }

    fn unpack(packed: u64) -> Option<Meant> {
        let host = packed as u16;
        (host & PRESENT != 0).then_some(Meant {
            session: (packed >> 32) as u32,
            host: host & !PRESENT,
            port: (packed >> 16) as u16,
        })
    }
}

const PRESENT: u16 = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_once() {
        let ports = Ports([const { AtomicU64::new(0) }; 1 << 16]);
        let meant = Meant { session: u32::MAX, host: 16_383, port: 65_535 };
        ports.put(0, Meant { session: 0, host: 0, port: 0 });
        ports.put(65_535, meant);
        assert_eq!(ports.take(0), Some(Meant { session: 0, host: 0, port: 0 }));
        assert_eq!(ports.take(65_535), Some(meant));
        assert_eq!(ports.take(65_535), None);
    }
}
