//! One change of a workspace at a time, so that those of one workspace, which wait for each other, take
//! nothing that other workspaces need.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

/// Changes of one workspace that may wait in a process.
const MAX_WAITING: usize = 128;

/// Whose turn it is, by workspace.
#[derive(Clone, Default)]
pub struct WorkspaceTurns {
    turns: Arc<Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>>,
}

/// A turn, until it is dropped.
pub struct Turn {
    guard: Option<OwnedMutexGuard<()>>,
    workspace_id: Uuid,
    turns: WorkspaceTurns,
}

impl WorkspaceTurns {
    /// Waits for the workspace's turn. `None` where too many wait already.
    pub async fn take(&self, workspace_id: Uuid) -> Option<Turn> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = turns.entry(workspace_id).or_default();
            // One is the map's own, and one of whoever has the turn.
            if Arc::strong_count(turn) > MAX_WAITING + 1 {
                return None;
            }
            Arc::clone(turn)
        };
        let mut taken = Turn { guard: None, workspace_id, turns: self.clone() };
        taken.guard = Some(turn.lock_owned().await);
        Some(taken)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut turns = self.turns.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.get(&self.workspace_id).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.workspace_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_workspace_waits_for_itself_alone() {
        let (turns, one, other) =
            (WorkspaceTurns::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let first = turns.take(one).await.expect("free");
        let mut second = Box::pin(turns.take(one));
        assert!((&mut second).now_or_never().is_none(), "it waits");
        assert!(turns.take(other).now_or_never().is_some(), "the other does not");
        drop(first);
        drop(second.await.expect("its turn"));
        assert!(turns.turns.lock().expect("whole").is_empty(), "nothing is kept");
    }

    #[tokio::test]
    async fn a_bounded_number_waits() {
        let turns = WorkspaceTurns::default();
        let first = turns.take(Uuid::nil()).await.expect("free");
        let mut waiting: Vec<_> =
            (0..MAX_WAITING).map(|_| Box::pin(turns.take(Uuid::nil()))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
        assert!(turns.take(Uuid::nil()).await.is_none());
        // Those who have given up make room.
        waiting.clear();
        drop(first);
        assert!(turns.take(Uuid::nil()).await.is_some());
    }
}
