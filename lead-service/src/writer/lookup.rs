//! What a batch has to know before it is resolved.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::try_join;
use shared::{database::sparse, entry::Phone};
use uuid::Uuid;

use super::suppressed;
use crate::{
    resolve::Directory,
    store::{
        self, LeadRow,
        lookups::{LeadsByEmail, LeadsById, LeadsByPhone},
        records::FindRecords,
        suppressed::SuppressingWorkspaces,
    },
    unit::Unit,
};

/// The look-ups of a batch, each identifier once.
#[derive(Default)]
pub(super) struct Lookup<'a> {
    records: FindRecords<'a>,
    ids: LeadsById<'a>,
    phones: LeadsByPhone<'a>,
    emails: LeadsByEmail<'a>,
    /// Workspaces in which an entry brings details.
    detailed: HashSet<Uuid>,
    suppressing: SuppressingWorkspaces<'a>,
    units: &'a [Unit],
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Submissions that were answered before, by workspace and id.
    pub(super) records: HashMap<(Uuid, Uuid), Record>,
    /// The leads that the entries can name, by workspace.
    pub(super) directories: HashMap<Uuid, Directory>,
}

/// What a submission was answered.
pub(super) struct Record {
    pub(super) fingerprint: Vec<u8>,
    pub(super) outcomes: Vec<u8>,
    pub(super) resolved_at: DateTime<Utc>,
}

impl<'a> Lookup<'a> {
    pub(super) fn of(units: &'a [Unit]) -> Self {
        let mut lookup = Self { units, ..Self::default() };
        let (mut ids, mut phones, mut emails) = (HashSet::new(), HashSet::new(), HashSet::new());
        let detailed: HashSet<Uuid> =
            units.iter().filter(|unit| unit.has_details()).map(|unit| unit.workspace_id).collect();
        let mut workspaces = HashSet::new();
        for unit in units {
            let workspace_id = unit.workspace_id;
            // Of all leads that the workspace's entries name: one that names a lead without details
            // can lead another to it that brings some.
            let details = detailed.contains(&workspace_id).then_some(true);
            lookup.records.workspaces.push(workspace_id);
            lookup.records.ids.push(unit.id);
            if workspaces.insert(workspace_id) {
                lookup.suppressing.workspaces.push(workspace_id);
            }
            for entry in unit.entries.iter().flatten() {
                if let Some(id) = entry.lead_id
                    && ids.insert((workspace_id, id))
                {
                    sparse(&mut lookup.ids.detailed, lookup.ids.workspaces.len(), details);
                    lookup.ids.workspaces.push(workspace_id);
                    lookup.ids.ids.push(id);
                }
                if let Some(phone) = &entry.phone
                    && phones.insert((workspace_id, phone))
                {
                    sparse(&mut lookup.phones.detailed, lookup.phones.workspaces.len(), details);
                    lookup.phones.workspaces.push(workspace_id);
                    lookup.phones.phones.push(phone.as_str());
                }
                if let Some(email) = &entry.email
                    && emails.insert((workspace_id, email))
                {
                    sparse(&mut lookup.emails.detailed, lookup.emails.workspaces.len(), details);
                    lookup.emails.workspaces.push(workspace_id);
                    lookup.emails.emails.push(email.as_str());
                    lookup.emails.phones.push(entry.phone.as_ref().map(Phone::as_str));
                }
            }
        }
        lookup.detailed = detailed;
        lookup
    }

    /// Has every look-up prepared, on a new connection.
    pub(super) async fn prepare(mut on: &AsyncPgConnection) -> QueryResult<()> {
        let Self { records, ids, phones, emails, suppressing, detailed: _, units: _ } =
            Self::default();
        records.execute(&mut on).await?;
        ids.execute(&mut on).await?;
        phones.execute(&mut on).await?;
        emails.execute(&mut on).await?;
        suppressing.execute(&mut on).await?;
        suppressed::prepare(on).await
    }

    /// Sends all look-ups at once, those by email on a connection of their own where there is one.
    /// Then, for workspaces that suppress anybody, one more.
    pub(super) async fn run(
        self,
        on: &AsyncPgConnection,
        beside: Option<&AsyncPgConnection>,
    ) -> QueryResult<Found> {
        let Self { records, ids, phones, emails, detailed, suppressing, units } = self;
        let (mut a, mut b, mut c, mut d, mut e) = (on, on, on, beside.unwrap_or(on), on);
        let (records, by_id, by_phone, by_email, suppressing) = try_join!(
            records.load::<(Uuid, Uuid, Vec<u8>, Vec<u8>, DateTime<Utc>)>(&mut a),
            async { if ids.ids.is_empty() { Ok(vec![]) } else { ids.load(&mut b).await } },
            async { if phones.phones.is_empty() { Ok(vec![]) } else { phones.load(&mut c).await } },
            async { if emails.emails.is_empty() { Ok(vec![]) } else { emails.load(&mut d).await } },
            suppressing.load::<Uuid>(&mut e),
        )?;
        let mut found = Found::default();
        for (workspace_id, id, fingerprint, outcomes, resolved_at) in records {
            let record = Record { fingerprint, outcomes, resolved_at };
            found.records.insert((workspace_id, id), record);
        }
        let rows: [Vec<LeadRow>; 3] = [by_id, by_phone, by_email];
        for row in rows.into_iter().flatten() {
            let detailed = detailed.contains(&row.0);
            let (workspace_id, lead) = store::lead(row, detailed);
            found.directories.entry(workspace_id).or_default().add(lead);
        }
        if !suppressing.is_empty() {
            suppressed::look_up(on, units, &suppressing, &mut found).await?;
        }
        Ok(found)
    }
}
