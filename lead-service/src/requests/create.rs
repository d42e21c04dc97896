//! `POST /v1/leads`: one lead, in no campaign.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    contract::{ChangedLead, ErrorBody, LeadFields},
    entry::LeadEntry,
};
use uuid::Uuid;

use super::{Failure, changed, expect_free};
use crate::{
    resolve::Lead,
    store::{self, counts::CountLeads, erasures, leads, writes::InsertLeads},
};

/// Makes a lead. Doing it again with the same id changes nothing and answers with the lead as it is.
pub(super) async fn create(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
    fields: &LeadFields,
) -> Result<ChangedLead, Failure> {
    let entry = fields.entry()?;
    store::lock(on, workspace_id).await?;
    if leads::get(on, workspace_id, &[id]).await?.is_empty() {
        // A repetition must not bring back what was deleted since.
        if erasures::exists(on, workspace_id, id, None).await? {
            return Err(ErrorBody::not_found("Lead").into());
        }
        expect_free(on, workspace_id, id, entry.phone.as_ref(), entry.email.as_ref()).await?;
        let LeadEntry { phone, email, profile, details, .. } = entry;
        let lead = Lead { id, phone, email, profile, details, mark: None };
        let mut insert = InsertLeads::default();
        insert.push(workspace_id, &lead);
        insert.execute(on).await?;
        CountLeads::one(workspace_id, 1).execute(on).await?;
    }
    changed(on, workspace_id, id, entry.warnings).await
}
