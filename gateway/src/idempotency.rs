//! Idempotency keys: a caller's retry is the same submission (contract section 4).
//!
//! A key is claimed by one insert and stands for an id from then on: a submission's or, by the same
//! rules, a new lead's. A twin that comes while the first request is still under way, or after its
//! gateway crashed, submits the same id again: the services answer a repeated submission as they did
//! the first time, so nobody has to wait for a lock that nobody may be left to give back.

mod fingerprint;
mod store;

use actix_web::http::header::{HeaderMap, HeaderName};
use diesel_async::AsyncPgConnection;
use futures_util::FutureExt;
use shared::{contract::ErrorCode, database::Database};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{error::ApiError, origin};

pub use fingerprint::{Digest, Fingerprint, fingerprint};
use store::Stored;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_CHARS: usize = 255;

/// A caller's own name for a request.
#[derive(Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// 400 when it is empty, too long, not printable ASCII, or stands twice.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut given = headers.get_all(IDEMPOTENCY_KEY);
        let key = match (given.next(), given.next()) {
            (None, _) => return Ok(None),
            (Some(key), None) => key.to_str().unwrap_or_default().trim(),
            (Some(_), Some(_)) => "",
        };
        if !(1..=MAX_CHARS).contains(&key.len()) {
            return Err(ApiError::bad_request(
                "Idempotency-Key must be one value of 1 to 255 printable ASCII characters",
            ));
        }
        Ok(Some(Self(key.to_owned())))
    }
}

/// What a key stands for.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// This request is the first with the key: it runs under the submission id that it brought.
    First,
    /// Another request claimed the key before and has no answer yet: submit its submission again.
    Twin(Uuid),
    /// The answer that the first request got.
    Answered(String),
}

/// The keys of all workspaces.
pub struct IdempotencyKeys {
    database: Database,
}

impl IdempotencyKeys {
    /// The keys in the gateway's database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Claims a key for a request, or finds what it stands for already.
    ///
    /// # Errors
    /// 422 when the key was used with another request; 503 when keys cannot be kept.
    pub async fn claim(
        &self,
        workspace_id: Uuid,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        submission_id: Uuid,
    ) -> Result<Claim, ApiError> {
        let _sql = origin::sql("INSERT", "gateway.idempotency_keys");
        let mut connection = self.database.connection().await?;
        claim_on(&mut connection, workspace_id, key, fingerprint, submission_id).await
    }

    /// Whether a request has claimed this key.
    ///
    /// # Errors
    /// 503 when keys cannot be looked up.
    pub async fn knows(&self, workspace_id: Uuid, key: &IdempotencyKey) -> Result<bool, ApiError> {
        let mut connection = self.database.connection().await?;
        Ok(store::find(&mut connection, workspace_id, &key.0).await?.is_some())
    }

    /// Remembers the answer of a request. A key whose answer is known keeps that one.
    ///
    /// # Errors
    /// 503 when it cannot be kept; the caller must then not be told the answer either.
    pub async fn remember(
        &self,
        workspace_id: Uuid,
        key: &IdempotencyKey,
        answer: &str,
    ) -> Result<(), ApiError> {
        let _sql = origin::sql("UPDATE", "gateway.idempotency_keys");
        let mut connection = self.database.connection().await?;
        remember_on(&mut connection, workspace_id, key, answer).await
    }

    /// Forgets old keys, until stopped.
    pub async fn purge(database: Database, stop: CancellationToken) {
        shared::purge::run(database, stop, |connection| store::purge(connection).boxed()).await;
    }
}

/// As [`IdempotencyKeys::claim`], on the caller's own connection, and so in its transaction.
///
/// # Errors
/// The same.
pub async fn claim_on(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
    submission_id: Uuid,
) -> Result<Claim, ApiError> {
    loop {
        if store::insert(connection, workspace_id, &key.0, &fingerprint, submission_id).await? {
            return Ok(Claim::First);
        }
        // None when the purge came in between: then the key is free again.
        if let Some(stored) = store::find(connection, workspace_id, &key.0).await? {
            return claimed(stored, fingerprint);
        }
    }
}

/// As [`IdempotencyKeys::remember`], on the caller's own connection.
///
/// # Errors
/// The same.
pub async fn remember_on(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    key: &IdempotencyKey,
    answer: &str,
) -> Result<(), ApiError> {
    Ok(store::answer(connection, workspace_id, &key.0, answer).await?)
}

fn claimed(stored: Stored, fingerprint: Fingerprint) -> Result<Claim, ApiError> {
    if stored.fingerprint != fingerprint {
        return Err(ApiError::new(
            ErrorCode::IdempotencyMismatch,
            "This Idempotency-Key was used with another request",
        ));
    }
    Ok(stored.answer.map_or(Claim::Twin(stored.submission_id), Claim::Answered))
}
