//! What each workspace is sending just now, second by second, through this gateway.

mod ring;

pub use ring::{Latency, Leads, Ring, Seconds};

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use uuid::Uuid;

/// Workspaces that are watched at once, some 20 KB each.
const MAX_WORKSPACES: u64 = 500;
/// A workspace that sent nothing and asked for nothing for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// The recent past of all workspaces, in bounded memory.
pub struct Activity(Cache<Uuid, Arc<Ring>>);

impl Activity {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Cache::builder().max_capacity(MAX_WORKSPACES).time_to_idle(FORGOTTEN).build())
    }

    /// That of a workspace.
    pub fn of(&self, workspace_id: Uuid) -> Arc<Ring> {
        self.0.get_with(workspace_id, Arc::default)
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self::new()
    }
}
