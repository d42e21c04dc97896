//! The do-not-contact lists of workspaces (docs/api.md, "Suppressions").

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    array_statement,
    contract::{Contact, NewSuppression, Page, Range, Suppression},
    database::DatabaseError,
};
use uuid::Uuid;

use super::suppressed::{EMAIL, PHONE, contact};
use crate::store;

diesel::table! {
    lead.suppressions (workspace_id, kind, value) {
        workspace_id -> Uuid,
        kind -> Text,
        value -> Text,
        reason -> Nullable<Text>,
        id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    lead.suppressing_workspaces (workspace_id) {
        workspace_id -> Uuid,
        contacts -> BigInt,
    }
}

array_statement! {
    /// Suppresses contacts. One that is suppressed already stays as it is.
    pub struct InsertSuppressions<'a> {
        workspaces: SqlUuid => Uuid,
        kinds: Text => &'a str,
        values: Text => &'a str,
        reasons: Nullable<Text> => Option<&'a str>,
        ids: SqlUuid => Uuid,
    }
    sql(
        "INSERT INTO lead.suppressions (workspace_id, kind, value, reason, id) \
         SELECT * FROM unnest(",
        ") ON CONFLICT DO NOTHING",
    )
}

/// Suppresses contacts in the caller's transaction, and says of each whether this is what suppressed
/// it. The same again, with the same ids, changes nothing and says the same.
///
/// When it is done, no submission is on its way into the database that has not seen it: those of the
/// workspace hold the same lock.
///
/// # Errors
/// When nothing was done, as far as is known.
pub async fn add(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    new: &[NewSuppression],
) -> Result<Vec<bool>, DatabaseError> {
    // Of two entries for one contact, the first counts.
    let mut first = BTreeMap::new();
    for suppression in new {
        first.entry(columns(&suppression.contact)).or_insert(suppression);
    }
    let mut insert = InsertSuppressions::default();
    for ((kind, value), suppression) in first {
        insert.workspaces.push(workspace_id);
        insert.kinds.push(kind);
        insert.values.push(value);
        insert.reasons.push(suppression.reason.as_deref());
        insert.ids.push(suppression.id);
    }
    let ids: Vec<_> = new.iter().map(|suppression| suppression.id).collect();
    store::lock(on, workspace_id).await?;
    let inserted = insert.execute(on).await?;
    count(on, workspace_id, inserted as i64).await?;
    let of_these = suppressions::workspace_id.eq(workspace_id).and(suppressions::id.eq_any(&ids));
    let added = suppressions::table.select(suppressions::id).filter(of_these);
    let added: HashSet<Uuid> = added.load(on).await?.into_iter().collect();
    Ok(ids.iter().map(|id| added.contains(id)).collect())
}

/// Takes a contact off the list in the caller's transaction; `false` when it was not on it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn lift(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    contact: &Contact,
) -> Result<bool, DatabaseError> {
    let (kind, value) = columns(contact);
    store::lock(on, workspace_id).await?;
    let key = (workspace_id, kind, value);
    let lifted = diesel::delete(suppressions::table.find(key)).execute(on).await?;
    count(on, workspace_id, -(lifted as i64)).await?;
    Ok(lifted == 1)
}

type Row = (Uuid, String, String, Option<String>, DateTime<Utc>);

/// A page of the list, newest first. Its length is kept, not counted.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    among: Option<Contact>,
    range: Range,
) -> Result<Page<Suppression>, DatabaseError> {
    let mut rows = suppressions::table
        .select((
            suppressions::id,
            suppressions::kind,
            suppressions::value,
            suppressions::reason,
            suppressions::created_at,
        ))
        .filter(suppressions::workspace_id.eq(workspace_id))
        .limit(range.look_ahead())
        .offset(range.offset)
        .into_boxed();
    rows = match among.as_ref().map(columns) {
        // One at the most. Asked for in order, all of the workspace's would be looked at for it.
        Some((kind, value)) => {
            rows.filter(suppressions::kind.eq(kind).and(suppressions::value.eq(value)))
        }
        None => rows.order(suppressions::id.desc()),
    };
    if let Some(after) = range.after {
        rows = rows.filter(suppressions::id.lt(after));
    }
    let rows: Vec<Row> = rows.load(on).await?;
    let total = match &among {
        Some(_) => rows.len() as i64,
        None => {
            let counted = suppressing_workspaces::table
                .select(suppressing_workspaces::contacts)
                .find(workspace_id);
            counted.first(on).await.optional()?.unwrap_or_default()
        }
    };
    let rows = rows.into_iter().map(|(id, kind, value, reason, created_at)| Suppression {
        id,
        contact: contact(&kind, value),
        reason,
        created_at,
    });
    Ok(range.page(rows.collect(), total, |suppression| suppression.id))
}

/// Counts so many contacts more.
async fn count(on: &mut AsyncPgConnection, workspace_id: Uuid, more: i64) -> QueryResult<()> {
    use suppressing_workspaces as counts;
    if more == 0 {
        return Ok(());
    }
    let of_workspace = counts::workspace_id.eq(workspace_id);
    let counted = diesel::update(counts::table.filter(of_workspace))
        .set(counts::contacts.eq(counts::contacts + more))
        .execute(on)
        .await?;
    if counted == 0 {
        diesel::insert_into(counts::table)
            .values((of_workspace, counts::contacts.eq(more)))
            .execute(on)
            .await?;
    }
    Ok(())
}

fn columns(contact: &Contact) -> (&'static str, &str) {
    match contact {
        Contact::Phone(phone) => (PHONE, phone),
        Contact::Email(email) => (EMAIL, email),
    }
}
