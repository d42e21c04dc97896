//! Options of the main endpoint (docs/api.md): the same over HTTP and over the queue.

mod all_or_nothing;
mod big;
mod dry_run;
mod refs;
mod skip;

use serde_json::Value;

use crate::system::{System, each};

/// Leads, links and records of the lead service.
async fn written(system: &System) -> [i64; 3] {
    let mut counts = [0; 3];
    for (table, count) in
        ["lead.leads", "campaign.links", "lead.submissions"].iter().zip(&mut counts)
    {
        *count = system.count(table).await;
    }
    counts
}

/// The statuses of the results.
fn statuses(data: &Value) -> Vec<&Value> {
    each(data, "status")
}
