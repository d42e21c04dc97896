//! `DELETE /v1/leads/{id}`.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::contract::ErrorBody;
use uuid::Uuid;

use super::Failure;
use crate::store::{self, counts::CountLeads, erasures, leads};

/// Removes a lead, and lets its links follow. The same request again is answered the same.
pub(super) async fn delete(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
    request_id: Uuid,
) -> Result<(), Failure> {
    store::lock(on, workspace_id).await?;
    if leads::delete(on, workspace_id, id).await? {
        CountLeads::one(workspace_id, -1).execute(on).await?;
        erasures::insert(on, workspace_id, id, request_id).await?;
    } else if !erasures::exists(on, workspace_id, id, Some(request_id)).await? {
        return Err(ErrorBody::not_found("Lead").into());
    }
    Ok(())
}
