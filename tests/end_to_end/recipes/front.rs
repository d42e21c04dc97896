//! A front before the gateway, through which not everything gets.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use reqwest::{Client, Method};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::callbacks::receiver::{Received, read};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered at once that Rollcall is away for the moment.
    Unavailable,
    /// It is worked on, and then the connection breaks.
    AnswerLost,
    /// It is answered.
    Answered,
}

/// A request that has come through or not.
pub struct Seen {
    pub request: Received,
    pub fate: Fate,
    /// Whether Rollcall has said that the answer is the one to an earlier request.
    pub replayed: bool,
}

/// The front. Requests with an `Idempotency-Key`, which can be repeated, have the fates that it was
/// started with, one after the other; all others are answered.
pub struct Front {
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Front {
    /// Starts before the gateway at this address.
    pub async fn start<const N: usize>(gateway: &str, fates: [Fate; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (gateway, seen) = (gateway.to_owned(), Arc::<Mutex<Vec<Seen>>>::default());
        let (mut fates, log) = (VecDeque::from(fates), Arc::clone(&seen));
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let Some(request) = read(&mut stream).await else { continue };
                let repeatable = request.find("idempotency-key").is_some();
                let fate = if repeatable { fates.pop_front() } else { None };
                let fate = fate.unwrap_or(Fate::Answered);
                let replayed = meet(fate, &gateway, &request, &mut stream).await;
                log.lock().expect("no panic").push(Seen { request, fate, replayed });
            }
        });
        Self { address, seen, serving }
    }

    /// The requests with an `Idempotency-Key`, until now.
    pub fn repeatable(&self) -> Vec<Seen> {
        let mut seen = self.seen.lock().expect("no panic");
        seen.drain(..).filter(|seen| seen.request.find("idempotency-key").is_some()).collect()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Lets a request meet its fate, and says whether the answer was a replay.
async fn meet(fate: Fate, gateway: &str, request: &Received, stream: &mut TcpStream) -> bool {
    if fate == Fate::Unavailable {
        let away =
            "HTTP/1.1 503 Away\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(away.as_bytes()).await;
        return false;
    }
    let [method, path, _] = request.line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{}", request.line)
    };
    let method: Method = method.parse().expect("a method");
    let mut onward = Client::new().request(method, format!("http://{gateway}{path}"));
    for name in ["authorization", "content-type", "idempotency-key", "prefer"] {
        if let Some(value) = request.find(name) {
            onward = onward.header(name, value);
        }
    }
    let answer = onward.body(request.body.clone()).send().await.expect("the gateway answers");
    let replayed = answer.headers().contains_key("idempotent-replayed");
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", answer.status());
    for (name, value) in answer.headers() {
        if ["content-type", "location", "retry-after"].contains(&name.as_str()) {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
        }
    }
    let body = answer.bytes().await.expect("a body");
    if fate == Fate::Answered {
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
    }
    replayed
}
