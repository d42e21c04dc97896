//! A server that receives callbacks.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};

use crate::big_submissions::LONG;

/// The server, which answers its first requests so, and all after them like the last.
pub struct Receiver {
    address: String,
    received: UnboundedReceiver<Received>,
    serving: JoinHandle<()>,
}

/// A request.
#[derive(Debug)]
pub struct Received {
    /// The request line.
    pub line: String,
    head: String,
    /// The body.
    pub body: String,
}

impl Received {
    /// The value of a header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    /// The value of a header, if it is there.
    pub fn find(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        Some(lines.find(|(given, _)| given.eq_ignore_ascii_case(name))?.1)
    }
}

impl Receiver {
    /// Starts to listen.
    pub async fn start<const N: usize>(statuses: [&'static str; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (sender, received) = unbounded_channel();
        let serving = tokio::spawn(async move {
            for place in 0.. {
                let (stream, _) = listener.accept().await.expect("a connection");
                if let Some(request) = answer(stream, statuses[place.min(N - 1)]).await {
                    let _ = sender.send(request);
                }
            }
        });
        Self { address, received, serving }
    }

    /// Where it is.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request.
    pub async fn next(&mut self) -> Received {
        let next = timeout(LONG, self.received.recv()).await;
        next.expect("a callback in time").expect("the server runs")
    }

    /// Whether there is another request within this time.
    pub async fn has_received(&mut self, patience: Duration) -> bool {
        timeout(patience, self.received.recv()).await.is_ok()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream, status: &str) -> Option<Received> {
    let request = read(&mut stream).await?;
    let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(response.as_bytes()).await.ok()?;
    Some(request)
}

/// Reads a request, unless the connection ends before.
pub async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let (line, head) = head.split_once("\r\n").unwrap_or((head, ""));
        let request =
            Received { line: line.to_owned(), head: head.to_owned(), body: body.to_owned() };
        let length = request.find("content-length").map_or(Ok(0), str::parse::<usize>);
        if body.len() >= length.expect("a number") {
            return Some(request);
        }
    }
}
