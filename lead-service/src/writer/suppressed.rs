//! Which contacts of a batch are suppressed: asked only about workspaces that suppress any.

use std::collections::BTreeSet;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::entry::{Email, Phone};

use super::lookup::Found;
use crate::{
    resolve::Directory,
    store::suppressed::{EMAIL, FindSuppressed, PHONE, SuppressionRow, contact},
    unit::Unit,
};

/// Has the look-up prepared, on a new connection.
pub(super) async fn prepare(mut on: &AsyncPgConnection) -> QueryResult<()> {
    FindSuppressed::default().execute(&mut on).await?;
    Ok(())
}

/// Tells the directories of the suppressing workspaces which of the entries' contacts, and of the contacts of
/// leads that entries can name, are suppressed.
pub(super) async fn look_up(
    mut on: &AsyncPgConnection,
    units: &[Unit],
    found: &mut Found,
) -> QueryResult<()> {
    let rows: Vec<SuppressionRow> = query(units, found).load(&mut on).await?;
    for (workspace_id, kind, value, reason) in rows {
        let directory = found.directories.entry(workspace_id).or_default();
        directory.suppress(contact(&kind, value), reason);
    }
    Ok(())
}

/// The question, each contact once.
fn query<'a>(units: &'a [Unit], found: &'a Found) -> FindSuppressed<'a> {
    let mut contacts = BTreeSet::new();
    let mut ask = |workspace_id, phone: &'a Option<Phone>, email: &'a Option<Email>| {
        let phone = phone.as_ref().map(|phone| (workspace_id, PHONE, phone.as_str()));
        let email = email.as_ref().map(|email| (workspace_id, EMAIL, email.as_str()));
        contacts.extend(phone.into_iter().chain(email));
    };
    let Found { suppressing, directories, .. } = found;
    for unit in units.iter().filter(|unit| suppressing.contains(&unit.workspace_id)) {
        for entry in unit.entries.iter().flatten() {
            ask(unit.workspace_id, &entry.phone, &entry.email);
        }
    }
    for workspace_id in suppressing {
        for lead in directories.get(workspace_id).into_iter().flat_map(Directory::leads) {
            ask(*workspace_id, &lead.phone, &lead.email);
        }
    }
    let mut query = FindSuppressed::default();
    for (workspace_id, kind, value) in contacts {
        query.workspaces.push(workspace_id);
        query.kinds.push(kind);
        query.values.push(value);
    }
    query
}
