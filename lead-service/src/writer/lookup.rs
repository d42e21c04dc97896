//! What a batch has to know before it is resolved.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::try_join;
use uuid::Uuid;

use crate::{
    resolve::Directory,
    store::{
        self, LeadRow,
        lookups::{LeadsByEmail, LeadsById, LeadsByPhone},
        records::FindRecords,
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
}

impl<'a> Lookup<'a> {
    pub(super) fn of(units: &'a [Unit]) -> Self {
        let mut lookup = Self::default();
        let (mut ids, mut phones, mut emails) = (HashSet::new(), HashSet::new(), HashSet::new());
        for unit in units {
            let workspace_id = unit.workspace_id;
            lookup.records.workspaces.push(workspace_id);
            lookup.records.ids.push(unit.id);
            for entry in unit.entries.iter().flatten() {
                if let Some(id) = entry.lead_id
                    && ids.insert((workspace_id, id))
                {
                    lookup.ids.workspaces.push(workspace_id);
                    lookup.ids.ids.push(id);
                }
                if let Some(phone) = &entry.phone
                    && phones.insert((workspace_id, phone))
                {
                    lookup.phones.workspaces.push(workspace_id);
                    lookup.phones.phones.push(phone.as_str());
                }
                if let Some(email) = &entry.email
                    && emails.insert((workspace_id, email))
                {
                    lookup.emails.workspaces.push(workspace_id);
                    lookup.emails.emails.push(email.as_str());
                }
            }
        }
        lookup
    }

    /// Sends all look-ups at once.
    pub(super) async fn run(self, on: &AsyncPgConnection) -> QueryResult<Found> {
        let (mut a, mut b, mut c, mut d) = (on, on, on, on);
        let (records, by_id, by_phone, by_email) = try_join!(
            self.records.load::<(Uuid, Uuid, Vec<u8>, Vec<u8>)>(&mut a),
            self.ids.load::<LeadRow>(&mut b),
            self.phones.load::<LeadRow>(&mut c),
            self.emails.load::<LeadRow>(&mut d),
        )?;
        let mut found = Found::default();
        for (workspace_id, id, fingerprint, outcomes) in records {
            found.records.insert((workspace_id, id), Record { fingerprint, outcomes });
        }
        for row in by_id.into_iter().chain(by_phone).chain(by_email) {
            let (workspace_id, lead) = store::lead(row);
            found.directories.entry(workspace_id).or_default().add(lead);
        }
        Ok(found)
    }
}
