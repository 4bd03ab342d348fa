//! The name and the addresses of this machine, in addition to `localhost` and the loopback addresses.
//!
//! They are read once in a process, before the first session with a network begins. So a forked process, which must not
//! allocate, only compares with them. The name is never looked up in DNS.
//!
//! Must not know: sessions, and what happens to connections.

use std::net::IpAddr;
use std::sync::OnceLock;

/// The name and the addresses of the machine.
#[derive(Debug, Default)]
struct Machine {
    /// In lower case. Empty if the machine has none.
    name: String,
    /// Whether `/etc/hosts` has an address for the name, and for the name without its domain.
    in_hosts: [bool; 2],
    /// The addresses of the interfaces, without loopback addresses.
    addresses: Vec<IpAddr>,
}

static MACHINE: OnceLock<Machine> = OnceLock::new();

/// Reads the name and the addresses, unless that has been done.
pub fn read() {
    MACHINE.get_or_init(|| {
        let name = system::name().unwrap_or_default().to_ascii_lowercase();
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let in_hosts = [&*name, short(&name)].map(|name| has_address(&hosts, name));
        Machine { in_hosts, addresses: system::addresses(), name }
    });
}

/// Whether this is the name of the machine, with or without its domain, as `gethostname` returns it.
pub fn is_own_name(name: &[u8]) -> bool {
    MACHINE.get().is_some_and(|machine| machine.has_name(name))
}

/// Whether this is the name of the machine, and `/etc/hosts` has no address for it. The system would ask a DNS server
/// for the address, so 127.0.0.1 must take its place.
pub fn is_own_name_without_address(name: &[u8]) -> bool {
    MACHINE.get().is_some_and(|machine| machine.has_name(name) && !machine.has_address(name))
}

/// Whether an interface of the machine has this address. The loopback addresses do not count.
pub fn is_own_address(address: IpAddr) -> bool {
    MACHINE.get().is_some_and(|machine| machine.addresses.contains(&address))
}

/// The name and the addresses as texts.
pub fn own_hosts() -> Vec<String> {
    let Some(machine) = MACHINE.get() else { return Vec::new() };
    let name = Some(machine.name.clone()).filter(|name| !name.is_empty());
    name.into_iter().chain(machine.addresses.iter().map(IpAddr::to_string)).collect()
}

impl Machine {
    fn has_name(&self, name: &[u8]) -> bool {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let is_one = |own: &str| name.eq_ignore_ascii_case(own.as_bytes());
        !name.is_empty() && (is_one(&self.name) || is_one(short(&self.name)))
    }

    /// Whether `/etc/hosts` has an address for this one of the machine's names.
    fn has_address(&self, name: &[u8]) -> bool {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let [whole, short] = self.in_hosts;
        if name.eq_ignore_ascii_case(self.name.as_bytes()) { whole } else { short }
    }
}

/// The name without its domain.
fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// Whether the text of a hosts file has an address for this name.
fn has_address(hosts: &str, name: &str) -> bool {
    hosts.lines().any(|line| {
        let entry = line.split('#').next().unwrap_or_default();
        entry.split_whitespace().skip(1).any(|other| other.eq_ignore_ascii_case(name))
    })
}

#[cfg(intercepted)]
mod system {
    #![expect(unsafe_code, reason = "libc's interface is C")]

    use std::ffi::CStr;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::ptr;

    pub(super) fn name() -> Option<String> {
        let mut name = [0_u8; 256];
        // The last byte stays zero, because a name that is too long may be written without a zero at its end.
        // SAFETY: the buffer may be written to, up to this length.
        let result = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
        let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| result == 0)?;
        name.to_str().ok().map(str::to_owned)
    }

    pub(super) fn addresses() -> Vec<IpAddr> {
        let mut list: *mut libc::ifaddrs = ptr::null_mut();
        // SAFETY: the pointer may be written to.
        if unsafe { libc::getifaddrs(&mut list) } != 0 {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut next = list;
        // SAFETY: libc's list ends with null, and nothing has freed it yet.
        while let Some(interface) = unsafe { next.as_ref() } {
            // SAFETY: the address belongs to the list.
            found.extend(unsafe { address(interface.ifa_addr) }.map(|ip| ip.to_canonical()));
            next = interface.ifa_next;
        }
        // SAFETY: the list comes from `getifaddrs`, and is not used any more.
        unsafe { libc::freeifaddrs(list) };
        found.retain(|ip| !ip.is_loopback());
        found.dedup();
        found
    }

    /// # Safety
    /// `address` is null or the address of a socket.
    unsafe fn address(address: *const libc::sockaddr) -> Option<IpAddr> {
        if address.is_null() {
            return None;
        }
        // SAFETY: every address of a socket begins with its family.
        match libc::c_int::from(unsafe { (*address).sa_family }) {
            libc::AF_INET => {
                // SAFETY: an address of this family has this type.
                let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
                Some(Ipv4Addr::from_bits(u32::from_be(v4.sin_addr.s_addr)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: an address of this family has this type.
                let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
                Some(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

#[cfg(not(intercepted))]
mod system {
    use std::net::IpAddr;

    pub(super) fn name() -> Option<String> {
        None
    }

    pub(super) fn addresses() -> Vec<IpAddr> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_with_and_without_its_domain() {
        let machine = Machine { name: "build7.example.test".into(), ..Machine::default() };
        for (name, expected) in [
            ("build7", true),
            ("BUILD7.example.test.", true),
            ("build7.other.test", false),
            ("build", false),
            ("", false),
        ] {
            assert_eq!(machine.has_name(name.as_bytes()), expected, "{name}");
        }
        assert!(!Machine::default().has_name(b""));
        let machine = Machine { in_hosts: [true, false], ..machine };
        assert!(machine.has_address(b"Build7.example.test.") && !machine.has_address(b"build7"));
    }

    #[test]
    fn hosts_files() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1\tbuild7.example.test build7 # build8\n#10.0.0.1 build9\n";
        assert!(has_address(hosts, "build7") && has_address(hosts, "Build7.example.test"));
        assert!(!has_address(hosts, "build8") && !has_address(hosts, "build9"));
        assert!(!has_address(hosts, "127.0.0.1"));
    }

    #[cfg(intercepted)]
    #[test]
    fn this_machine_has_a_name_and_no_address_of_another() {
        read();
        let name = system::name().expect("a name");
        assert!(is_own_name(name.as_bytes()), "{name}");
        assert!(own_hosts().contains(&name.to_ascii_lowercase()));
        assert!(!is_own_address("198.51.100.1".parse().unwrap()));
        assert!(!is_own_address("127.0.0.1".parse().unwrap()));
    }
}
