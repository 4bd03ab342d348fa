//! The daily export: a CSV file of several megabytes. The server generates it while it sends it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use chrono::NaiveDate;
use http_body::{Body, Frame};

use super::data::World;

const CHUNK: usize = 32 * 1024;
const HEADER: &str = "date,shop_id,market,product_id,name,price,currency,stock,url\n";

pub(super) struct Export {
    world: Arc<World>,
    date: NaiveDate,
    rows: u32,
    sent: Option<u32>,
}

impl Export {
    pub(super) fn new(world: Arc<World>, date: NaiveDate, rows: u32) -> Self {
        Self { world, date, rows, sent: None }
    }
}

impl Body for Export {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut chunk = BytesMut::with_capacity(CHUNK + 256);
        let mut row = self.sent.unwrap_or_else(|| {
            chunk.put(HEADER.as_bytes());
            0
        });
        while row < self.rows && chunk.len() < CHUNK {
            chunk.put(self.world.offer(self.date, row).as_bytes());
            row += 1;
        }
        self.sent = Some(row);
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent == Some(self.rows)
    }
}
