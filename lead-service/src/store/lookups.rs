//! The leads that a batch may be about, by id, phone and email; with their details where `detailed`.
//!
//! All three are nested loops over index scans, whatever the planner thinks of the table: the
//! connection that runs them is told so (see [`crate::writer`]).

use diesel::sql_types::{Bool, Nullable, Text, Uuid as SqlUuid};
use shared::array_statement;
use uuid::Uuid;

use super::{LeadSql, lead_columns};

array_statement! {
    /// Leads with these ids.
    pub struct LeadsById<'a> {
        workspaces: SqlUuid => Uuid,
        ids: SqlUuid => Uuid,
        detailed: Nullable<Bool> => Option<bool>,
    }
    sql(
        concat!("SELECT ", lead_columns!(), " FROM unnest("),
        ") AS k (workspace_id, id, detailed) \
         JOIN lead.leads l ON l.workspace_id = k.workspace_id \
             AND uuid_hash_extended(l.workspace_id, 0) = uuid_hash_extended(k.workspace_id, 0) \
             AND l.id = k.id",
    )
    -> LeadSql
}

array_statement! {
    /// Leads with these phones.
    pub struct LeadsByPhone<'a> {
        workspaces: SqlUuid => Uuid,
        phones: Text => &'a str,
        detailed: Nullable<Bool> => Option<bool>,
    }
    sql(
        concat!("SELECT ", lead_columns!(), " FROM unnest("),
        ") AS k (workspace_id, phone, detailed) \
         JOIN lead.leads l ON l.workspace_id = k.workspace_id AND l.phone = k.phone",
    )
    -> LeadSql
}

array_statement! {
    /// Leads with these emails, without those that have the phone beside the email: they are found by
    /// it, and reading them twice would be half of the work on leads that are seen again.
    pub struct LeadsByEmail<'a> {
        workspaces: SqlUuid => Uuid,
        emails: Text => &'a str,
        phones: Nullable<Text> => Option<&'a str>,
        detailed: Nullable<Bool> => Option<bool>,
    }
    sql(
        concat!("SELECT ", lead_columns!(), " FROM unnest("),
        ") AS k (workspace_id, email, phone, detailed) \
         JOIN lead.leads l ON l.workspace_id = k.workspace_id AND l.email = k.email \
         WHERE k.phone IS NULL OR l.phone IS DISTINCT FROM k.phone",
    )
    -> LeadSql
}
