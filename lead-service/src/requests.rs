//! Look-ups of leads.

use async_trait::async_trait;
use serde_json::{Value, json};
use shared::{
    contract::{ErrorBody, LeadRequest},
    database::Database,
    requests::Answers,
};

use crate::store::leads;

/// Answers what the gateway asks about leads.
pub struct LeadAnswers {
    /// Where leads are kept.
    pub database: Database,
}

#[async_trait]
impl Answers for LeadAnswers {
    type Request = LeadRequest;

    async fn answer(&self, request: LeadRequest) -> Result<Value, ErrorBody> {
        let answered = async {
            let mut connection = self.database.connection().await?;
            match request {
                LeadRequest::Get { workspace_id, ids } => {
                    Ok(json!(leads::get(&mut connection, workspace_id, &ids).await?))
                }
            }
        };
        answered.await.map_err(shared::database::DatabaseError::into_error_body)
    }
}
