//! Who waits for which reply.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The calls of one process that wait for a reply, by correlation id.
#[derive(Clone, Default)]
pub(super) struct Replies {
    waiting: Arc<Mutex<HashMap<String, oneshot::Sender<Bytes>>>>,
}

/// One call's place in [`Replies`]; given up when dropped.
pub(super) struct Waiting {
    /// What the reply must carry.
    pub(super) correlation_id: String,
    /// Yields the first reply.
    pub(super) reply: oneshot::Receiver<Bytes>,
    replies: Replies,
}

impl Replies {
    /// Begins to wait, under a correlation id that nobody can guess.
    pub(super) fn wait(&self) -> Waiting {
        let correlation_id = Uuid::new_v4().simple().to_string();
        let (sender, reply) = oneshot::channel();
        self.lock().insert(correlation_id.clone(), sender);
        Waiting { correlation_id, reply, replies: self.clone() }
    }

    /// Hands a reply to who waits for it. Late, repeated and unknown ones are dropped: the truth
    /// is in the database, and whoever gave up will ask again.
    pub(super) fn deliver(&self, correlation_id: &str, body: Bytes) {
        match self.lock().remove(correlation_id) {
            Some(waiter) => drop(waiter.send(body)),
            None => tracing::debug!("a reply came that nobody waits for"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Bytes>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.replies.lock().remove(&self.correlation_id);
    }
}
