//! Waits until the I/O threads have noticed everything that clients have sent so far.
//!
//! The system reports events of sockets in the order in which they occur. So once the I/O threads have answered a byte on
//! a connection of their own, they have noticed all earlier events.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::io as threads;
use crate::poison::unpoisoned;

static CONNECTION: Mutex<Option<TcpStream>> = Mutex::new(None);

pub(crate) fn flush() {
    let mut connection = unpoisoned(CONNECTION.lock());
    // Without a connection nothing is awaited, as if this function did not exist.
    let Some(stream) = connection.take().or_else(|| super::outside(connect).ok()) else { return };
    if answered(&stream).is_ok() {
        *connection = Some(stream);
    }
}

fn answered(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(&[0])?;
    stream.read_exact(&mut [0])
}

fn connect() -> io::Result<TcpStream> {
    let handle = threads::handle().map_err(io::Error::other)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nonblocking(true)?;
    let _io = handle.enter();
    let mut server = tokio::net::TcpStream::from_std(server)?;
    handle.spawn(async move {
        while let Ok(byte) = server.read_u8().await {
            if server.write_u8(byte).await.is_err() {
                break;
            }
        }
    });
    Ok(client)
}
