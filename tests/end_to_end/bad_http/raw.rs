//! HTTP by the byte.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use uuid::Uuid;

use crate::system::{Caller, System};

/// Far more than any answer here takes.
pub const LONG: Duration = Duration::from_secs(30);

/// A connection to the gateway.
pub struct Raw {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// By lower-case name.
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Raw {
    pub async fn connect(system: &System) -> Self {
        let stream = TcpStream::connect(system.address()).await.expect("the gateway listens");
        Self { stream, received: Vec::new() }
    }

    /// Sends what the gateway takes: one that has refused reads no more.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Says that no more will come.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.expect("open");
    }

    /// Goes without a word, as a process that is killed: the peer gets a reset.
    pub fn abort(self) {
        self.stream.set_zero_linger().expect("a socket");
    }

    /// The next answer; `None` when the connection was closed without one.
    pub async fn answer(&mut self) -> Option<Answer> {
        timeout(LONG, self.read_answer()).await.expect("an answer, or the end, in time")
    }

    /// Whether the gateway has closed the connection, having sent nothing more.
    pub async fn closed(&mut self) -> bool {
        self.answer().await.is_none()
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let head = loop {
            let end = self.received.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break self.received.drain(..end + 4).collect::<Vec<_>>();
            }
            self.receive().await?;
        };
        let head = String::from_utf8(head).expect("text");
        let (status, headers) = head.split_once("\r\n").expect("a status line");
        let status = status.split(' ').nth(1).expect("a status").parse().expect("a number");
        let headers: HashMap<_, _> = headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |l| l.parse().expect("a number"));
        while self.received.len() < length {
            self.receive().await?;
        }
        let body = String::from_utf8(self.received.drain(..length).collect()).expect("text");
        Some(Answer { status, headers, body })
    }

    async fn receive(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.received).await {
            // A reset is an end too: unread bytes of ours cause it.
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

impl Answer {
    /// The JSON of the body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The code of an error that has the contract's shape; `None` where the framework refused.
    pub fn code(&self) -> Option<String> {
        if self.body.is_empty() {
            return None;
        }
        let error = &self.json()["error"];
        assert!(error["message"].is_string() && self.headers.contains_key("x-request-id"));
        Some(error["code"].as_str().expect("a code").to_owned())
    }
}

/// A whole request with these lines in its head, beside `Host`.
pub fn request(line: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut request = format!("{line} HTTP/1.1\r\nHost: rollcall\r\n").into_bytes();
    for header in headers {
        request.extend(header.as_bytes());
        request.extend(b"\r\n");
    }
    request.extend(b"\r\n");
    request.extend(body.as_ref());
    request
}

/// A whole request to add leads, with this body.
pub fn post(caller: &Caller, path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("Content-Length: {}", body.len());
    request(&format!("POST {path}"), &[&bearer(caller), JSON, &length], body)
}

/// The header of a JSON body.
pub const JSON: &str = "Content-Type: application/json";

/// The header with a caller's key.
pub fn bearer(caller: &Caller) -> String {
    format!("Authorization: Bearer {}", caller.key)
}

/// The path to add leads to a campaign.
pub fn leads_of(campaign: Uuid) -> String {
    format!("/v1/campaigns/{campaign}/leads")
}

/// Sends a request on a connection of its own and returns the answer.
pub async fn send(system: &System, request: impl AsRef<[u8]>) -> Option<Answer> {
    let mut raw = Raw::connect(system).await;
    raw.send(request).await;
    raw.answer().await
}

/// Makes sure that the gateway is none the worse.
pub async fn serves(system: &System) {
    let get = request("GET /v1/workspace", &[&bearer(&system.acme)], "");
    assert_eq!(send(system, get).await.map(|answer| answer.status), Some(200));
}
