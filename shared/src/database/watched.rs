//! A connection to PostgreSQL on which no answer is waited for without end.
//!
//! The server's own deadlines end with the server: one that is frozen, or behind a network that swallows
//! packets, answers nothing. This bounds every statement, whoever sends it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// `ReadyForQuery`, with which the server ends each answer: its type and length
/// (<https://www.postgresql.org/docs/15/protocol-message-formats.html>). One byte follows.
const READY: [u8; 5] = [b'Z', 0, 0, 0, 5];

/// A stream that fails when the other side is silent for too long while it owes an answer.
pub(super) struct Watched<S> {
    stream: S,
    silence: Option<Duration>,
    /// When the silence has lasted too long; `None` while no answer is due.
    due: Option<Instant>,
    /// Runs out then or before: to set it anew for each statement would cost more than to look again.
    timer: Pin<Box<Sleep>>,
    /// The last bytes that came.
    tail: [u8; READY.len() + 1],
}

impl<S> Watched<S> {
    /// Without `silence`, there is no bound.
    pub(super) fn new(stream: S, silence: Option<Duration>) -> Self {
        let timer = Box::pin(sleep(silence.unwrap_or_default()));
        Self { stream, silence, due: None, timer, tail: Default::default() }
    }

    fn expect_answer(&mut self) {
        self.due = self.silence.map(|silence| Instant::now() + silence);
    }

    /// Ready when an answer is due for too long. Has the task woken then.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        loop {
            ready!(self.timer.as_mut().poll(context));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
    }

    fn take_note(&mut self, came: &[u8]) {
        let length = self.tail.len();
        if came.len() >= length {
            self.tail.copy_from_slice(&came[came.len() - length..]);
        } else {
            self.tail.rotate_left(came.len());
            self.tail[length - came.len()..].copy_from_slice(came);
        }
        if self.tail.starts_with(&READY) {
            self.due = None;
        } else {
            // More is due; the server is at work.
            self.expect_answer();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                self.take_note(&buffer.filled()[before..]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.poll_silence(context));
                let silence = self.silence.unwrap_or_default();
                let text = format!("PostgreSQL has not answered for {silence:?}");
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if self.due.is_none() {
            self.expect_answer();
            // The task may not read again before the time is up.
            let _ = self.poll_silence(context);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::timeout,
    };

    use super::*;

    const SILENCE: Duration = Duration::from_secs(25);
    const ANSWER: &[u8] = b"T....Z\0\0\0\x05I";

    #[tokio::test(start_paused = true)]
    async fn a_server_that_owes_an_answer_is_given_up() {
        let (client, mut server) = duplex(1_024);
        let mut client = Watched::new(client, Some(SILENCE));
        let mut buffer = [0; 64];
        client.write_all(b"Q").await.expect("written");
        let begun = Instant::now();
        let error = client.read(&mut buffer).await.expect_err("given up");
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, SILENCE));

        // Each sign of life is a new start.
        let (client, other) = duplex(1_024);
        (server, _) = (other, server);
        let mut client = Watched::new(client, Some(SILENCE));
        client.write_all(b"Q").await.expect("written");
        for part in ANSWER.chunks(4) {
            sleep(SILENCE - Duration::from_secs(1)).await;
            server.write_all(part).await.expect("written");
            client.read_exact(&mut buffer[..part.len()]).await.expect("a part");
        }
        // And one that owes nothing may be silent.
        assert!(timeout(SILENCE * 10, client.read(&mut buffer)).await.is_err());
        drop(server);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_bound_there_is_none() {
        let (client, _server) = duplex(1_024);
        let mut client = Watched::new(client, None);
        client.write_all(b"Q").await.expect("written");
        assert!(timeout(SILENCE * 10, client.read(&mut [0; 8])).await.is_err());
    }
}
