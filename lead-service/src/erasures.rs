//! Making the campaign service forget leads that were deleted here.
//!
//! What is to be forgotten is written in the transaction of the deletion, so that a crash leaves it
//! undone for a while but never forever.

use std::{collections::HashMap, sync::Arc, time::Duration};

use shared::{
    bus::{Message, Queue, SharedBus, within},
    contract::{Answer, CampaignRequest},
    crash,
    database::Database,
};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::erasures;

/// How long to wait for the next look, unless a lead is deleted.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long the campaign service may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Tells the campaign service of what is due, until stopped. `deleted` says that something may be.
pub async fn run(
    bus: SharedBus,
    database: Database,
    deleted: Arc<Notify>,
    stop: CancellationToken,
) {
    loop {
        crash::point("lead-service::erasing");
        let told = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            told = tell(&bus, &database) => told,
        };
        let told = told.unwrap_or_else(|error| {
            tracing::warn!(%error, "deleted leads still have links");
            0
        });
        let pause = if told > 0 { Duration::ZERO } else { INTERVAL };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = deleted.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Tells of one portion and says of how many leads.
async fn tell(bus: &SharedBus, database: &Database) -> anyhow::Result<usize> {
    let due = erasures::due(&mut *database.connection().await?).await?;
    let count = due.len();
    let mut workspaces: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for erasures::Due { workspace_id, lead_id } in due {
        workspaces.entry(workspace_id).or_default().push(lead_id);
    }
    for (workspace_id, lead_ids) in workspaces {
        let request = CampaignRequest::ForgetLeads { workspace_id, lead_ids: lead_ids.clone() };
        let request = Message::new(serde_json::to_vec(&request)?);
        let reply = bus.call(Queue::CampaignRequests, request, within(TIMEOUT)).await?;
        Result::from(serde_json::from_slice::<Answer<()>>(&reply)?)?;
        erasures::told(&mut *database.connection().await?, workspace_id, &lead_ids).await?;
    }
    Ok(count)
}
