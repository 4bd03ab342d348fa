//! Tests connections to this machine by its own name and by the addresses of its interfaces: they reach their servers,
//! like those to `localhost`.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};

use cassette::{Config, Session};

use crate::api::Speaks;
use crate::project::Project;

use super::{echo, get};

/// A server on all interfaces that sends one line to each client. Returns its port.
fn greeter() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"hello\n");
        }
    });
    port
}

fn name() -> String {
    let output = std::process::Command::new("uname").arg("-n").output().expect("uname");
    String::from_utf8(output.stdout).expect("a name").trim().to_owned()
}

/// An IPv4 address of an interface, if there is one other than loopback.
fn address() -> Option<IpAddr> {
    let output = std::process::Command::new("hostname").arg("-I").output().ok()?;
    let all = String::from_utf8(output.stdout).ok()?;
    all.split_whitespace().filter_map(|text| text.parse().ok()).find(IpAddr::is_ipv4)
}

#[test]
fn the_machines_own_name_and_addresses_are_this_machine() {
    let port = greeter();
    let (name, address) = (name(), address());
    let mut hosts = vec![name.clone(), name.to_uppercase()];
    hosts.extend(address.map(|ip| ip.to_string()));
    let api = echo(Speaks::Http1);
    let url = api.url("/recorded");
    let (project, seen) = Project::both(api, async |_: Session| {
        let mut seen = Vec::new();
        for host in &hosts {
            let mut heard = String::new();
            let mut stream = TcpStream::connect((host.as_str(), port)).expect(host);
            stream.read_to_string(&mut heard).expect(host);
            seen.push(heard);
        }
        (seen, get(url.clone()).await)
    });
    assert_eq!(seen, (vec!["hello\n".to_owned(); hosts.len()], "200 \"/recorded\"".to_owned()));
    assert_eq!(project.requests(), [format!("GET {url}")]);
}

/// On replay a pass-through host may be this machine under its own name.
#[test]
fn a_pass_through_host_with_the_machines_own_name() {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
        }
    });
    let project = Project::new();
    let hosts = [Some(name()), address().map(|ip| ip.to_string())];
    for host in hosts.into_iter().flatten() {
        let config = Config::new().pass_through(&host);
        let body = async |session: Session| {
            let url = format!("http://{host}:{port}/");
            session.client().unwrap().get(url).send().await.unwrap().text().await.unwrap()
        };
        assert_eq!(project.record(config.clone(), &body), "hi", "{host}");
        assert_eq!(project.replay(config, &body), "hi", "{host}");
    }
}
