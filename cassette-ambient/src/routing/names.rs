//! The table of hosts, and the addresses that are invented for them.
//!
//! The table is lock-free and has a fixed size, because code may call libc's functions after `fork`. In the new
//! process, a lock may be held for ever by a thread that exists only in the parent process, and allocation is not
//! allowed. An entry is written once, and never changes.

use std::hint::spin_loop;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering::*};

/// The table. An entry is the name of a host, or its address as text.
#[repr(transparent)]
pub(crate) struct Names([Entry; CAPACITY]);

/// The number of hosts that the tests of one process may use. The table takes 4 MiB of address space, but only the
/// pages that have entries take memory.
const CAPACITY: usize = 1 << 14;

/// The greatest length of a host in the table. A name has at most 253 bytes (RFC 1035 §2.3.4), and may have a dot at
/// its end.
const LONGEST: usize = 254;

/// The invented addresses are in 127.64.0.0/10, which is loopback. So a connection to such an address cannot leave the
/// machine, even if it is not redirected.
const FIRST: u32 = u32::from_be_bytes([127, 64, 0, 0]);
const MASK: u32 = u32::MAX << 22;

#[repr(C)]
struct Entry {
    state: AtomicU8,
    length: AtomicU8,
    text: [AtomicU8; LONGEST],
}

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const WRITTEN: u8 = 2;

impl Names {
    /// Returns the number of `host`, and adds the host to the table if necessary. The number does not change during the
    /// life of the process, and does not depend on case. Returns `None` if the host is empty or too long, or if the
    /// table is full.
    pub(crate) fn number(&self, host: &[u8]) -> Option<u16> {
        if host.is_empty() || host.len() > LONGEST {
            return None;
        }
        let start = hash(host) as usize;
        (0..CAPACITY)
            .map(|i| (start + i) % CAPACITY)
            .find(|&i| self.0[i].is_or_becomes(host))
            .map(|i| i as u16)
    }

    /// Returns the host with this number.
    pub(crate) fn host(&self, number: u16) -> Option<String> {
        let entry = self.0.get(usize::from(number))?;
        if entry.state.load(Acquire) != WRITTEN {
            return None;
        }
        String::from_utf8(entry.bytes().collect()).ok()
    }
}

/// Returns the invented address of the host with this number.
pub(crate) fn address(number: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST + 1 + u32::from(number))
}

/// Returns the number that belongs to an invented address. Returns `None` if the address cannot be an invented address.
pub(crate) fn number_of(address: Ipv4Addr) -> Option<u16> {
    let bits = address.to_bits();
    let number = (bits & !MASK).checked_sub(1).filter(|_| bits & MASK == FIRST)?;
    u16::try_from(number).ok().filter(|n| usize::from(*n) < CAPACITY)
}

impl Entry {
    fn is_or_becomes(&self, host: &[u8]) -> bool {
        // If a process is killed while it writes an entry, the entry stays unfinished. So other processes try only for
        // a while, and then skip the entry.
        for _ in 0..10_000 {
            match self.state.load(Acquire) {
                WRITTEN => return self.is(host),
                EMPTY if self.state.compare_exchange(EMPTY, WRITING, Acquire, Acquire).is_ok() => {
                    self.length.store(host.len() as u8, Relaxed);
                    for (to, from) in self.text.iter().zip(host) {
                        to.store(from.to_ascii_lowercase(), Relaxed);
                    }
                    self.state.store(WRITTEN, Release);
                    return true;
                }
                _ => spin_loop(),
            }
        }
        false
    }

    fn is(&self, host: &[u8]) -> bool {
        self.bytes().eq(host.iter().map(u8::to_ascii_lowercase))
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.text.iter().take(self.length.load(Relaxed).into()).map(|b| b.load(Relaxed))
    }
}

/// The FNV-1a hash.
fn hash(host: &[u8]) -> u64 {
    host.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Box<Names> {
        let entry = || Entry {
            state: AtomicU8::new(EMPTY),
            length: AtomicU8::new(0),
            text: [const { AtomicU8::new(0) }; LONGEST],
        };
        let entries: Box<[Entry; CAPACITY]> =
            (0..CAPACITY).map(|_| entry()).collect::<Vec<_>>().try_into().ok().unwrap();
        Box::new(Names(*entries))
    }

    #[test]
    fn a_host_keeps_its_number_and_a_number_its_host() {
        std::thread::Builder::new()
            .stack_size(32 << 20)
            .spawn(|| {
                let names = names();
                let one = names.number(b"api.example.test").unwrap();
                let two = names.number(b"2606:4700::1111").unwrap();
                assert_ne!(one, two);
                assert_eq!(names.number(b"API.Example.test"), Some(one));
                assert_eq!(names.host(one).unwrap(), "api.example.test");
                assert_eq!(names.host(two).unwrap(), "2606:4700::1111");
                assert_eq!(names.host(one.wrapping_add(1)), None);
                assert_eq!(number_of(address(one)), Some(one));
                assert_eq!((names.number(b""), names.number(&[b'a'; 255])), (None, None));
                assert!(names.number(&[b'a'; 254]).is_some());
            })
            .unwrap()
            .join()
            .unwrap();
    }

    #[test]
    fn many_threads_agree_and_a_full_table_says_so() {
        std::thread::Builder::new()
            .stack_size(32 << 20)
            .spawn(|| {
                let names = names();
                let all = |from: usize| {
                    (from..from + 200).map(|i| names.number(format!("h{i}").as_bytes()).unwrap())
                };
                let found: Vec<Vec<u16>> = std::thread::scope(|scope| {
                    let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| all(0).collect())).collect();
                    threads.into_iter().map(|t| t.join().unwrap()).collect()
                });
                assert!(found.iter().all(|f| *f == found[0]));
                for i in 200..CAPACITY {
                    assert!(names.number(format!("h{i}").as_bytes()).is_some());
                }
                assert_eq!(names.number(b"one too many"), None);
                assert_eq!(names.number(b"h7"), Some(found[0][7]));
            })
            .unwrap()
            .join()
            .unwrap();
    }

    #[test]
    fn only_invented_addresses_have_numbers() {
        for not in ["127.0.0.1", "127.64.0.0", "127.128.0.1", "127.127.255.255", "10.64.0.1"] {
            assert_eq!(number_of(not.parse().unwrap()), None, "{not}");
        }
        assert_eq!(address(0), Ipv4Addr::new(127, 64, 0, 1));
        assert_eq!(number_of(address(16_383)), Some(16_383));
        assert_eq!(number_of(Ipv4Addr::new(127, 64, 64, 1)), None);
    }
}
