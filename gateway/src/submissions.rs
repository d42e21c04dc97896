//! Big submissions: answered by 202 as soon as they are durable, and worked off in the background.
//!
//! PostgreSQL is the outbox, so they are accepted while the broker is down, too. The entries stand
//! in chunks of some hundreds, each with a submission id of its own from the start. The chunks of one
//! submission go through the pipeline one after the other, so that entries count in their order;
//! different submissions take turns ([`worker`]). A chunk that was sent twice, by whoever, is answered
//! the second time as it was the first, so nothing that ends a gateway changes any result.

pub(crate) mod failed;
pub(crate) mod intake;
pub(crate) mod outcome;
pub mod split;
pub(crate) mod store;
pub(crate) mod view;
pub(crate) mod worker;

mod options;
mod reception;
mod uploads;

pub use options::Options;

use std::sync::Arc;

use shared::database::Database;
use tokio::sync::Notify;
use uploads::Uploads;

use crate::callbacks::Guard;

/// What the handlers need of big submissions.
pub struct Submissions {
    database: Database,
    uploads: Uploads,
    guard: Guard,
    /// Tells the worker that there is something to do.
    arrived: Arc<Notify>,
}

impl Submissions {
    /// Big submissions in the gateway's database.
    pub fn new(database: Database, guard: Guard, arrived: Arc<Notify>) -> Self {
        Self { database, uploads: Uploads::default(), guard, arrived }
    }
}
