//! Requests, and whether their answers are right.

use std::{cell::Cell, net::SocketAddr, ops::Range};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::{
    http::{Connection, Response},
    leads,
};

/// Where requests go.
pub struct Target {
    /// The gateway.
    pub gateway: SocketAddr,
    /// The key to call with.
    pub key: String,
    /// The campaign to add to.
    pub campaign: String,
}

/// What requests hold.
#[derive(Clone)]
pub struct Mix {
    /// Leads a request.
    pub leads: usize,
    /// Where every second lead comes from, if not all are to be new: numbers posted before.
    pub seen: Option<Range<u64>>,
}

/// Hands out numbers of new leads, in one row all over the run.
#[derive(Default)]
pub struct Numbers(Cell<u64>);

impl Numbers {
    /// The number that comes next.
    pub fn next(&self) -> u64 {
        self.0.get()
    }

    fn take(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }
}

/// The requests of one connection.
pub struct Requests<'a> {
    mix: Mix,
    numbers: &'a Numbers,
    connection: Connection,
    head: Vec<u8>,
    request: Vec<u8>,
    /// Leads put into requests so far.
    count: u64,
}

/// Room for the digits of a Content-Length.
const LENGTH_DIGITS: usize = 10;

#[derive(Deserialize)]
struct Summary {
    total: usize,
    added: usize,
    already_in_campaign: usize,
    failed: usize,
}

impl<'a> Requests<'a> {
    /// Connects.
    pub async fn open(target: &Target, mix: Mix, numbers: &'a Numbers) -> anyhow::Result<Self> {
        let Target { gateway, key, campaign } = target;
        let head = format!(
            "POST /v1/campaigns/{campaign}/leads HTTP/1.1\r\nhost: {gateway}\r\n\
             authorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             content-length: {:LENGTH_DIGITS$}\r\n\r\n",
            ""
        );
        let connection = Connection::open(*gateway).await?;
        let (head, request) = (head.into_bytes(), Vec::new());
        Ok(Self { mix, numbers, connection, head, request, count: 0 })
    }

    /// Leads a request.
    pub fn leads(&self) -> usize {
        self.mix.leads
    }

    /// Sends one request and checks its answer.
    pub async fn exchange(&mut self) -> anyhow::Result<()> {
        let added = self.build();
        let response = self.connection.exchange(&self.request).await?;
        check(&response, self.mix.leads, added).with_context(|| {
            let body = String::from_utf8_lossy(&response.body[..response.body.len().min(300)]);
            format!("wrong answer: {} {body}", response.status)
        })
    }

    /// Writes the next request and says how many of its leads are new.
    fn build(&mut self) -> usize {
        let request = &mut self.request;
        request.clear();
        request.extend_from_slice(&self.head);
        request.extend_from_slice(br#"{"leads":["#);
        let mut added = 0;
        for place in 0..self.mix.leads {
            if place > 0 {
                request.push(b',');
            }
            let number = match &self.mix.seen {
                Some(seen) if self.count % 2 == 1 => fastrand::u64(seen.clone()),
                _ => {
                    added += 1;
                    self.numbers.take()
                }
            };
            leads::push(request, number);
            self.count += 1;
        }
        request.extend_from_slice(b"]}");
        // Into the blanks that the head holds for it.
        let length = format!("{:LENGTH_DIGITS$}", request.len() - self.head.len());
        let end = self.head.len() - "\r\n\r\n".len();
        request[end - LENGTH_DIGITS..end].copy_from_slice(length.as_bytes());
        added
    }
}

/// Every entry must have got what was to be expected.
fn check(response: &Response<'_>, total: usize, added: usize) -> anyhow::Result<()> {
    ensure!(response.status == 200, "not 200");
    const NAME: &[u8] = b"\"summary\":";
    let tail = &response.body[response.body.len().saturating_sub(200)..];
    let place = tail.windows(NAME.len()).rposition(|part| part == NAME);
    let place = place.context("no summary")?;
    let mut json = serde_json::Deserializer::from_slice(&tail[place + NAME.len()..]);
    let summary = Summary::deserialize(&mut json)?;
    ensure!(
        summary.total == total
            && summary.added == added
            && summary.already_in_campaign == total - added
            && summary.failed == 0,
        "{added} of {total} were to be added; {} were, {} were there, {} failed",
        summary.added,
        summary.already_in_campaign,
        summary.failed
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_count_is_noticed() {
        let body = br#"{"data":{"results":[{}],"summary":{"total":2,"added":1,"already_in_campaign":1,"failed":0}}}"#;
        let response = Response { status: 200, body };
        assert!(check(&response, 2, 1).is_ok());
        assert!(check(&response, 2, 2).is_err());
        assert!(check(&response, 3, 1).is_err());
        assert!(check(&Response { status: 202, body }, 2, 1).is_err());
        assert!(check(&Response { status: 200, body: b"{}" }, 2, 1).is_err());
    }
}
