//! `PATCH /v1/leads/{id}`.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::contract::{ChangedLead, ErrorBody, LeadFields};
use uuid::Uuid;

use super::{Failure, changed, expect_free};
use crate::{
    resolve::Lead,
    store::{self, LeadRow, lookups::LeadsById, writes::UpdateLeads},
};

/// Changes what is given of a lead.
pub(super) async fn change(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
    fields: &LeadFields,
) -> Result<ChangedLead, Failure> {
    let mut patch = fields.patch()?;
    let warnings = std::mem::take(&mut patch.warnings);
    store::lock(on, workspace_id).await?;
    let before = find(on, workspace_id, id).await?.ok_or_else(|| ErrorBody::not_found("Lead"))?;
    let mut lead = before.clone();
    if let Some(phone) = patch.phone.take() {
        lead.phone = phone;
    }
    if let Some(email) = patch.email.take() {
        lead.email = email;
    }
    if lead.phone.is_none() && lead.email.is_none() {
        return Err(LeadFields::without_identifier().into());
    }
    patch.apply(&mut lead.profile, lead.details.get_or_insert_default())?;
    if lead != before {
        expect_free(on, workspace_id, id, lead.phone.as_ref(), lead.email.as_ref()).await?;
        let mut update = UpdateLeads::default();
        update.push(workspace_id, &lead);
        update.execute(on).await?;
    }
    changed(on, workspace_id, id, warnings).await
}

/// The lead, whole.
async fn find(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<Lead>, Failure> {
    let find = LeadsById {
        workspaces: vec![workspace_id],
        ids: vec![id],
        detailed: vec![Some(true)],
        ..LeadsById::default()
    };
    let found: Vec<LeadRow> = find.load(on).await?;
    Ok(found.into_iter().next().map(|row| store::lead(row, true).1))
}
