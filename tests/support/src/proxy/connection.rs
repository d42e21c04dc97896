//! One connection through the proxy.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

use super::{Close, Conditions, Counts, Fault, Moment, Way, commits::Commits};

/// A connection, by its number, and what it has carried.
pub(super) struct Connection {
    number: u64,
    conditions: watch::Receiver<Conditions>,
    counts: Arc<Counts>,
    carried: AtomicU64,
    /// The server has got a `COMMIT` whose answer the client must not get.
    is_cut_at_answer: AtomicBool,
}

impl Connection {
    pub(super) fn new(
        number: u64,
        conditions: watch::Receiver<Conditions>,
        counts: Arc<Counts>,
    ) -> Self {
        let (carried, is_cut_at_answer) = Default::default();
        Self { number, conditions, counts, carried, is_cut_at_answer }
    }

    /// Forwards both ways until both sides have ended, or the connection is cut.
    pub(super) async fn forward(&self, mut client: TcpStream, mut server: TcpStream) {
        // Latency is the fault's to add.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let ended = tokio::try_join!(
            self.pump(Way::ToServer, from_client, to_server),
            self.pump(Way::ToClient, from_server, to_client),
        );
        match ended {
            Ok(_) => {}
            Err(Close::Finish) => {
                self.counts.cut.fetch_add(1, Ordering::Relaxed);
                let _ = (client.shutdown().await, server.shutdown().await);
            }
            Err(Close::Reset) => {
                self.counts.cut.fetch_add(1, Ordering::Relaxed);
                let _ = (client.set_zero_linger(), server.set_zero_linger());
            }
        }
    }

    /// Forwards one way until that side has ended.
    ///
    /// # Errors
    /// How the connection is cut.
    async fn pump(
        &self,
        way: Way,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> Result<(), Close> {
        let (mut conditions, mut commits) = (self.conditions.clone(), Commits::default());
        let (mut buffer, mut is_silent) = (vec![0; 16 << 10], false);
        loop {
            let fault = self.fault(*conditions.borrow_and_update())?;
            let has_ended = tokio::select! {
                biased;
                changed = conditions.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Err(Close::Reset),
                },
                came = from.read(&mut buffer), if !stalls(fault, way) => {
                    is_silent |= drops(fault, way);
                    match came {
                        _ if is_silent => !matches!(came, Ok(1..)),
                        Ok(0) => {
                            // The other way goes on.
                            let _ = to.shutdown().await;
                            return Ok(());
                        }
                        Ok(count) => {
                            self.pass(fault, way, &buffer[..count], &mut to, &mut commits).await?;
                            false
                        }
                        Err(_) => return Err(Close::Reset),
                    }
                }
            };
            if has_ended {
                return self.stay_silent(conditions).await;
            }
        }
    }

    /// The fault of this connection now.
    ///
    /// # Errors
    /// When the fault is to be cut.
    fn fault(&self, now: Conditions) -> Result<Fault, Close> {
        match now.fault {
            _ if self.number <= now.reset => Err(Close::Reset),
            _ if self.number <= now.silent => Ok(Fault::Drop(Way::Both)),
            Fault::CutAfter(bytes, close) if self.carried.load(Ordering::Relaxed) >= bytes => {
                Err(close)
            }
            fault => Ok(fault),
        }
    }

    /// Forwards some bytes, as far as the fault lets them.
    async fn pass(
        &self,
        fault: Fault,
        way: Way,
        bytes: &[u8],
        to: &mut WriteHalf<'_>,
        commits: &mut Commits,
    ) -> Result<(), Close> {
        if way == Way::ToClient && self.is_cut_at_answer.load(Ordering::Relaxed) {
            return Err(Close::Reset);
        }
        let count = bytes.len() as u64;
        let before = self.carried.fetch_add(count, Ordering::Relaxed);
        match fault {
            Fault::Delay(delay) => sleep(delay).await,
            Fault::CutAfter(limit, close) if before + count >= limit => {
                let rest = limit.saturating_sub(before) as usize;
                let _ = to.write_all(&bytes[..rest]).await;
                return Err(close);
            }
            Fault::CutAtCommit(moment, every) if way == Way::ToServer => {
                let found = commits.count(bytes);
                let earlier = self.counts.commits.fetch_add(found, Ordering::Relaxed);
                if earlier / every != (earlier + found) / every {
                    if moment == Moment::Before {
                        return Err(Close::Reset);
                    }
                    self.is_cut_at_answer.store(true, Ordering::Relaxed);
                }
            }
            _ => {}
        }
        self.write(bytes, to).await
    }

    /// Writes, unless the connection is reset meanwhile: the other side may not read.
    async fn write(&self, bytes: &[u8], to: &mut WriteHalf<'_>) -> Result<(), Close> {
        let mut conditions = self.conditions.clone();
        tokio::select! {
            written = to.write_all(bytes) => written.map_err(|_| Close::Reset),
            _ = conditions.wait_for(|now| self.number <= now.reset) => Err(Close::Reset),
        }
    }

    /// Waits for a reset. That a silent side has ended is not told to the other.
    async fn stay_silent(&self, mut conditions: watch::Receiver<Conditions>) -> Result<(), Close> {
        let _ = conditions.wait_for(|now| self.number <= now.reset).await;
        Err(Close::Reset)
    }
}

fn drops(fault: Fault, way: Way) -> bool {
    matches!(fault, Fault::Drop(dropped) if dropped == way || dropped == Way::Both)
}

fn stalls(fault: Fault, way: Way) -> bool {
    matches!(fault, Fault::Stall(stalled) if stalled == way || stalled == Way::Both)
}
