//! Linking a batch's leads to their campaigns, in one statement where all of them are new.
//!
//! The statement adds, counts, and says of each campaign whether it exists and is open. Leads that
//! were there before the batch may be linked already, and are looked up first: to find a link costs
//! less than to add it in vain. Only where a link was there against all expectation, or a campaign is
//! archived, is more asked: see [`judgement`]. Submissions that have to look before they link are
//! linked by [`careful`].

mod careful;
mod judgement;
mod placement;

pub use placement::{Placed, Placement};

use std::{
    collections::{BTreeMap, HashMap, HashSet, btree_map::Entry},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    contract::{ErrorBody, Options, Outcome, Resolved},
    database::{Database, DatabaseError, Presumption, is_refuted},
    origin::Origin,
    traces::{Kind, Tracer},
    worker::{Submitted, Work},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::store::{
    links::{AddLinks, AddedRow, FindLinks, NewLinks, ReaddLinks},
    removals::FindRemovals,
};
use judgement::{Known, Link, Readded};

/// The client's own deadline for a batch, above the server's for each statement.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long statements without data may take, with connecting.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a batch is looked at again because somebody else changed a link at the same moment.
const ROUNDS: usize = 10;

/// A submission whose leads are known.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The submission's id.
    pub id: Uuid,
    /// Where it comes from.
    pub origin: Origin,
    /// Its workspace.
    pub workspace_id: Uuid,
    /// The campaign to link to.
    pub campaign_id: Uuid,
    /// When the lead service first decided on it.
    pub resolved_at: DateTime<Utc>,
    /// What was asked for beside.
    pub options: Options,
    /// What the caller calls its entries, in their order; may end before them.
    pub refs: Vec<Option<String>>,
    /// What the lead service made of each entry.
    pub outcomes: Vec<Outcome>,
}

/// For each entry whether it added its lead (`false` for a rejected one, too), or why the
/// submission failed whole.
type Linked = Result<Vec<bool>, ErrorBody>;

/// Workspace and id of a campaign.
type CampaignKey = (Uuid, Uuid);
/// Workspace, campaign and lead: the primary key of a link, in its order.
type Key = (Uuid, Uuid, Uuid);
/// Submission and entry: who added a link.
type Mark = (Uuid, i32);

/// Carries batches of links into the database.
pub struct Linker {
    database: Database,
    tracer: Tracer,
    connection: Option<AsyncPgConnection>,
    presumption: Presumption,
}

impl Linker {
    /// A linker that connects when it is first needed.
    pub fn new(database: Database, tracer: Tracer) -> Self {
        Self { database, tracer, connection: None, presumption: Presumption::default() }
    }
}

#[async_trait]
impl Work<Unit> for Linker {
    type Done = Placed;

    async fn work(&mut self, units: &[Unit]) -> Result<Vec<Placed>, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.pipeline_connection().await?,
        };
        let traces = units.iter().map(|unit| unit.origin.trace);
        let sql = Kind::Sql { operation: "INSERT", table: "campaign.links" };
        let presumption = &mut self.presumption;
        let placed = self.tracer.spans(sql, traces).around(async {
            if units.iter().all(Unit::is_plain) {
                link_in_time(&mut connection, presumption, units).await
            } else {
                careful::link_some(&mut connection, presumption, units).await
            }
        });
        let placed = placed.await;
        // After a failure, the connection goes: its transaction may hold locks.
        let placed = placed?;
        self.connection = Some(connection);
        Ok(placed)
    }

    /// Adds no links to no campaign, by the statement that adds some.
    async fn probe(&mut self, _: &[Unit]) -> Result<(), DatabaseError> {
        let probe = async {
            let mut connection = self.database.pipeline_connection().await?;
            add_links(&mut connection, false, &NewLinks::default()).await?;
            find(&mut connection, &[(Uuid::nil(), Uuid::nil(), Uuid::nil())]).await?;
            Ok(())
        };
        let late = || DatabaseError::timed_out("a probe did not end in time");
        timeout(PROBE_TIMEOUT, probe).await.map_err(|_| late())?
    }
}

impl Submitted for Unit {
    fn id(&self) -> Uuid {
        self.id
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Unit {
    /// Whether it can be linked in one statement, together with all others.
    fn is_plain(&self) -> bool {
        !self.options.dry_run && !self.options.skip_if_in_other_campaign
    }

    fn campaign(&self) -> CampaignKey {
        (self.workspace_id, self.campaign_id)
    }

    /// The entries' marks, and the links that they want unless they were rejected.
    fn entries(&self) -> impl Iterator<Item = (Mark, Option<Key>)> {
        self.leads().map(|(mark, lead)| (mark, lead.map(|lead| self.key(lead))))
    }

    /// The entries' marks, and the leads that they became unless they were rejected.
    fn leads(&self) -> impl Iterator<Item = (Mark, Option<&Resolved>)> {
        (0..).zip(&self.outcomes).map(|(entry, outcome)| {
            let lead = match outcome {
                Outcome::Lead(lead) => Some(lead),
                Outcome::Rejected(_)
                | Outcome::Suppressed(_)
                | Outcome::Skipped(_)
                | Outcome::NotApplied => None,
            };
            ((self.id, entry), lead)
        })
    }

    fn key(&self, lead: &Resolved) -> Key {
        (self.workspace_id, self.campaign_id, lead.lead_id)
    }
}

/// The links that a campaign is to get, sorted; where entries want the same link, the first of them
/// gets it.
type Wanted = BTreeMap<CampaignKey, BTreeMap<Key, Mark>>;

async fn link_in_time(
    connection: &mut AsyncPgConnection,
    presumption: &mut Presumption,
    units: &[Unit],
) -> Result<Vec<Placed>, DatabaseError> {
    match timeout(TIMEOUT, link(connection, Some(presumption), units)).await {
        Ok(linked) => Ok(linked?.into_iter().map(Placement::of).collect()),
        Err(_) => Err(DatabaseError::timed_out("linking did not end in time")),
    }
}

/// Links in transactions of their own, unless the connection is in one; then nothing may be presumed,
/// because a refusal would end it.
async fn link(
    connection: &mut AsyncPgConnection,
    mut presumption: Option<&mut Presumption>,
    units: &[Unit],
) -> Result<Vec<Linked>, DatabaseError> {
    let mut wanted = Wanted::new();
    let mut met = Vec::new();
    for unit in units {
        let of_campaign = wanted.entry(unit.campaign()).or_default();
        for (mark, lead) in unit.leads() {
            let Some(lead) = lead else { continue };
            if let Entry::Vacant(vacant) = of_campaign.entry(unit.key(lead)) {
                if !lead.created {
                    met.push(*vacant.key());
                }
                vacant.insert(mark);
            }
        }
    }
    let mut found = find(connection, &met).await?;
    for _ in 0..ROUNDS {
        let missing = |(key, _): &(&Key, &Mark)| !found.contains_key(*key);
        let presumption = presumption.as_deref_mut();
        let (campaigns, added) = add(connection, presumption, &wanted, missing).await?;
        wanted.retain(|campaign, _| campaigns.contains_key(campaign));
        let all_open = campaigns.values().all(Option::is_none);
        let missing: Vec<_> = wanted.values().flatten().filter(missing).collect();
        let links = if all_open && added == missing.len() {
            let missing: Vec<_> = missing.into_iter().map(Link::added).collect();
            found.extend(missing);
            found
        } else {
            find(connection, wanted.values().flat_map(BTreeMap::keys)).await?
        };
        let mut known = Known { campaigns, links, ..Known::default() };
        known.removed = find_removed(connection, known.doubts(units)).await?;
        let judgement = known.judge(units);
        if judgement.settled {
            return Ok(judgement.linked);
        }
        readd(connection, judgement.readded).await?;
        // Whatever was found may be different by now.
        found = HashMap::new();
    }
    Err(DatabaseError::Unavailable("the links were changed again and again".to_owned()))
}

/// Adds those of the links that are `missing`. Returns the campaigns that exist, with since when they
/// are archived, and how many links were added.
async fn add(
    connection: &mut AsyncPgConnection,
    presumption: Option<&mut Presumption>,
    wanted: &Wanted,
    missing: impl Fn(&(&Key, &Mark)) -> bool,
) -> Result<(HashMap<CampaignKey, Option<DateTime<Utc>>>, usize), DatabaseError> {
    let mut new = NewLinks::default();
    for (&(workspace, campaign), links) in wanted {
        let place = |links: &[Uuid]| i32::try_from(links.len()).unwrap_or(i32::MAX);
        new.workspaces.push(workspace);
        new.campaigns.push(campaign);
        new.firsts.push(place(&new.leads) + 1);
        for (&(_, _, lead), &(submission, entry)) in links.iter().filter(&missing) {
            new.leads.push(lead);
            new.submissions.push(submission);
            new.entries.push(entry);
        }
        new.lasts.push(place(&new.leads));
    }
    let is_presumed = presumption.as_ref().is_some_and(|presumption| presumption.holds());
    let rows = add_links(connection, is_presumed, &new).await?;
    let added = rows.as_slice().first().map_or(0, |(_, _, _, added)| *added);
    let added = usize::try_from(added).unwrap_or_default();
    if let Some(presumption) = presumption {
        presumption.learn(added == new.leads.len());
    }
    let campaigns = rows
        .into_iter()
        .map(|(workspace, campaign, archived_at, _)| ((workspace, campaign), archived_at));
    Ok((campaigns.collect(), added))
}

/// Adds links: at first as if none were there, where that `is_presumed`.
async fn add_links(
    connection: &mut AsyncPgConnection,
    is_presumed: bool,
    new: &NewLinks,
) -> Result<Vec<AddedRow>, DatabaseError> {
    if is_presumed {
        let added = AddLinks::<true>(new).load(connection).await;
        if !is_refuted(&added) {
            return Ok(added?);
        }
    }
    Ok(AddLinks::<false>(new).load(connection).await?)
}

/// The links as they stand. A statement of its own: the first one's snapshot does not see a link
/// that somebody else committed meanwhile.
async fn find(
    connection: &mut AsyncPgConnection,
    keys: impl IntoIterator<Item = &Key>,
) -> Result<HashMap<Key, Link>, DatabaseError> {
    let mut find = FindLinks::default();
    for &(workspace, campaign, lead) in keys {
        find.workspaces.push(workspace);
        find.campaigns.push(campaign);
        find.leads.push(lead);
    }
    if find.leads.is_empty() {
        return Ok(HashMap::new());
    }
    type Row = (Uuid, Uuid, Uuid, Uuid, i32, Option<DateTime<Utc>>, bool);
    let found: Vec<Row> = find.load(connection).await?;
    let links = found.into_iter().map(
        |(workspace, campaign, lead, submission, entry, removed_at, readded)| {
            let link = Link { mark: (submission, entry), removed_at, readded };
            ((workspace, campaign, lead), link)
        },
    );
    Ok(links.collect())
}

/// Which of these submissions had added these links before they were removed, and by which entry.
async fn find_removed(
    connection: &mut AsyncPgConnection,
    doubts: Vec<(Key, Uuid)>,
) -> Result<HashSet<(Key, Mark)>, DatabaseError> {
    if doubts.is_empty() {
        return Ok(HashSet::new());
    }
    let mut find = FindRemovals::default();
    for ((workspace, campaign, lead), submission) in doubts {
        find.workspaces.push(workspace);
        find.campaigns.push(campaign);
        find.leads.push(lead);
        find.submissions.push(submission);
    }
    let found: Vec<(Uuid, Uuid, Uuid, Uuid, i32)> = find.load(connection).await?;
    let removed = found.into_iter().map(|(workspace, campaign, lead, submission, entry)| {
        ((workspace, campaign, lead), (submission, entry))
    });
    Ok(removed.collect())
}

/// Adds removed links again.
async fn readd(
    connection: &mut AsyncPgConnection,
    readded: BTreeMap<Key, Readded>,
) -> Result<(), DatabaseError> {
    let mut readd = ReaddLinks::default();
    for ((workspace, campaign, lead), again) in readded {
        let Readded { mark: (submission, entry), removed_at, begun } = again;
        readd.workspaces.push(workspace);
        readd.campaigns.push(campaign);
        readd.leads.push(lead);
        readd.submissions.push(submission);
        readd.entries.push(entry);
        readd.removed.push(removed_at);
        readd.begun.push(begun);
    }
    if !readd.leads.is_empty() {
        readd.execute(connection).await?;
    }
    Ok(())
}
