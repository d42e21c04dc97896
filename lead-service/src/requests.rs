//! Look-ups and changes of leads.

mod change;
mod create;
mod delete;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared::{
    contract::{ChangedLead, ErrorBody, Lead, LeadFilter, LeadRequest, Page, Range, Warning},
    database::{Database, DatabaseError},
    entry::{Email, EntryError, Phone},
    requests::Answers,
    traces::{Kind, Span},
    workspace_turns::WorkspaceTurns,
};
use tokio::{sync::Notify, time::sleep};
use uuid::Uuid;

use crate::{
    search::Words,
    store::{
        LeadRow, leads, lists,
        lookups::{LeadsByEmail, LeadsByPhone},
        suppressions,
    },
};

/// Holds the planner to the indexes, which it would leave on a table that it knows nothing of.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                        SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; \
                        SET LOCAL enable_sort = off; SET LOCAL jit = off";

/// How long a change waits for its workspace's lock before it gives its connection back, and how long it
/// is without one. The pipeline holds the lock for some milliseconds; somebody else may for longer.
const LOCK_PATIENCE: &str = "SET LOCAL lock_timeout = '250ms'";
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Answers what the gateway asks about leads.
#[derive(Clone)]
pub struct LeadAnswers {
    /// Where leads are kept, for look-ups.
    pub database: Database,
    /// The same for changes, which may wait for locks.
    pub changes: Database,
    /// Whose change is under way.
    pub turns: WorkspaceTurns,
    /// Told when a lead was deleted.
    pub deleted: Arc<Notify>,
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Refused(#[from] ErrorBody),
    #[error("{0}")]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The caller's own fault, named by its field.
impl From<EntryError> for Failure {
    fn from(error: EntryError) -> Self {
        Self::Refused(ErrorBody::bad_request(error.message))
    }
}

#[async_trait]
impl Answers for LeadAnswers {
    type Request = LeadRequest;
    /// Raw, so that the numbers of callers' objects stay exact.
    type Reply = Box<RawValue>;

    async fn answer(&self, request: LeadRequest, span: &Span) -> Result<Box<RawValue>, ErrorBody> {
        let deletes = matches!(request, LeadRequest::Delete { .. });
        let mut sql = span.child(statement(&request));
        let answered = match changed_workspace(&request) {
            None => self.carry_out(&self.database, &request).await,
            Some(workspace_id) => self.change(workspace_id, &request).await,
        };
        let answered = answered.map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Database(error) => error.into_error_body(),
        });
        if let Err(error) = &answered {
            sql.refused(error);
        }
        if deletes && answered.is_ok() {
            self.deleted.notify_one();
        }
        answered
    }
}

impl LeadAnswers {
    /// Carries out a change when its workspace's turn comes. While somebody else holds the workspace's
    /// lock, it needs no connection most of the time.
    async fn change(
        &self,
        workspace_id: Uuid,
        request: &LeadRequest,
    ) -> Result<Box<RawValue>, Failure> {
        let turn = self.turns.take(workspace_id).await;
        let _turn = turn.ok_or_else(|| Failure::Refused(ErrorBody::unavailable()))?;
        loop {
            match self.carry_out(&self.changes, request).await {
                Err(Failure::Database(error)) if error.is_lock_timeout() => sleep(LOCK_PAUSE).await,
                done => return done,
            }
        }
    }

    async fn carry_out(
        &self,
        database: &Database,
        request: &LeadRequest,
    ) -> Result<Box<RawValue>, Failure> {
        let mut connection = database.connection().await?;
        connection
            .transaction(async |on| {
                on.batch_execute(BY_INDEX).await?;
                if changed_workspace(request).is_some() {
                    on.batch_execute(LOCK_PATIENCE).await?;
                }
                match request {
                    LeadRequest::Get { workspace_id, ids } => {
                        raw(&leads::get(on, *workspace_id, ids).await?)
                    }
                    LeadRequest::List { workspace_id, filter, range } => {
                        raw(&list(on, *workspace_id, filter, *range).await?)
                    }
                    LeadRequest::Create { workspace_id, id, fields } => {
                        raw(&create::create(on, *workspace_id, *id, fields).await?)
                    }
                    LeadRequest::Change { workspace_id, id, fields } => {
                        raw(&change::change(on, *workspace_id, *id, fields).await?)
                    }
                    LeadRequest::Delete { workspace_id, id, request_id } => {
                        raw(&delete::delete(on, *workspace_id, *id, *request_id).await?)
                    }
                    LeadRequest::Suppress { workspace_id, suppressions: new } => {
                        raw(&suppressions::add(on, *workspace_id, new).await?)
                    }
                    LeadRequest::LiftSuppression { workspace_id, contact } => {
                        raw(&suppressions::lift(on, *workspace_id, contact).await?)
                    }
                    LeadRequest::Suppressions { workspace_id, contact, range } => {
                        raw(&suppressions::list(on, *workspace_id, contact.clone(), *range).await?)
                    }
                }
            })
            .await
    }
}

/// The workspace whose leads or suppressions a request changes.
fn changed_workspace(request: &LeadRequest) -> Option<Uuid> {
    match request {
        LeadRequest::Get { .. } | LeadRequest::List { .. } | LeadRequest::Suppressions { .. } => {
            None
        }
        LeadRequest::Create { workspace_id, .. }
        | LeadRequest::Change { workspace_id, .. }
        | LeadRequest::Delete { workspace_id, .. }
        | LeadRequest::Suppress { workspace_id, .. }
        | LeadRequest::LiftSuppression { workspace_id, .. } => Some(*workspace_id),
    }
}

/// The statement that gives a transaction its name.
fn statement(request: &LeadRequest) -> Kind {
    let (operation, table) = match request {
        LeadRequest::Get { .. } | LeadRequest::List { .. } => ("SELECT", "lead.leads"),
        LeadRequest::Create { .. } => ("INSERT", "lead.leads"),
        LeadRequest::Change { .. } => ("UPDATE", "lead.leads"),
        LeadRequest::Delete { .. } => ("DELETE", "lead.leads"),
        LeadRequest::Suppress { .. } => ("INSERT", "lead.suppressions"),
        LeadRequest::LiftSuppression { .. } => ("DELETE", "lead.suppressions"),
        LeadRequest::Suppressions { .. } => ("SELECT", "lead.suppressions"),
    };
    Kind::Sql { operation, table }
}

fn raw(answer: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    to_raw_value(answer).map_err(|error| {
        tracing::error!(%error, "unwritable answer");
        ErrorBody::internal().into()
    })
}

/// A page of leads, newest first.
async fn list(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    filter: &LeadFilter,
    range: Range,
) -> Result<Page<Lead>, Failure> {
    let words = filter.search.as_deref().map(Words::parse).transpose()?.unwrap_or_default();
    let Page { data: ids, total, total_is_capped, next } =
        lists::list(on, workspace_id, filter, &words, range).await?;
    let mut data = leads::get(on, workspace_id, &ids).await?;
    data.sort_unstable_by_key(|lead| std::cmp::Reverse(lead.id));
    Ok(Page { data, total, total_is_capped, next })
}

/// A lead after a change.
async fn changed(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
    warnings: Vec<Warning>,
) -> Result<ChangedLead, Failure> {
    let lead = leads::get(on, workspace_id, &[id]).await?.pop();
    Ok(ChangedLead { lead: lead.ok_or_else(|| ErrorBody::not_found("Lead"))?, warnings })
}

/// Makes sure that phone and email belong to no other lead than this one.
async fn expect_free(
    on: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
    phone: Option<&Phone>,
    email: Option<&Email>,
) -> Result<(), Failure> {
    let mut by_phone = LeadsByPhone::default();
    by_phone.workspaces.extend(phone.map(|_| workspace_id));
    by_phone.phones.extend(phone.map(Phone::as_str));
    let mut by_email = LeadsByEmail::default();
    by_email.workspaces.extend(email.map(|_| workspace_id));
    by_email.emails.extend(email.map(Email::as_str));
    let owners: [(&str, Vec<LeadRow>); 2] =
        [("phone", by_phone.load(on).await?), ("email", by_email.load(on).await?)];
    for (field, owners) in owners {
        if let Some((_, owner, ..)) = owners.into_iter().find(|(_, owner, ..)| *owner != id) {
            return Err(ErrorBody::conflict(field, owner).into());
        }
    }
    Ok(())
}
