//! Linking a batch's leads to their campaigns, in one statement.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    contract::{ErrorBody, Outcome},
    database::{Database, DatabaseError},
    worker::Work,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::store::{
    existing_campaigns,
    links::{FindLinks, InsertLinks},
};

/// The client's own deadline for a batch, above the server's for each statement.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Campaigns that are remembered to exist.
const MAX_KNOWN: usize = 100_000;

/// A submission whose leads are known.
#[derive(Debug)]
pub struct Unit {
    /// The submission's id.
    pub id: Uuid,
    /// Its workspace.
    pub workspace_id: Uuid,
    /// The campaign to link to.
    pub campaign_id: Uuid,
    /// What the lead service made of each entry.
    pub outcomes: Vec<Outcome>,
}

/// For each entry whether it added its lead (`false` for a rejected one, too), or why the
/// submission failed whole.
pub type Linked = Result<Vec<bool>, ErrorBody>;

/// Carries batches of links into the database.
pub struct Linker {
    database: Database,
    connection: Option<AsyncPgConnection>,
    /// Campaigns, with their workspaces, that are known to exist. Campaigns are never deleted.
    known: HashSet<(Uuid, Uuid)>,
}

/// Workspace, campaign and lead: the primary key of a link, in its order.
type Key = (Uuid, Uuid, Uuid);
/// Submission and entry: who added a link.
type Mark = (Uuid, i32);

impl Linker {
    /// A linker that connects when it is first needed.
    pub fn new(database: Database) -> Self {
        Self { database, connection: None, known: HashSet::new() }
    }

    async fn link(
        &mut self,
        connection: &mut AsyncPgConnection,
        units: &[Unit],
    ) -> Result<Vec<Linked>, DatabaseError> {
        self.learn(connection, units).await?;
        let wanted = self.wanted(units);
        let added = add(connection, wanted).await?;
        Ok(units
            .iter()
            .map(|unit| {
                if !self.knows(unit) {
                    return Err(ErrorBody::not_found("Campaign"));
                }
                let entries = (0..).zip(&unit.outcomes);
                Ok(entries
                    .map(|(entry, outcome)| {
                        let mark = (unit.id, entry);
                        key(unit, outcome).is_some_and(|key| added.get(&key) == Some(&mark))
                    })
                    .collect())
            })
            .collect())
    }

    /// Asks for the campaigns that are not known yet.
    async fn learn(
        &mut self,
        connection: &mut AsyncPgConnection,
        units: &[Unit],
    ) -> Result<(), DatabaseError> {
        let unknown: HashSet<_> = units
            .iter()
            .filter(|unit| !self.knows(unit))
            .map(|unit| (unit.workspace_id, unit.campaign_id))
            .collect();
        if !unknown.is_empty() {
            if self.known.len() > MAX_KNOWN {
                self.known.clear();
            }
            let unknown: Vec<_> = unknown.into_iter().collect();
            self.known.extend(existing_campaigns(connection, &unknown).await?);
        }
        Ok(())
    }

    fn knows(&self, unit: &Unit) -> bool {
        self.known.contains(&(unit.workspace_id, unit.campaign_id))
    }

    /// The links to add, sorted; where entries want the same link, the first of them gets it.
    fn wanted(&self, units: &[Unit]) -> BTreeMap<Key, Mark> {
        let mut wanted = BTreeMap::new();
        for unit in units.iter().filter(|unit| self.knows(unit)) {
            for (entry, outcome) in (0..).zip(&unit.outcomes) {
                if let Some(key) = key(unit, outcome) {
                    wanted.entry(key).or_insert((unit.id, entry));
                }
            }
        }
        wanted
    }
}

#[async_trait]
impl Work<Unit> for Linker {
    type Done = Linked;

    async fn work(&mut self, units: &[Unit]) -> Result<Vec<Linked>, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.pipeline_connection().await?,
        };
        match timeout(TIMEOUT, self.link(&mut connection, units)).await {
            Ok(Ok(linked)) => {
                self.connection = Some(connection);
                Ok(linked)
            }
            // Links are ids and numbers, which no table refuses: it is never the data's fault.
            Ok(Err(error)) => Err(DatabaseError::Unavailable(error.to_string())),
            Err(_) => Err(DatabaseError::Unavailable("linking took too long".to_owned())),
        }
    }
}

fn key(unit: &Unit, outcome: &Outcome) -> Option<Key> {
    match outcome {
        Outcome::Lead(lead) => Some((unit.workspace_id, unit.campaign_id, lead.lead_id)),
        Outcome::Rejected(_) => None,
    }
}

/// Adds the links that are missing and returns who added each of them, now or earlier.
async fn add(
    connection: &mut AsyncPgConnection,
    wanted: BTreeMap<Key, Mark>,
) -> Result<HashMap<Key, Mark>, DatabaseError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let mut insert = InsertLinks::default();
    for (&(workspace, campaign, lead), &(submission, entry)) in &wanted {
        insert.workspaces.push(workspace);
        insert.campaigns.push(campaign);
        insert.leads.push(lead);
        insert.submissions.push(submission);
        insert.entries.push(entry);
    }
    if insert.execute(connection).await? == wanted.len() {
        return Ok(wanted.into_iter().collect());
    }
    // Some were there. A statement of its own: the first one's snapshot does not see a link that
    // somebody else committed meanwhile.
    let mut find = FindLinks::default();
    for &(workspace, campaign, lead) in wanted.keys() {
        find.workspaces.push(workspace);
        find.campaigns.push(campaign);
        find.leads.push(lead);
    }
    let found: Vec<(Uuid, Uuid, Uuid, Uuid, i32)> = find.load(connection).await?;
    Ok(found
        .into_iter()
        .map(|(workspace, campaign, lead, submission, entry)| {
            ((workspace, campaign, lead), (submission, entry))
        })
        .collect())
}
