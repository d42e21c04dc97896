//! Whom not to contact, as the writer asks for it.

use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use shared::{array_statement, contract::Contact};
use uuid::Uuid;

/// The kinds of contacts, as the database names them.
pub(crate) const PHONE: &str = "phone";
pub(crate) const EMAIL: &str = "email";

/// A contact as the database holds it. There are no other kinds than these two.
pub(crate) fn contact(kind: &str, value: String) -> Contact {
    if kind == PHONE { Contact::Phone(value) } else { Contact::Email(value) }
}

array_statement! {
    /// Those of the workspaces that suppress anybody at all.
    pub struct SuppressingWorkspaces<'a> {
        workspaces: SqlUuid => Uuid,
    }
    sql(
        "SELECT s.workspace_id FROM unnest(",
        ") AS k (workspace_id) \
         JOIN lead.suppressing_workspaces s ON s.workspace_id = k.workspace_id \
             AND s.contacts > 0",
    )
    -> SqlUuid
}

/// Workspace, kind, value, reason.
pub(crate) type SuppressionRow = (Uuid, String, String, Option<String>);

array_statement! {
    /// Those of the contacts that are suppressed.
    pub struct FindSuppressed<'a> {
        workspaces: SqlUuid => Uuid,
        kinds: Text => &'a str,
        values: Text => &'a str,
    }
    sql(
        "SELECT s.workspace_id, s.kind, s.value, s.reason FROM unnest(",
        ") AS k (workspace_id, kind, value) \
         JOIN lead.suppressions s ON s.workspace_id = k.workspace_id \
             AND s.kind = k.kind AND s.value = k.value",
    )
    -> (SqlUuid, Text, Text, Nullable<Text>)
}
