//! Tests the connections, lookups and processes of a session's threads, with calls of libc's functions and of std's.
#![cfg(all(intercepted, target_os = "linux"))]
#![expect(unsafe_code, reason = "libc's functions are unsafe to call")]

use std::ffi::{CStr, CString};
use std::io::{Read as _, Write as _};
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex};

use cassette_ambient::{
    ChildVariable, Context, Destination, Network, RefusalReason, RefusedConnection, WallClock, intercepted,
    outside,
};
use libc::{addrinfo, c_char, c_int, c_void, hostent, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

/// A session with a listener. The thread that creates it is not in the session, so the listener works with the real
/// network.
struct Session {
    number: u64,
    listener: TcpListener,
    context: Context,
    refused: Arc<Mutex<Vec<RefusedConnection>>>,
}

impl Session {
    fn new(number: u64, loopback: bool) -> Session {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = Arc::new(Mutex::new(Vec::new()));
        let report = refused.clone();
        let variable = |entry: &str, inherited: Option<&str>| ChildVariable {
            entry: CString::new(entry).unwrap(),
            inherited: inherited.map(|i| CString::new(i).unwrap()),
        };
        let network = Network {
            listener: listener.local_addr().unwrap().port(),
            loopback,
            variables: Vec::new(),
            child_variables: vec![
                variable("AMBIENT_TOLD=it's told", None),
                variable("PATH=none", Some("one that nobody has")),
            ],
            overrides: None,
            refused: Box::new(move |r| report.lock().unwrap().push(r.clone())),
        };
        let context = Context::with_network(number, WallClock::Real, network);
        Session { number, listener, context, refused }
    }

    /// Accepts the next connection. Returns the connection and its intended destination.
    fn accept(&self) -> (TcpStream, Option<(String, u16)>) {
        let (stream, from) = self.listener.accept().unwrap();
        let meant = intercepted(self.number, from).map(|Destination { host, port }| (host, port));
        (stream, meant)
    }

    #[track_caller]
    fn comes(&self, host: &str, port: u16) -> TcpStream {
        let (stream, meant) = self.accept();
        assert_eq!(meant, Some((host.to_owned(), port)));
        stream
    }
}

/// The addresses that `getaddrinfo` returns, or its error.
fn addresses(name: &str, family: c_int) -> Result<Vec<SocketAddr>, c_int> {
    let name = CString::new(name).unwrap();
    // SAFETY: the arguments are C strings and valid hints. The list is freed once.
    unsafe {
        let mut hints: addrinfo = zeroed();
        (hints.ai_family, hints.ai_socktype) = (family, libc::SOCK_STREAM);
        let mut list = null_mut();
        match libc::getaddrinfo(name.as_ptr(), c"443".as_ptr(), &hints, &mut list) {
            0 => {}
            error => return Err(error),
        }
        let (mut found, mut at) = (Vec::new(), list);
        while let Some(entry) = at.as_ref() {
            found.push(match entry.ai_family {
                libc::AF_INET6 => {
                    let a = entry.ai_addr.cast::<sockaddr_in6>().read();
                    (Ipv6Addr::from(a.sin6_addr.s6_addr), u16::from_be(a.sin6_port)).into()
                }
                _ => {
                    let a = entry.ai_addr.cast::<sockaddr_in>().read();
                    (Ipv4Addr::from_bits(u32::from_be(a.sin_addr.s_addr)), u16::from_be(a.sin_port)).into()
                }
            });
            at = entry.ai_next;
        }
        libc::freeaddrinfo(list);
        Ok(found)
    }
}

/// Connects a new socket of the address's family. Returns the socket and the error number, or 0.
fn connects(to: SocketAddr, kind: c_int) -> (TcpStream, c_int) {
    // SAFETY: the socket is new, and the address has the socket's family.
    unsafe {
        let family = if to.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
        let stream = TcpStream::from_raw_fd(libc::socket(family, libc::SOCK_STREAM | kind, 0));
        let result = with_c(to, |at, length| libc::connect(stream.as_raw_fd(), at, length));
        let errno = if result == 0 { 0 } else { *libc::__errno_location() };
        (stream, errno)
    }
}

fn with_c<R>(to: SocketAddr, f: impl FnOnce(*const sockaddr, socklen_t) -> R) -> R {
    match to {
        SocketAddr::V4(to) => {
            // SAFETY: all zero is a value of this type.
            let mut c: sockaddr_in = unsafe { zeroed() };
            c.sin_family = libc::AF_INET as _;
            (c.sin_port, c.sin_addr.s_addr) = (to.port().to_be(), to.ip().to_bits().to_be());
            f((&raw const c).cast(), size_of::<sockaddr_in>() as _)
        }
        SocketAddr::V6(to) => {
            // SAFETY: all zero is a value of this type.
            let mut c: sockaddr_in6 = unsafe { zeroed() };
            c.sin6_family = libc::AF_INET6 as _;
            (c.sin6_port, c.sin6_addr.s6_addr) = (to.port().to_be(), to.ip().octets());
            f((&raw const c).cast(), size_of::<sockaddr_in6>() as _)
        }
    }
}

#[test]
fn a_name_has_an_address_of_either_family_and_is_intercepted_by_both() {
    let session = Session::new(101, false);
    let _entered = session.context.enter();
    for (family, is_v6) in [(libc::AF_INET, false), (libc::AF_INET6, true), (libc::AF_UNSPEC, false)] {
        let found = addresses("Families.example.test", family).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].is_ipv6(), is_v6);
        assert!(found[0].ip().to_canonical().is_loopback(), "{found:?}");
        let (_client, errno) = connects(found[0], 0);
        assert_eq!(errno, 0);
        session.comes("families.example.test", 443);
    }
    assert_eq!(addresses("no name", libc::AF_INET), Err(libc::EAI_NONAME));
    for literal in ["192.0.2.7", "2001:db8::7"] {
        let ip: IpAddr = literal.parse().unwrap();
        assert_eq!(addresses(literal, libc::AF_UNSPEC).unwrap(), [SocketAddr::from((ip, 443))]);
        assert_eq!(connects((ip, 443).into(), 0).1, 0);
        session.comes(literal, 443);
    }
}

#[test]
fn a_connection_that_does_not_block_is_there_when_it_can_be_written_to() {
    let session = Session::new(102, false);
    let _entered = session.context.enter();
    for to in ["192.0.2.7:81", "[2001:db8::7]:81"].map(|a| a.parse::<SocketAddr>().unwrap()) {
        let (client, errno) = connects(to, libc::SOCK_NONBLOCK);
        assert!(errno == 0 || errno == libc::EINPROGRESS, "{errno}");
        let mut poll = libc::pollfd { fd: client.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: the pointer is to one descriptor.
        assert_eq!(unsafe { libc::poll(&mut poll, 1, -1) }, 1);
        assert_eq!((poll.revents, client.take_error().unwrap().map(|e| e.kind())), (libc::POLLOUT, None));
        (&client).write_all(b"x").unwrap();
        let mut server = session.comes(&to.ip().to_string(), 81);
        server.read_exact(&mut [0]).unwrap();
    }
}

#[test]
fn of_two_sessions_at_once_each_gets_its_own() {
    let sessions = [Session::new(103, false), Session::new(104, false)];
    std::thread::scope(|scope| {
        for session in &sessions {
            scope.spawn(|| {
                let _entered = session.context.enter();
                for _ in 0..100 {
                    let client = TcpStream::connect("shared.example.test:80").unwrap();
                    let server = session.comes("shared.example.test", 80);
                    assert_eq!(server.peer_addr().unwrap().port(), client.local_addr().unwrap().port());
                }
            });
        }
    });
    // A listener gets the destinations of its own session's connections only.
    let _entered = sessions[0].context.enter();
    let _client = TcpStream::connect("shared.example.test:80").unwrap();
    let (_, from) = sessions[0].listener.accept().unwrap();
    assert_eq!(intercepted(sessions[1].number, from), None);
}

/// Datagrams and Unix sockets are not redirected, even if connections to this machine are intercepted.
#[test]
fn datagrams_and_unix_sockets_are_nobodys() {
    let session = Session::new(105, true);
    let dir = std::env::temp_dir().join(format!("ambient-{}", std::process::id()));
    let listener = UnixListener::bind(&dir).unwrap();
    let _entered = session.context.enter();
    let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    a.connect(b.local_addr().unwrap()).unwrap();
    assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
    a.send(b"datagram").unwrap();
    b.recv(&mut [0; 8]).unwrap();
    b.send_to(b"datagram", a.local_addr().unwrap()).unwrap();
    a.recv(&mut [0; 8]).unwrap();

    let mut client = UnixStream::connect(&dir).unwrap();
    client.write_all(b"x").unwrap();
    listener.accept().unwrap().0.read_exact(&mut [0]).unwrap();
    std::fs::remove_file(&dir).unwrap();

    let local = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _client = TcpStream::connect(local).unwrap();
    session.comes("127.0.0.1", local.port());
}

#[test]
fn a_process_that_is_forked_and_executes_nothing_is_under_it() {
    let session = Session::new(106, false);
    let _entered = session.context.enter();
    let address = "192.0.2.8:80".parse().unwrap();
    // SAFETY: the child takes no lock and allocates nothing, which is required after a fork of a process with several
    // threads.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let (client, errno) = connects(address, 0);
        let sent = (&client).write(b"from the child").is_ok_and(|n| n == 14);
        // SAFETY: the call only ends the child process.
        unsafe { libc::_exit(if errno == 0 && sent { 0 } else { 1 }) }
    }
    let mut text = String::new();
    session.comes("192.0.2.8", 80).read_to_string(&mut text).unwrap();
    assert_eq!(text, "from the child");
    let mut status = -1;
    // SAFETY: the process is our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
}

#[test]
fn when_the_session_has_ended_there_is_no_way() {
    let session = Session::new(107, true);
    let _entered = session.context.enter();
    let found = addresses("late.example.test", libc::AF_INET).unwrap()[0];
    session.context.release();
    let outside: SocketAddr = "192.0.2.9:80".parse().unwrap();
    for to in [found, outside] {
        for kind in [0, libc::SOCK_NONBLOCK] {
            assert_eq!(connects(to, kind).1, libc::ECONNREFUSED);
        }
    }
    let ended = |host: &str, port| RefusedConnection {
        session: 107,
        host: host.into(),
        port,
        reason: RefusalReason::Ended,
    };
    let reported = session.refused.lock().unwrap().clone();
    let (name, address) = (ended("late.example.test", 443), ended("192.0.2.9", 80));
    assert_eq!(reported, [name.clone(), name, address.clone(), address]);
}

unsafe extern "C" {
    fn gethostbyname(name: *const c_char) -> *mut hostent;
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent;
    fn gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: usize,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int;
    fn gethostbyname2_r(
        name: *const c_char,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: usize,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int;
}

/// The first address in the result of a `gethostbyname` function.
///
/// # Safety
/// `entry` is null, or a pointer that libc returned.
unsafe fn first(entry: *mut hostent) -> Option<IpAddr> {
    // SAFETY: the caller keeps this function's contract.
    unsafe {
        let entry = entry.as_ref()?;
        let at = entry.h_addr_list.read();
        Some(match entry.h_addrtype {
            libc::AF_INET6 => IpAddr::from(at.cast::<[u8; 16]>().read_unaligned()),
            _ => IpAddr::from(at.cast::<[u8; 4]>().read_unaligned()),
        })
    }
}

/// Calls the four functions of the `gethostbyname` family, and checks that their results are equal. Returns the result,
/// or `None` if they find nothing.
fn found_by_all(name: &CStr, family: c_int) -> Option<IpAddr> {
    // SAFETY: the names are C strings, and the buffer outlives the results in it.
    unsafe {
        let mut all = vec![first(gethostbyname2(name.as_ptr(), family))];
        if family == libc::AF_INET {
            all.push(first(gethostbyname(name.as_ptr())));
        }
        let (mut entry, mut buffer) = (zeroed(), [0; 1024]);
        let (mut result, mut error) = (null_mut(), 0);
        let (at, length) = (buffer.as_mut_ptr(), buffer.len());
        gethostbyname2_r(name.as_ptr(), family, &mut entry, at, length, &mut result, &mut error);
        all.push(first(result));
        if family == libc::AF_INET {
            gethostbyname_r(name.as_ptr(), &mut entry, at, length, &mut result, &mut error);
            all.push(first(result));
        }
        assert!(all.iter().all(|found| *found == all[0]), "{all:?}");
        // The error is HOST_NOT_FOUND if nothing was found; otherwise it has no meaning.
        assert!(all[0].is_some() || error == 1, "{error}");
        all[0]
    }
}

#[test]
fn the_older_lookups_invent_the_same() {
    let session = Session::new(108, false);
    let _entered = session.context.enter();
    let found = addresses("older.example.test", libc::AF_INET).unwrap()[0].ip();
    assert_eq!(found_by_all(c"OLDER.example.test", libc::AF_INET), Some(found));
    let v6 = found_by_all(c"older.example.test", libc::AF_INET6).unwrap();
    assert!(v6.is_ipv6() && v6.to_canonical() == found, "{v6}");
    assert_eq!(found_by_all(c"no name", libc::AF_INET), None);
    let literal: IpAddr = "192.0.2.7".parse().unwrap();
    assert_eq!(found_by_all(c"192.0.2.7", libc::AF_INET), Some(literal));
    assert!(found_by_all(c"localhost", libc::AF_INET).is_some_and(|ip| ip.is_loopback()));
    let outer = outside(|| found_by_all(c"127.0.0.9", libc::AF_INET));
    assert_eq!(outer, Some("127.0.0.9".parse().unwrap()));
}

#[test]
fn a_connection_made_by_what_is_sent_first_is_intercepted() {
    let session = Session::new(109, false);
    let _entered = session.context.enter();
    for by_message in [false, true] {
        for to in ["192.0.2.7:82", "[2001:db8::7]:82"].map(|a| a.parse::<SocketAddr>().unwrap()) {
            let data = b"first";
            // SAFETY: the socket is new, the address has the socket's family, and the bytes live during the call.
            let (client, sent) = unsafe {
                let family = if to.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
                let client = TcpStream::from_raw_fd(libc::socket(family, libc::SOCK_STREAM, 0));
                let (fd, flags) = (client.as_raw_fd(), libc::MSG_FASTOPEN | libc::MSG_NOSIGNAL);
                let sent = with_c(to, |at, length| {
                    if !by_message {
                        return libc::sendto(fd, data.as_ptr().cast(), data.len(), flags, at, length);
                    }
                    let mut part =
                        libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
                    let mut message: libc::msghdr = zeroed();
                    (message.msg_name, message.msg_namelen) = (at.cast_mut().cast::<c_void>(), length);
                    (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
                    libc::sendmsg(fd, &message, flags)
                });
                (client, sent)
            };
            assert_eq!(sent, 5);
            drop(client);
            let mut text = String::new();
            session.comes(&to.ip().to_string(), 82).read_to_string(&mut text).unwrap();
            assert_eq!(text, "first");
        }
    }
}

/// `start` runs a shell command and returns its output. Checks that the command sees the session's variable
/// `AMBIENT_TOLD`, and an unchanged `PATH`.
#[track_caller]
fn is_announced(start: impl FnOnce(&CStr) -> String) {
    let session = Session::new(110, false);
    let _entered = session.context.enter();
    let printed = start(c"sh -c 'echo \"$AMBIENT_TOLD\" on \"$PATH\"'");
    let path = std::env::var("PATH").unwrap();
    assert_eq!(printed, format!("it's told on {path}\n"));
}

/// Forks a child that executes a program by calling `execute`, and returns the program's output. `execute` may do only
/// what a forked process may do.
fn forked(execute: impl FnOnce()) -> String {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two descriptors. Between `fork` and `exec` the child calls only functions that are
    // allowed there.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let child = libc::fork();
        if child == 0 {
            libc::dup2(ends[1], 1);
            execute();
            libc::_exit(127);
        }
        libc::close(ends[1]);
        let mut text = String::new();
        std::fs::File::from_raw_fd(ends[0]).read_to_string(&mut text).unwrap();
        let mut status = -1;
        libc::waitpid(child, &mut status, 0);
        assert_eq!(status, 0, "{text}");
        text
    }
}

#[test]
fn programs_that_are_executed_by_a_descriptor_see_the_variables() {
    let shell = std::fs::File::open("/bin/sh").unwrap();
    is_announced(|command| {
        let arguments = [c"sh".as_ptr(), c"-c".as_ptr(), command.as_ptr(), null()];
        let variables: Vec<CString> =
            std::env::vars().map(|(k, v)| CString::new(format!("{k}={v}")).unwrap()).collect();
        let list: Vec<_> = variables.iter().map(|v| v.as_ptr()).chain([null()]).collect();
        forked(|| {
            // SAFETY: both lists consist of C strings, and end with null.
            unsafe { libc::fexecve(shell.as_raw_fd(), arguments.as_ptr(), list.as_ptr()) };
        })
    });
}

#[test]
fn the_shells_of_c_see_the_variables() {
    is_announced(|command| {
        forked(|| {
            // SAFETY: the command is a C string. glibc's allocator may be used after a fork.
            let status = unsafe { libc::system(command.as_ptr()) };
            // SAFETY: the call only ends the child process.
            unsafe { libc::_exit(status) };
        })
    });
    is_announced(|command| {
        // SAFETY: the arguments are C strings. The file is closed once.
        unsafe {
            let file = libc::popen(command.as_ptr(), c"r".as_ptr());
            assert!(!file.is_null());
            let (mut text, mut buffer) = (Vec::new(), [0_u8; 256]);
            loop {
                let n = libc::fread(buffer.as_mut_ptr().cast(), 1, buffer.len(), file);
                text.extend_from_slice(&buffer[..n]);
                if n == 0 {
                    break;
                }
            }
            assert_eq!(libc::pclose(file), 0);
            String::from_utf8(text).unwrap()
        }
    });
    // Without a command, `system` reports whether there is a shell.
    // SAFETY: `system` allows null.
    assert_ne!(unsafe { libc::system(null()) }, 0);
}
