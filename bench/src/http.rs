//! As much of HTTP/1.1 as a load generator needs: one connection that is kept, one request at a
//! time, answers with a Content-Length. A full client costs more CPU than the gateway under test.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Headers that an answer may have.
const MAX_HEADERS: usize = 32;

/// A connection that stays open.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer.
pub struct Response<'a> {
    /// Its status code.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
}

/// What the head of an answer says.
struct Head {
    status: u16,
    /// Where the body begins.
    length: usize,
    body_length: usize,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(16 << 10) })
    }

    /// Sends a whole request and reads the whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Response<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let mut head = None;
        loop {
            ensure!(
                self.stream.read_buf(&mut self.received).await? > 0,
                "the connection was closed"
            );
            if head.is_none() {
                head = read_head(&self.received)?;
            }
            let Some(Head { status, length, body_length }) = head else { continue };
            let whole = length + body_length;
            if let Some(missing) = whole.checked_sub(self.received.len()).filter(|&left| left > 0) {
                self.received.reserve(missing);
                continue;
            }
            ensure!(self.received.len() == whole, "more was sent than announced");
            return Ok(Response { status, body: &self.received[length..] });
        }
    }
}

/// Reads the head of an answer once it is there.
fn read_head(received: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(received)? else { return Ok(None) };
    let Some(status) = response.code else { bail!("an answer without a status") };
    let body_length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok())
        .context("an answer without a Content-Length")?;
    Ok(Some(Head { status, length, body_length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-length: 12\r\nx: y\r\n\r\n{";
        for cut in 0..whole.len() - 1 {
            assert!(read_head(&whole[..cut]).expect("no error").is_none());
        }
        let head = read_head(whole).expect("no error").expect("whole");
        assert_eq!((head.status, head.length, head.body_length), (200, whole.len() - 1, 12));
        assert!(read_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
