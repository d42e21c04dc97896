//! Asking an HTTP server whether all is well.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most of an answer that is read.
const MAX_ANSWER: u64 = 64 << 10;
/// How often readiness is asked for.
const PAUSE: Duration = Duration::from_millis(100);

struct Answer {
    status: u16,
    text: String,
}

/// Asks once.
///
/// # Errors
/// When the address is wrong, or nobody answers 200.
pub async fn healthcheck(url: &str) -> anyhow::Result<()> {
    let (authority, path) = split(url).context("not an address such as http://host:8080/ready")?;
    let answer = get(&authority, path).await.with_context(|| format!("no answer from {url}"))?;
    ensure!(answer.status == 200, "{url} answers {}: {}", answer.status, answer.text.trim());
    Ok(())
}

/// Waits until all these servers say that they are ready.
pub async fn until_ready(addresses: &[SocketAddr]) {
    for address in addresses {
        while !get(&address.to_string(), "/ready").await.is_ok_and(|it| it.status == 200) {
            sleep(PAUSE).await;
        }
    }
}

async fn get(authority: &str, path: &str) -> anyhow::Result<Answer> {
    let asked = async {
        let mut stream = TcpStream::connect(authority).await?;
        // HTTP/1.0: the answer ends where the connection ends, and comes in one piece.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
        read(&String::from_utf8_lossy(&answer)).context("not an HTTP answer")
    };
    match timeout(TIMEOUT, asked).await {
        Ok(answer) => answer,
        Err(_) => bail!("no answer in time"),
    }
}

fn split(url: &str) -> Option<(String, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port_is_given = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let authority = if port_is_given { authority.to_owned() } else { format!("{authority}:80") };
    Some((authority, if path.is_empty() { "/" } else { path }))
}

fn read(answer: &str) -> Option<Answer> {
    let (head, text) = answer.split_once("\r\n\r\n")?;
    let mut words = head.split_ascii_whitespace();
    words.next()?.starts_with("HTTP/").then_some(())?;
    Some(Answer { status: words.next()?.parse().ok()?, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_an_address_apart() {
        let (whole, port) = ("http://h:8080/ready?x", "h:8080".to_owned());
        assert_eq!(split(whole), Some((port, "/ready?x")));
        assert_eq!(split("http://h"), Some(("h:80".to_owned(), "/")));
        assert_eq!(split("http://[::1]/a"), Some(("[::1]:80".to_owned(), "/a")));
        assert_eq!(split("https://h/"), None);
    }

    #[test]
    fn reads_an_answer() {
        let answer = read("HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\n\r\nno broker");
        assert!(answer.is_some_and(|answer| answer.status == 503 && answer.text == "no broker"));
        assert!(read("SSH-2.0-OpenSSH\r\n").is_none());
    }
}
