//! Submissions and their results, as their callers see them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    contract::{ErrorBody, Page, Range, Summary},
    database::{Database, DatabaseError},
};
use uuid::Uuid;

use super::{
    Submissions,
    outcome::Shown,
    store::{self, Stored},
};
use crate::{
    callbacks::{self, store::Callback},
    error::ApiError,
};

/// A submission that its caller does not wait for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Submission")]
pub struct View {
    /// Its id.
    pub id: Uuid,
    /// The campaign that its leads are added to.
    pub campaign_id: Uuid,
    /// How far it has come.
    pub status: Status,
    /// All entries.
    pub total: i32,
    /// Those that are worked off.
    pub processed: i32,
    /// What became of those.
    pub summary: Summary,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where the results are.
    pub results_url: String,
    /// Where the entries that failed are.
    pub failed_url: String,
    /// What became of the wish to be called back, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackView>,
}

/// How far a submission has come.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SubmissionStatus")]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// Some of it has been taken up.
    Working,
    /// All of it is worked off.
    Done,
}

/// What became of the wish to be called back.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Callback")]
pub struct CallbackView {
    /// Where.
    pub url: String,
    /// `pending`, `delivered` or `failed`.
    #[schemars(extend("enum" = ["pending", "delivered", "failed"]))]
    pub status: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried again.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

impl View {
    fn new(stored: Stored, callback: Option<Callback>) -> Self {
        let address = path(stored.id);
        Self {
            status: match (stored.finished_at, stored.served_at) {
                (Some(_), _) => Status::Done,
                (None, Some(_)) => Status::Working,
                (None, None) => Status::Queued,
            },
            id: stored.id,
            campaign_id: stored.campaign_id,
            total: stored.total,
            processed: stored.processed,
            // Written by us alone.
            summary: serde_json::from_str(&stored.summary).unwrap_or_default(),
            created_at: stored.created_at,
            finished_at: stored.finished_at,
            results_url: format!("{address}/results"),
            failed_url: format!("{address}/failed"),
            callback: callback.map(|callback| CallbackView {
                url: callback.url,
                status: callback.status,
                attempts: callback.attempts,
                next_attempt_at: callback.due_at,
            }),
        }
    }
}

/// The view of a submission.
pub(super) async fn of(
    connection: &mut AsyncPgConnection,
    stored: Stored,
) -> Result<View, DatabaseError> {
    let callbacks = callbacks::store::of(connection, &[stored.id]).await?;
    Ok(View::new(stored, callbacks.into_iter().next()))
}

async fn all_of(
    connection: &mut AsyncPgConnection,
    stored: Vec<Stored>,
) -> Result<Vec<View>, DatabaseError> {
    let ids: Vec<Uuid> = stored.iter().map(|stored| stored.id).collect();
    let callbacks = callbacks::store::of(connection, &ids).await?;
    let mut callbacks: HashMap<Uuid, Callback> =
        callbacks.into_iter().map(|callback| (callback.submission_id, callback)).collect();
    let view = |stored: Stored| {
        let callback = callbacks.remove(&stored.id);
        View::new(stored, callback)
    };
    Ok(stored.into_iter().map(view).collect())
}

/// Where a submission can be asked for.
pub fn path(id: Uuid) -> String {
    format!("/v1/submissions/{id}")
}

/// What is called back with: all but what concerns the callback itself.
pub fn completed(stored: Stored) -> Value {
    let timestamp = stored.finished_at;
    let data = View::new(stored, None);
    json!({"type": "submission.completed", "timestamp": timestamp, "data": data})
}

impl Submissions {
    /// A submission of the workspace.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn get(&self, workspace_id: Uuid, id: Uuid) -> Result<View, ApiError> {
        let stored = find(&self.database, workspace_id, id).await?;
        Ok(of(&mut *self.database.connection().await?, stored).await?)
    }

    /// A page of the workspace's submissions, newest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, workspace_id: Uuid, range: Range) -> Result<Page<View>, ApiError> {
        let mut connection = self.database.connection().await?;
        let Page { data, total, total_is_capped, next } =
            store::list(&mut connection, workspace_id, range).await?;
        let data = all_of(&mut connection, data).await?;
        Ok(Page { data, total, total_is_capped, next })
    }

    /// A page of a submission's results, as far as there are any yet. A result has no id of its own:
    /// a cursor holds its place.
    ///
    /// # Errors
    /// 404 when there is no such submission.
    pub async fn results(
        &self,
        workspace_id: Uuid,
        id: Uuid,
        range: Range,
    ) -> Result<Page<impl Serialize + use<>>, ApiError> {
        let total = i64::from(find(&self.database, workspace_id, id).await?.processed);
        let start = range.after.map_or(range.offset, |last| place(last).saturating_add(1));
        let end = start.saturating_add(range.limit);
        let mut connection = self.database.connection().await?;
        let mut data: Vec<Shown> = Vec::new();
        for chunk in store::done::between(&mut connection, id, start, end).await? {
            let first = i64::from(chunk.first);
            let results = chunk.results().map_err(|error| {
                tracing::error!(%error, "stored results were not understood");
                ErrorBody::internal()
            })?;
            let wanted = |place: &i64| (start..end).contains(place);
            data.extend((first..).zip(results).filter(|(place, _)| wanted(place)).map(|(_, r)| r));
        }
        let next = (end < total).then(|| Uuid::from_u128((end - 1).unsigned_abs().into()));
        Ok(Page { data, total, total_is_capped: false, next })
    }
}

/// The place that a cursor holds.
fn place(cursor: Uuid) -> i64 {
    i64::try_from(cursor.as_u128()).unwrap_or(i64::MAX)
}

/// The row behind it all.
///
/// # Errors
/// 404 when the workspace has no such submission.
pub(super) async fn find(
    database: &Database,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Stored, ApiError> {
    let mut connection = database.connection().await?;
    let found = store::find(&mut connection, workspace_id, id).await?;
    Ok(found.ok_or_else(|| ErrorBody::not_found("Submission"))?)
}
