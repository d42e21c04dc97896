//! What a batch has to know before it is resolved.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::try_join;
use shared::{
    database::sparse,
    entry::{Email, Phone},
};
use uuid::Uuid;

use super::{batch::workspaces, suppressed};
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

/// Where leads are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// By every phone and email.
    Full,
    /// Not by an email that has a phone beside it.
    PhonesFirst,
}

/// The look-ups of a batch, each identifier once.
#[derive(Default)]
pub(super) struct Lookup<'a> {
    records: FindRecords<'a>,
    ids: LeadsById<'a>,
    /// In two parts, where both can be looked up at once.
    phones: [LeadsByPhone<'a>; 2],
    emails: LeadsByEmail<'a>,
    /// Those of the emails that stand without a phone somewhere, in order.
    without_phone: Vec<(Uuid, &'a str)>,
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
    /// Workspaces that suppress anybody.
    pub(super) suppressing: Vec<Uuid>,
    /// Whether a lead was found by an email that stands beside a phone wherever it stands.
    pub(super) by_email: bool,
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
    /// Of these units; `in_two` if there are two connections for it.
    pub(super) fn of(units: &'a [Unit], extent: Extent, in_two: bool) -> Self {
        let mut lookup = Self { units, ..Self::default() };
        lookup.detailed =
            units.iter().filter(|unit| unit.has_details()).map(|unit| unit.workspace_id).collect();
        lookup.suppressing.workspaces = workspaces(units);
        let (mut ids, mut phones, mut emails) = (Vec::new(), Vec::new(), Vec::new());
        for unit in units {
            let workspace_id = unit.workspace_id;
            lookup.records.workspaces.push(workspace_id);
            lookup.records.ids.push(unit.id);
            for entry in unit.entries.iter().flatten() {
                let phone = entry.phone.as_ref().map(Phone::as_str);
                let email = entry.email.as_ref().map(Email::as_str);
                ids.extend(entry.lead_id.map(|id| (workspace_id, id)));
                phones.extend(phone.map(|phone| (workspace_id, phone)));
                if extent == Extent::Full || phone.is_none() {
                    emails.extend(email.map(|email| (workspace_id, email, phone)));
                }
            }
        }
        // In the order of the indexes: neighbours are on the same pages.
        ids.sort_unstable();
        ids.dedup();
        phones.sort_unstable();
        phones.dedup();
        // One without a phone comes first, and remains.
        emails.sort_unstable();
        emails.dedup_by_key(|(workspace_id, email, _)| (*workspace_id, *email));
        // Details of all leads that the workspace's entries name: one that names a lead without them
        // can lead another to it that brings some.
        let details = |workspace_id| lookup.detailed.contains(&workspace_id).then_some(true);
        for (row, (workspace_id, id)) in ids.into_iter().enumerate() {
            sparse(&mut lookup.ids.detailed, row, details(workspace_id));
            lookup.ids.workspaces.push(workspace_id);
            lookup.ids.ids.push(id);
        }
        let halves = in_two && extent == Extent::PhonesFirst;
        let others = phones.split_off(if halves { phones.len() / 2 } else { phones.len() });
        for (part, phones) in lookup.phones.iter_mut().zip([phones, others]) {
            for (row, (workspace_id, phone)) in phones.into_iter().enumerate() {
                sparse(&mut part.detailed, row, details(workspace_id));
                part.workspaces.push(workspace_id);
                part.phones.push(phone);
            }
        }
        for (row, (workspace_id, email, phone)) in emails.into_iter().enumerate() {
            sparse(&mut lookup.emails.detailed, row, details(workspace_id));
            lookup.emails.workspaces.push(workspace_id);
            lookup.emails.emails.push(email);
            lookup.emails.phones.push(phone);
            if phone.is_none() {
                lookup.without_phone.push((workspace_id, email));
            }
        }
        lookup
    }

    /// Has every look-up prepared, on a new connection.
    pub(super) async fn prepare(mut on: &AsyncPgConnection) -> QueryResult<()> {
        let Self { records, ids, phones, emails, suppressing, .. } = Self::default();
        records.execute(&mut on).await?;
        ids.execute(&mut on).await?;
        let [phones, _] = phones;
        phones.execute(&mut on).await?;
        emails.execute(&mut on).await?;
        suppressing.execute(&mut on).await?;
        suppressed::prepare(on).await
    }

    /// Sends all look-ups at once, some of them on a connection of their own where there is one: those by
    /// email, or half of the phones.
    /// Then, for workspaces that suppress anybody, one more.
    pub(super) async fn run(
        &self,
        on: &AsyncPgConnection,
        beside: Option<&AsyncPgConnection>,
    ) -> QueryResult<Found> {
        let (mut found, rows) = try_join!(self.submissions(on), self.rows(on, beside))?;
        let Rows { by_email, others } = rows;
        found.by_email = by_email.iter().any(|row| !self.names_without_phone(row));
        for row in others.into_iter().flatten().chain(by_email) {
            let detailed = self.detailed.contains(&row.0);
            let (workspace_id, lead) = store::lead(row, detailed);
            found.directories.entry(workspace_id).or_default().add(lead);
        }
        if !found.suppressing.is_empty() {
            suppressed::look_up(on, self.units, &mut found).await?;
        }
        Ok(found)
    }

    /// Asks about the submissions, and who suppresses anybody.
    async fn submissions(&self, on: &AsyncPgConnection) -> QueryResult<Found> {
        let (mut a, mut b) = (on, on);
        let (records, suppressing) = try_join!(
            (&self.records).load::<(Uuid, Uuid, Vec<u8>, Vec<u8>, DateTime<Utc>)>(&mut a),
            (&self.suppressing).load::<Uuid>(&mut b),
        )?;
        let mut found = Found { suppressing, ..Found::default() };
        for (workspace_id, id, fingerprint, outcomes, resolved_at) in records {
            let record = Record { fingerprint, outcomes, resolved_at };
            found.records.insert((workspace_id, id), record);
        }
        Ok(found)
    }

    /// Whether an entry without a phone names the lead by its email.
    fn names_without_phone(&self, (workspace_id, _, _, email, ..): &LeadRow) -> bool {
        let email = email.as_deref().map(|email| (*workspace_id, email));
        email.is_some_and(|email| self.without_phone.binary_search(&email).is_ok())
    }

    async fn rows(
        &self,
        on: &AsyncPgConnection,
        beside: Option<&AsyncPgConnection>,
    ) -> QueryResult<Rows> {
        let Self { ids, phones: [phones, others], emails, .. } = self;
        let beside = beside.unwrap_or(on);
        let (mut a, mut b, mut c, mut d) = (on, on, beside, beside);
        let (by_id, by_phone, by_other, by_email) = try_join!(
            async { if ids.ids.is_empty() { Ok(vec![]) } else { ids.load(&mut a).await } },
            async { if phones.phones.is_empty() { Ok(vec![]) } else { phones.load(&mut b).await } },
            async { if others.phones.is_empty() { Ok(vec![]) } else { others.load(&mut c).await } },
            async { if emails.emails.is_empty() { Ok(vec![]) } else { emails.load(&mut d).await } },
        )?;
        Ok(Rows { by_email, others: [by_id, by_phone, by_other] })
    }
}

/// The leads that were found.
struct Rows {
    by_email: Vec<LeadRow>,
    others: [Vec<LeadRow>; 3],
}

impl Found {
    /// Whether nothing was there.
    pub(super) fn is_empty(&self) -> bool {
        let Self { records, suppressing, directories, by_email: _ } = self;
        records.is_empty() && suppressing.is_empty() && directories.is_empty()
    }
}
