//! Looking through a queue in memory.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{
    super::{BatchLimit, Browser, BusError, Shown},
    MemoryQueue, Waiting,
};

/// Takes everything out of a queue and puts back what was not removed.
pub(super) struct MemoryBrowser {
    queue: Arc<MemoryQueue>,
    /// By their places.
    held: BTreeMap<u64, Waiting>,
    next: u64,
    count: u64,
}

impl MemoryBrowser {
    /// Takes what is there.
    pub(super) fn new(queue: Arc<MemoryQueue>) -> Self {
        let all = BatchLimit { messages: u16::MAX, bytes: usize::MAX };
        let held: BTreeMap<_, _> = (0..).zip(queue.take(all)).collect();
        Self { queue, next: 0, count: held.len() as u64, held }
    }
}

#[async_trait]
impl Browser for MemoryBrowser {
    async fn next(&mut self) -> Result<Option<Shown>, BusError> {
        let tag = self.next;
        let shown = self.held.get(&tag).map(|held| Shown { message: held.message.clone(), tag });
        self.next += u64::from(shown.is_some());
        Ok(shown)
    }

    fn left(&self) -> u32 {
        u32::try_from(self.count - self.next).unwrap_or(u32::MAX)
    }

    async fn remove(&mut self, shown: Shown) -> Result<(), BusError> {
        self.held.remove(&shown.tag);
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), BusError> {
        Ok(())
    }
}

impl Drop for MemoryBrowser {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.queue.put_back(held.into_values().collect());
    }
}
