//! Writing what a batch changed: park, then update, then insert. Or all at once, where it is all new.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use shared::{
    array_statement,
    database::sparse,
    entry::{Email, JsonObject, Phone},
};
use uuid::Uuid;

use super::{counts::CountLeads, records::InsertRecords};
use crate::resolve::{Lead, Parked};

array_statement! {
    /// Takes identifiers from leads whose new owner comes in the same transaction. A placeholder
    /// instead of NULL, because a lead must keep one; nobody ever sees it.
    pub struct ParkIdentifiers<'a> {
        workspaces: SqlUuid => Uuid,
        ids: SqlUuid => Uuid,
        phones: Bool => bool,
        emails: Bool => bool,
    }
    sql(
        "UPDATE lead.leads l SET \
             phone = CASE WHEN k.phone THEN '~' || l.id ELSE l.phone END, \
             email = CASE WHEN k.email THEN '~' || l.id ELSE l.email END \
         FROM unnest(",
        ") AS k (workspace_id, id, phone, email) \
         WHERE l.workspace_id = k.workspace_id AND l.id = k.id \
             AND uuid_hash_extended(l.workspace_id, 0) = uuid_hash_extended(k.workspace_id, 0)",
    )
}

/// Defines a statement over whole leads: the same columns, whether they are inserted or updated.
macro_rules! lead_statement {
    ($(#[$doc:meta])* $name:ident, $head:expr, $tail:expr $(,)?) => {
        array_statement! {
            $(#[$doc])*
            pub struct $name<'a> {
                workspaces: SqlUuid => Uuid,
                ids: SqlUuid => Uuid,
                phones: Nullable<Text> => Option<&'a str>,
                emails: Nullable<Text> => Option<&'a str>,
                first_names: Nullable<Text> => Option<&'a str>,
                last_names: Nullable<Text> => Option<&'a str>,
                company_names: Nullable<Text> => Option<&'a str>,
                titles: Nullable<Text> => Option<&'a str>,
                linkedin_urls: Nullable<Text> => Option<&'a str>,
                submission_ids: Nullable<SqlUuid> => Option<Uuid>,
                entries: Nullable<Integer> => Option<i32>,
                detailed: Nullable<Bool> => Option<bool>,
                company_websites: Nullable<Text> => Option<&'a str>,
                job_descriptions: Nullable<Text> => Option<&'a str>,
                company_sizes: Nullable<Text> => Option<&'a str>,
                custom_variables: Nullable<Text> => Option<String>,
                metadata: Nullable<Text> => Option<String>,
            }
            sql($head, $tail)
        }

        impl<'a> $name<'a> {
            /// Adds a row.
            pub fn push(&mut self, workspace_id: Uuid, lead: &'a Lead) {
                let [first_name, last_name, company_name, title, linkedin_url] =
                    lead.profile.0.each_ref().map(Option::as_deref);
                let row = self.ids.len();
                self.workspaces.push(workspace_id);
                self.ids.push(lead.id);
                self.phones.push(lead.phone.as_ref().map(Phone::as_str));
                self.emails.push(lead.email.as_ref().map(Email::as_str));
                self.first_names.push(first_name);
                self.last_names.push(last_name);
                self.company_names.push(company_name);
                self.titles.push(title);
                self.linkedin_urls.push(linkedin_url);
                self.submission_ids.push(lead.mark.map(|mark| mark.submission_id));
                self.entries.push(lead.mark.map(|mark| mark.entry));
                let Some(details) = &lead.details else { return };
                let [website, job_description, size] = details.texts.each_ref().map(Option::as_deref);
                let [variables, metadata] =
                    details.objects.each_ref().map(|object| object.as_ref().map(JsonObject::to_json));
                sparse(&mut self.detailed, row, Some(true));
                sparse(&mut self.company_websites, row, website);
                sparse(&mut self.job_descriptions, row, job_description);
                sparse(&mut self.company_sizes, row, size);
                sparse(&mut self.custom_variables, row, variables);
                sparse(&mut self.metadata, row, metadata);
            }
        }
    };
}

lead_statement! {
    /// Leads as they are to become. The mark stays what it was, and so do details that were not read.
    UpdateLeads,
    "UPDATE lead.leads l SET phone = k.phone, email = k.email, first_name = k.first_name, \
         last_name = k.last_name, company_name = k.company_name, title = k.title, \
         linkedin_url = k.linkedin_url, \
         company_website = CASE WHEN k.detailed THEN k.company_website ELSE l.company_website END, \
         job_description = CASE WHEN k.detailed THEN k.job_description ELSE l.job_description END, \
         company_size = CASE WHEN k.detailed THEN k.company_size ELSE l.company_size END, \
         custom_variables = \
             CASE WHEN k.detailed THEN k.custom_variables::jsonb ELSE l.custom_variables END, \
         metadata = CASE WHEN k.detailed THEN k.metadata::jsonb ELSE l.metadata END, \
         updated_at = now() \
     FROM unnest(",
    ") AS k (workspace_id, id, phone, email, first_name, last_name, company_name, title, \
         linkedin_url, submission_id, entry, detailed, company_website, job_description, \
         company_size, custom_variables, metadata) \
     WHERE l.workspace_id = k.workspace_id AND l.id = k.id \
         AND uuid_hash_extended(l.workspace_id, 0) = uuid_hash_extended(k.workspace_id, 0)",
}

lead_statement! {
    /// New leads, with the marks of the entries that made them. Where one has another's phone or email,
    /// that is a violation of a unique index whose text names neither.
    InsertLeads,
    "SELECT lead.insert_leads(",
    ")",
}

/// A transaction in one statement, for a batch that is presumed to be all new: takes the locks, inserts
/// leads, counts them, remembers what was answered, and says when that was. A violation of a unique index
/// where the batch is not all new, or one of the workspaces suppresses anybody.
#[derive(Default)]
pub struct WriteNew<'a> {
    /// The workspaces' locks, in order.
    pub locks: Vec<i64>,
    /// The workspaces, each once.
    pub workspaces: Vec<Uuid>,
    /// What [`InsertLeads`] would insert.
    pub created: InsertLeads<'a>,
    /// What [`CountLeads`] would count.
    pub counted: CountLeads<'a>,
    /// What [`InsertRecords`] would remember.
    pub records: InsertRecords<'a>,
}

impl QueryId for WriteNew<'_> {
    type QueryId = WriteNew<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for WriteNew<'_> {
    type SqlType = Timestamptz;
}

impl QueryFragment<Pg> for WriteNew<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT lead.write_new(");
        out.push_bind_param::<Array<BigInt>, _>(&self.locks)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.workspaces)?;
        out.push_sql(", ");
        self.created.walk_columns(&mut out)?;
        out.push_sql(", ");
        self.counted.walk_columns(&mut out)?;
        out.push_sql(", ");
        self.records.walk_columns(&mut out)?;
        out.push_sql(")");
        Ok(())
    }
}

impl ParkIdentifiers<'_> {
    /// Adds a row.
    pub fn push(&mut self, workspace_id: Uuid, parked: &Parked) {
        self.workspaces.push(workspace_id);
        self.ids.push(parked.id);
        self.phones.push(parked.phone);
        self.emails.push(parked.email);
    }
}
