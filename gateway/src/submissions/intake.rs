//! Taking a big submission in: read while it arrives, answered when it is durable.

use diesel_async::AsyncConnection;
use serde_json::json;
use shared::{contract::ErrorCode, crash, database::Database};
use uuid::Uuid;

use super::{
    Options, Submissions,
    reception::{NewChunk, Reception},
    split::{Document, Lines, Splitter},
    store,
    uploads::Upload,
    view,
};
use crate::{
    callbacks,
    error::ApiError,
    extract::{BodyStream, Format},
    idempotency::{self, Claim, Digest, Fingerprint, IdempotencyKey},
    origin,
};

/// Who submits, and what for.
pub struct Request {
    /// The caller's workspace.
    pub workspace_id: Uuid,
    /// The country whose national phone format the workspace uses.
    pub default_region: Option<String>,
    /// The campaign to link to.
    pub campaign_id: Uuid,
    /// The caller's own name for the request.
    pub key: Option<IdempotencyKey>,
    /// What the query string says, for a body that cannot.
    pub options: Options,
    /// Leads of a chunk.
    pub chunk_leads: usize,
    /// The most leads that may wait.
    pub max_waiting: usize,
}

/// What the caller is answered.
pub struct Accepted {
    /// The body of the answer.
    pub body: String,
    /// Whether an earlier request with the same key was answered the same.
    pub replayed: bool,
}

impl Submissions {
    /// Reads a submission and keeps it. When this has returned, it will be worked off.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it is kept then.
    pub async fn accept(
        &self,
        request: Request,
        mut body: BodyStream,
    ) -> Result<Accepted, ApiError> {
        let Request { workspace_id, campaign_id, .. } = request;
        let upload = self.uploads.enter(workspace_id)?;
        let mut staged = Staged::new(self.database.clone(), workspace_id, campaign_id, upload);
        let digest = request.key.is_some().then(|| {
            Digest::new("POST respond-async", &format!("/v1/campaigns/{campaign_id}/leads"))
        });
        let mut reception = Reception::new(request.chunk_leads, request.options, digest);
        let mut splitter = match body.format {
            Format::Json => Splitter::Document(Document::default()),
            Format::Lines => Splitter::Lines(Lines::default()),
        };
        let refused =
            |malformed: super::split::Malformed| ApiError::bad_request(malformed.to_string());
        while let Some(bytes) = body.next().await? {
            splitter.push(&bytes, &mut |piece| reception.take(piece)).map_err(refused)?;
            for chunk in reception.full.drain(..) {
                staged.add(&chunk).await?;
            }
        }
        splitter.finish(&mut |piece| reception.take(piece)).map_err(refused)?;
        reception.close();
        let Reception { full, total, mut options, digest, .. } = reception;
        if total == 0 {
            return Err(ApiError::bad_request("leads must hold at least one entry"));
        }
        options.complete(request.default_region.as_deref())?;
        let callback_url = options.callback_url()?;
        if let Some(url) = &callback_url {
            self.guard
                .check(url)
                .await
                .map_err(|refusal| ApiError::bad_request(refusal.to_string()))?;
        }
        let claim = request.key.zip(digest).map(|(key, mut digest)| {
            digest.json(options.to_json().as_bytes());
            digest.json(json!(callback_url).to_string().as_bytes());
            (key, digest.finish())
        });
        let whole = Whole {
            rest: full,
            total,
            options: options.from(&origin::current()).to_json(),
            claim,
            callback_url,
            max_waiting: request.max_waiting,
        };
        let accepted = staged.accept(&whole).await?;
        crash::point("gateway::accepted");
        self.arrived.notify_one();
        Ok(accepted)
    }
}

/// A submission that has arrived.
struct Whole {
    /// The chunks that are not stored yet.
    rest: Vec<NewChunk>,
    total: usize,
    options: String,
    callback_url: Option<String>,
    claim: Option<(IdempotencyKey, Fingerprint)>,
    max_waiting: usize,
}

/// What is stored of a submission that nobody sees yet. Removed when dropped.
struct Staged {
    database: Database,
    id: Uuid,
    workspace_id: Uuid,
    campaign_id: Uuid,
    begun: bool,
    accepted: bool,
    _upload: Upload,
}

impl Staged {
    fn new(database: Database, workspace_id: Uuid, campaign_id: Uuid, upload: Upload) -> Self {
        let id = Uuid::now_v7();
        let (begun, accepted) = (false, false);
        Self { database, id, workspace_id, campaign_id, begun, accepted, _upload: upload }
    }

    async fn add(&mut self, chunk: &NewChunk) -> Result<(), ApiError> {
        let mut connection = self.database.connection().await?;
        if !std::mem::replace(&mut self.begun, true) {
            store::begin(&mut connection, self.id, self.workspace_id, self.campaign_id).await?;
        }
        Ok(store::add(&mut connection, self.id, chunk).await?)
    }

    /// Makes it a submission that everybody sees, and claims its key, in one transaction.
    async fn accept(&mut self, whole: &Whole) -> Result<Accepted, ApiError> {
        let (id, workspace_id, campaign_id) = (self.id, self.workspace_id, self.campaign_id);
        let begun = std::mem::replace(&mut self.begun, true);
        let mut connection = self.database.connection().await?;
        let accepted = connection
            .transaction(async |connection| {
                if let Some((key, fingerprint)) = &whole.claim {
                    let claim =
                        idempotency::claim_on(connection, workspace_id, key, *fingerprint, id);
                    match claim.await? {
                        Claim::First => {}
                        Claim::Answered(body) => return Ok(Accepted { body, replayed: true }),
                        Claim::Twin(_) => {
                            let message = "A request with this Idempotency-Key is still running";
                            return Err(ApiError::new(ErrorCode::IdempotencyConflict, message));
                        }
                    }
                }
                let waiting = store::waiting(connection, workspace_id).await?;
                if waiting + whole.total as i64 > whole.max_waiting as i64 {
                    return Err(ApiError::too_many_waiting(format!(
                        "{waiting} leads of this workspace wait already; {} may",
                        whole.max_waiting
                    )));
                }
                if !begun {
                    store::begin(connection, id, workspace_id, campaign_id).await?;
                }
                for chunk in &whole.rest {
                    store::add(connection, id, chunk).await?;
                }
                let stored = store::accept(connection, id, whole.total, &whole.options).await?;
                if let Some(url) = &whole.callback_url {
                    callbacks::store::insert(connection, id, workspace_id, url).await?;
                }
                let body = json!({"data": view::of(connection, stored).await?}).to_string();
                if let Some((key, _)) = &whole.claim {
                    idempotency::remember_on(connection, workspace_id, key, &body).await?;
                }
                Ok::<_, ApiError>(Accepted { body, replayed: false })
            })
            .await?;
        self.accepted = !accepted.replayed;
        Ok(accepted)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.accepted || !self.begun {
            return;
        }
        // What is not removed here, because everything ends, the purge removes.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (database, id) = (self.database.clone(), self.id);
        runtime.spawn(async move {
            let discarded = async { store::discard(&mut *database.connection().await?, id).await };
            if let Err(error) = discarded.await {
                tracing::warn!(%error, "a submission that was not accepted is left to the purge");
            }
        });
    }
}
