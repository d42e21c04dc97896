//! How many big submissions may arrive at once: each takes memory, a database connection now and
//! again, and minutes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::error::ApiError;

/// In all.
const MAX: usize = 32;
/// Of one workspace, which can so never keep all others out.
const MAX_OF_WORKSPACE: usize = 4;

/// The big submissions that arrive just now, by workspace.
#[derive(Clone, Default)]
pub(super) struct Uploads {
    under_way: Arc<Mutex<HashMap<Uuid, usize>>>,
}

/// One that arrives, until it is dropped.
pub(super) struct Upload {
    uploads: Uploads,
    workspace_id: Uuid,
}

impl Uploads {
    /// Counts another one.
    ///
    /// # Errors
    /// 503 when there are too many.
    pub(super) fn enter(&self, workspace_id: Uuid) -> Result<Upload, ApiError> {
        let mut under_way = self.lock();
        let all: usize = under_way.values().sum();
        let own = under_way.get(&workspace_id).copied().unwrap_or_default();
        if all >= MAX || own >= MAX_OF_WORKSPACE {
            return Err(ApiError::overloaded());
        }
        under_way.insert(workspace_id, own + 1);
        Ok(Upload { uploads: self.clone(), workspace_id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut under_way = self.uploads.lock();
        let left = under_way.remove(&self.workspace_id).unwrap_or_default().saturating_sub(1);
        if left > 0 {
            under_way.insert(self.workspace_id, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_keeps_nobody_out() {
        let uploads = Uploads::default();
        let own: Vec<_> = (0..MAX_OF_WORKSPACE).map(|_| uploads.enter(Uuid::nil())).collect();
        assert!(own.iter().all(Result::is_ok));
        assert!(uploads.enter(Uuid::nil()).is_err());
        let others: Vec<_> = (0..MAX).map(|_| uploads.enter(Uuid::now_v7())).collect();
        assert_eq!(others.iter().filter(|upload| upload.is_ok()).count(), MAX - MAX_OF_WORKSPACE);
        drop((own, others));
        assert!(uploads.enter(Uuid::nil()).is_ok());
        assert_eq!(uploads.lock().len(), 0);
    }
}
