//! Submissions that are only tried, or pass over leads of other campaigns: linked in transactions of
//! their own, which look before they link.
//!
//! A dry run links and takes everything back, so that it is answered what the real one would be.
//! Those that pass over leads wait for each other, by a lock for each workspace: of two that want one
//! lead for two campaigns, the second finds what the first did. What was decided is kept, so that a
//! replay is answered the same.

mod rounds;

use std::collections::{HashMap, HashSet};

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use shared::{
    contract::Outcome,
    database::{DatabaseError, Presumption},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Key, Linked, Placed, Placement, TIMEOUT, Unit, link, link_in_time};
use crate::store::{
    decisions::{FindDecisions, InsertDecisions},
    others::{CountCampaigns, InOtherCampaigns},
};
use rounds::{PROBES, keys, rounds};

/// Links those of a batch that can be linked together, then the others, in order.
pub(super) async fn link_some(
    connection: &mut AsyncPgConnection,
    presumption: &mut Presumption,
    units: &[Unit],
) -> Result<Vec<Placed>, DatabaseError> {
    let plain: Vec<Unit> = units.iter().filter(|unit| unit.is_plain()).cloned().collect();
    let careful: Vec<&Unit> = units.iter().filter(|unit| !unit.is_plain()).collect();
    let mut plain = link_in_time(connection, presumption, &plain).await?.into_iter();
    let mut careful = link_carefully(connection, &careful).await?.into_iter();
    let placed =
        units.iter().map_while(|unit| if unit.is_plain() { plain.next() } else { careful.next() });
    Ok(placed.collect())
}

async fn link_carefully(
    connection: &mut AsyncPgConnection,
    units: &[&Unit],
) -> Result<Vec<Placed>, DatabaseError> {
    let campaigns = count_campaigns(connection, units).await?;
    let mut placed = Vec::with_capacity(units.len());
    for round in rounds(units, &campaigns) {
        match round {
            Err(error) => placed.push(Err(error)),
            Ok(round) => match timeout(TIMEOUT, link_round(connection, round, &campaigns)).await {
                Ok(done) => placed.extend(done?),
                Err(_) => {
                    return Err(DatabaseError::timed_out("linking did not end in time"));
                }
            },
        }
    }
    Ok(placed)
}

/// Links submissions that have no lead in common, all of them dry runs or none, in one transaction.
async fn link_round(
    connection: &mut AsyncPgConnection,
    units: &[&Unit],
    campaigns: &HashMap<Uuid, usize>,
) -> Result<Vec<Placed>, DatabaseError> {
    let dry_run = units.iter().all(|unit| unit.options.dry_run);
    connection.batch_execute(&begin(units, dry_run)).await?;
    let decided = if dry_run { HashMap::new() } else { find_decisions(connection, units).await? };
    let in_others = in_other_campaigns(connection, units, campaigns, &decided).await?;
    let skips: Vec<Vec<usize>> = units
        .iter()
        .map(|unit| match decided.get(&(unit.workspace_id, unit.id)) {
            Some(skipped) => skipped.clone(),
            None => skipped(unit, &in_others),
        })
        .collect();
    let remaining: Vec<Unit> =
        units.iter().zip(&skips).map(|(unit, skips)| without(unit, skips)).collect();
    let linked = link(connection, None, &remaining).await?;
    if dry_run {
        connection.batch_execute("ROLLBACK").await?;
    } else {
        insert_decisions(connection, units, &skips, &linked, &decided).await?;
        connection.batch_execute("COMMIT").await?;
    }
    let placed = linked.into_iter().zip(skips);
    Ok(placed.map(|(linked, skipped)| Ok(Placement { added: linked?, skipped })).collect())
}

/// Begins; unless it is only tried, no other such transaction of these workspaces may look meanwhile.
fn begin(units: &[&Unit], dry_run: bool) -> String {
    /// Locks of this kind, apart from all with one number; arbitrary but fixed.
    const KIND: i32 = 0x6c69_6e6b;
    if dry_run {
        return "BEGIN".to_owned();
    }
    let mut keys: Vec<i32> = units.iter().map(|unit| lock_key(unit.workspace_id)).collect();
    keys.sort_unstable();
    keys.dedup();
    let keys: Vec<String> = keys.iter().map(i32::to_string).collect();
    format!(
        "BEGIN; SELECT pg_advisory_xact_lock({KIND}, key) FROM unnest('{{{}}}'::int[]) AS key",
        keys.join(",")
    )
}

/// The lock that stands for a workspace. Two workspaces that share one merely wait for each other.
fn lock_key(workspace_id: Uuid) -> i32 {
    let (high, low) = workspace_id.as_u64_pair();
    ((high ^ low) >> 32) as i32 ^ (high ^ low) as i32
}

/// How many campaigns the workspaces have whose other campaigns matter.
async fn count_campaigns(
    connection: &mut AsyncPgConnection,
    units: &[&Unit],
) -> Result<HashMap<Uuid, usize>, DatabaseError> {
    let units = units.iter().filter(|unit| unit.options.skip_if_in_other_campaign);
    let workspaces: HashSet<_> = units.map(|unit| unit.workspace_id).collect();
    if workspaces.is_empty() {
        return Ok(HashMap::new());
    }
    let mut count = CountCampaigns::default();
    count.workspaces.extend(workspaces);
    let counts: Vec<(Uuid, i64)> = count.load(connection).await?;
    let counts = counts
        .into_iter()
        .map(|(workspace, count)| (workspace, usize::try_from(count).unwrap_or(usize::MAX)));
    Ok(counts.collect())
}

/// What was decided on these submissions before, by workspace and id.
async fn find_decisions(
    connection: &mut AsyncPgConnection,
    units: &[&Unit],
) -> Result<HashMap<(Uuid, Uuid), Vec<usize>>, DatabaseError> {
    let mut find = FindDecisions::default();
    for unit in units {
        find.workspaces.push(unit.workspace_id);
        find.submissions.push(unit.id);
    }
    let found: Vec<(Uuid, Uuid, String)> = find.load(connection).await?;
    let decisions = found.into_iter().map(|(workspace_id, id, skipped)| {
        let skipped = serde_json::from_str(&skipped)
            .map_err(|error| DatabaseError::Failed(format!("a decision is unreadable: {error}")))?;
        Ok(((workspace_id, id), skipped))
    });
    decisions.collect()
}

/// Those links that are not to be made, because the lead is in another campaign and not in this.
async fn in_other_campaigns(
    connection: &mut AsyncPgConnection,
    units: &[&Unit],
    campaigns: &HashMap<Uuid, usize>,
    decided: &HashMap<(Uuid, Uuid), Vec<usize>>,
) -> Result<HashSet<Key>, DatabaseError> {
    let mut in_others = HashSet::new();
    let (mut find, mut probes) = (InOtherCampaigns::default(), 0);
    for unit in units {
        let is_decided = decided.contains_key(&(unit.workspace_id, unit.id));
        if !unit.options.skip_if_in_other_campaign || is_decided {
            continue;
        }
        for (_, (workspace, campaign, lead)) in keys(unit) {
            find.workspaces.push(workspace);
            find.campaigns.push(campaign);
            find.leads.push(lead);
            probes += campaigns.get(&workspace).copied().unwrap_or_default();
            if probes >= PROBES {
                in_others.extend(std::mem::take(&mut find).load::<Key>(connection).await?);
                probes = 0;
            }
        }
    }
    if !find.leads.is_empty() {
        in_others.extend(find.load::<Key>(connection).await?);
    }
    Ok(in_others)
}

fn skipped(unit: &Unit, in_others: &HashSet<Key>) -> Vec<usize> {
    keys(unit).filter(|(_, key)| in_others.contains(key)).map(|(entry, _)| entry).collect()
}

/// The submission as if it had not asked for the leads that it passes over.
fn without(unit: &Unit, skipped: &[usize]) -> Unit {
    let mut unit = unit.clone();
    for &entry in skipped {
        if let Some(Outcome::Lead(lead)) = unit.outcomes.get(entry) {
            unit.outcomes[entry] = Outcome::Skipped(lead.clone());
        }
    }
    unit
}

/// Keeps what was decided for the first time.
async fn insert_decisions(
    connection: &mut AsyncPgConnection,
    units: &[&Unit],
    skips: &[Vec<usize>],
    linked: &[Linked],
    decided: &HashMap<(Uuid, Uuid), Vec<usize>>,
) -> Result<(), DatabaseError> {
    let mut insert = InsertDecisions::default();
    for ((unit, skips), linked) in units.iter().zip(skips).zip(linked) {
        if linked.is_ok() && !decided.contains_key(&(unit.workspace_id, unit.id)) {
            insert.workspaces.push(unit.workspace_id);
            insert.submissions.push(unit.id);
            insert.skipped.push(serde_json::json!(skips).to_string());
        }
    }
    if !insert.submissions.is_empty() {
        insert.execute(connection).await?;
    }
    Ok(())
}
