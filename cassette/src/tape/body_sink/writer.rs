//! A thread that hashes and writes one long body. Meanwhile the next bytes of the body are decoded and redacted.
//!
//! The queue of the thread is bounded. If [`AHEAD`] buffers wait in it, the sender waits, too.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::Hashed;

/// How many buffers may wait for the thread.
const AHEAD: usize = 3;

/// The handle of the thread. Dropping it waits for the thread, which then leaves no file behind.
#[derive(Debug)]
pub(super) struct Writer {
    /// Sends filled buffers to the thread. `None` if there is nothing more to write.
    full: Option<SyncSender<Vec<u8>>>,
    /// Receives the buffers that the thread has emptied.
    empty: Receiver<Vec<u8>>,
    /// `None` if the result of the thread was taken.
    thread: Option<JoinHandle<io::Result<Hashed>>>,
}

impl Writer {
    /// Starts the thread. If the system refuses a thread, returns `hashed`, and the caller's thread writes the body.
    pub(super) fn start(hashed: Box<Hashed>) -> Result<Writer, Box<Hashed>> {
        let (hand, over) = sync_channel::<Box<Hashed>>(1);
        let (full, filled) = sync_channel(AHEAD);
        let (emptied, empty) = channel();
        let begun = Builder::new().name("cassette-body".into()).spawn(move || match over.recv() {
            Ok(hashed) => write(*hashed, &filled, &emptied),
            Err(e) => Err(io::Error::other(e)),
        });
        let Ok(thread) = begun else { return Err(hashed) };
        match hand.send(hashed) {
            Ok(()) => Ok(Writer { full: Some(full), empty, thread: Some(thread) }),
            Err(unsent) => Err(unsent.0),
        }
    }

    /// Passes the bytes of the buffer to the thread, and leaves an empty buffer.
    pub(super) fn pass(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let next = self.empty.try_recv().unwrap_or_default();
        let passed = std::mem::replace(buffer, next);
        match self.full.as_ref().map(|full| full.send(passed)) {
            Some(Ok(())) => Ok(()),
            // The thread has ended early, which means that it failed. `end` returns its error.
            _ => self.end().map(drop),
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(mut self) -> io::Result<Hashed> {
        self.end()
    }

    fn end(&mut self) -> io::Result<Hashed> {
        self.full = None;
        let gone = || io::Error::other("the thread that writes the body is gone");
        self.thread.take().ok_or_else(gone)?.join().map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn write(mut hashed: Hashed, filled: &Receiver<Vec<u8>>, emptied: &Sender<Vec<u8>>) -> io::Result<Hashed> {
    while let Ok(mut buffer) = filled.recv() {
        hashed.add(&buffer)?;
        buffer.clear();
        // If the receiver was dropped, no more buffers are needed.
        let _ = emptied.send(buffer);
    }
    Ok(hashed)
}
