//! Look-ups and changes of campaigns.

use async_trait::async_trait;
use serde_json::{Value, json};
use shared::{
    contract::{CampaignRequest, CampaignStatus, ErrorBody},
    database::{Database, DatabaseError},
    requests::Answers,
    traces::{Kind, Span},
    workspace_turns::{Turn, WorkspaceTurns},
};
use uuid::Uuid;

use crate::store;

/// Answers what the gateway asks about campaigns.
#[derive(Clone)]
pub struct CampaignAnswers {
    /// Where campaigns are kept, for look-ups.
    pub database: Database,
    /// The same for changes, which may wait for locks.
    pub changes: Database,
    /// Whose change is under way.
    pub turns: WorkspaceTurns,
}

#[async_trait]
impl Answers for CampaignAnswers {
    type Request = CampaignRequest;
    type Reply = Value;

    async fn answer(&self, request: CampaignRequest, span: &Span) -> Result<Value, ErrorBody> {
        let mut sql = span.child(statement(&request));
        let (database, turn) = match changed_workspace(&request) {
            None => (&self.database, None),
            Some(workspace_id) => match self.turns.take(workspace_id).await {
                Some(turn) => (&self.changes, Some(turn)),
                None => return Err(ErrorBody::unavailable()),
            },
        };
        match carry_out(database, turn, request).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(ErrorBody::not_found("Campaign")),
            Err(error) => {
                let error = error.into_error_body();
                sql.refused(&error);
                Err(error)
            }
        }
    }
}

/// The statement that gives a request's work in the database its name.
fn statement(request: &CampaignRequest) -> Kind {
    let (operation, table) = match request {
        CampaignRequest::Create { .. } => ("INSERT", "campaign.campaigns"),
        CampaignRequest::Update { .. } => ("UPDATE", "campaign.campaigns"),
        CampaignRequest::Get { .. } | CampaignRequest::List { .. } => {
            ("SELECT", "campaign.campaigns")
        }
        CampaignRequest::Leads { .. } | CampaignRequest::LeadsAmong { .. } => {
            ("SELECT", "campaign.links")
        }
        CampaignRequest::Remove { .. } | CampaignRequest::ForgetLeads { .. } => {
            ("UPDATE", "campaign.links")
        }
    };
    Kind::Sql { operation, table }
}

/// The workspace whose campaigns or links a request changes.
fn changed_workspace(request: &CampaignRequest) -> Option<Uuid> {
    match request {
        CampaignRequest::Create { workspace_id, .. }
        | CampaignRequest::Update { workspace_id, .. }
        | CampaignRequest::Remove { workspace_id, .. }
        | CampaignRequest::ForgetLeads { workspace_id, .. } => Some(*workspace_id),
        CampaignRequest::Get { .. }
        | CampaignRequest::List { .. }
        | CampaignRequest::Leads { .. }
        | CampaignRequest::LeadsAmong { .. } => None,
    }
}

/// `None` when the request names a campaign that the workspace does not have.
async fn carry_out(
    database: &Database,
    turn: Option<Turn>,
    request: CampaignRequest,
) -> Result<Option<Value>, DatabaseError> {
    let mut on = database.connection().await?;
    Ok(match request {
        CampaignRequest::Create { workspace_id, id, name, status } => {
            Some(json!(store::create_campaign(&mut on, workspace_id, id, &name, status).await?))
        }
        CampaignRequest::Update { workspace_id, id, name, status } => {
            store::update_campaign(&mut on, workspace_id, id, name.as_deref(), status).await?;
            // It may wait for long, and needs neither a connection nor the workspace's turn.
            drop((on, turn));
            if status == Some(CampaignStatus::Archived) {
                store::wait_for_links(database).await?;
            }
            let mut on = database.connection().await?;
            store::get_campaign(&mut on, workspace_id, id).await?.map(|found| json!(found))
        }
        CampaignRequest::Get { workspace_id, id } => {
            store::get_campaign(&mut on, workspace_id, id).await?.map(|found| json!(found))
        }
        CampaignRequest::List { workspace_id, status, search, range } => {
            let search = search.as_deref();
            let listed = store::list_campaigns(&mut on, workspace_id, status, search, range);
            Some(json!(listed.await?))
        }
        CampaignRequest::Leads { workspace_id, id, range } => {
            match store::get_campaign(&mut on, workspace_id, id).await? {
                Some(campaign) => {
                    let listed = store::list_members(&mut on, workspace_id, &campaign, range);
                    Some(json!(listed.await?))
                }
                None => None,
            }
        }
        CampaignRequest::LeadsAmong { workspace_id, id, lead_ids } => {
            match store::get_campaign(&mut on, workspace_id, id).await? {
                Some(_) => {
                    let among = store::members_among(&mut on, workspace_id, id, &lead_ids);
                    Some(json!(among.await?))
                }
                None => None,
            }
        }
        CampaignRequest::Remove { workspace_id, id, lead_id, removal_id } => {
            let removed =
                store::remove_lead(&mut on, workspace_id, id, lead_id, removal_id).await?;
            removed.then_some(Value::Null)
        }
        CampaignRequest::ForgetLeads { workspace_id, lead_ids } => {
            Some(json!(store::remove_everywhere(&mut on, workspace_id, &lead_ids).await?))
        }
    })
}
