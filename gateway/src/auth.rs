//! Who is calling: from the Authorization header to a workspace.

use std::{sync::Arc, time::Duration};

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use moka::future::Cache;
use shared::{
    contract::ErrorCode,
    database::{Database, DatabaseError},
    settings::GatewaySettings,
};
use uuid::Uuid;

use crate::{
    activity::{Activity, Ring},
    error::ApiError,
    keys::{self, KeyHolder, Secret},
    limits::{Limits, RateLimiter},
    origin,
    scopes::Scopes,
};

/// Keys that are remembered at once, known and unknown ones.
const MAX_REMEMBERED: u64 = 100_000;

/// A caller whose key is valid.
pub struct Caller {
    /// The workspace that the key opens.
    pub workspace_id: Uuid,
    /// Its name.
    pub workspace_name: String,
    /// The country whose national phone format the workspace uses.
    pub default_region: Option<String>,
    /// What the key is good for.
    pub scopes: Scopes,
    /// Counts the key's requests.
    pub limiter: Arc<RateLimiter>,
    /// What the workspace is sending just now.
    pub activity: Arc<Ring>,
}

/// Finds out who calls, remembering keys briefly.
pub struct Authenticator {
    database: Database,
    limits: Limits,
    activity: Arc<Activity>,
    remembered: Cache<[u8; 32], Option<Arc<Caller>>>,
}

impl Authenticator {
    /// An authenticator on the gateway's database.
    pub fn new(database: Database, activity: Arc<Activity>, settings: &GatewaySettings) -> Self {
        let remembered = Cache::builder()
            .max_capacity(MAX_REMEMBERED)
            .time_to_live(Duration::from_secs(settings.key_cache_seconds))
            .build();
        let limits = Limits::new(settings.rate_limit_per_minute);
        Self { database, limits, activity, remembered }
    }

    /// The caller of a request with these headers.
    ///
    /// # Errors
    /// 401, the same for unknown and revoked keys; 503 when keys cannot be looked up.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, ApiError> {
        let secret = secret(headers)?;
        let hash = secret.hash();
        // Of many requests with one key that is not remembered, one asks and the others wait.
        let caller = self.remembered.try_get_with(hash, self.look_up(hash)).await;
        match caller {
            Ok(Some(caller)) => Ok(caller),
            Ok(None) => Err(invalid_key()),
            Err(error) => {
                let origin = origin::current();
                let request_id = origin.logged();
                tracing::warn!(request_id, %error, "keys cannot be looked up");
                Err(shared::contract::ErrorBody::unavailable().into())
            }
        }
    }

    /// Forgets a key, so that its revocation bites at once, here.
    pub async fn forget(&self, hash: &[u8]) {
        if let Ok(hash) = <[u8; 32]>::try_from(hash) {
            self.remembered.invalidate(&hash).await;
        }
    }

    async fn look_up(&self, hash: [u8; 32]) -> Result<Option<Arc<Caller>>, DatabaseError> {
        let _sql = origin::sql("SELECT", "gateway.api_keys");
        let mut connection = self.database.connection().await?;
        let holder = keys::holder(&mut connection, &hash).await?;
        Ok(holder.map(|holder| Arc::new(self.admit(holder))))
    }

    fn admit(&self, holder: KeyHolder) -> Caller {
        Caller {
            limiter: self.limits.of(holder.key_id, holder.rate_limit),
            activity: self.activity.of(holder.workspace_id),
            scopes: holder.scopes,
            workspace_id: holder.workspace_id,
            workspace_name: holder.workspace_name,
            default_region: holder.default_region,
        }
    }
}

/// The key of a request. The scheme is matched without case (RFC 9110 section 11.1).
fn secret(headers: &HeaderMap) -> Result<Secret, ApiError> {
    let mut given = headers.get_all(AUTHORIZATION);
    let (Some(header), None) = (given.next(), given.next()) else { return Err(malformed()) };
    let (scheme, key) =
        header.to_str().ok().and_then(|v| v.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") || !key.starts_with("rchd_") {
        return Err(malformed());
    }
    Secret::parse(key).ok_or_else(invalid_key)
}

fn malformed() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "Missing or invalid Authorization header. Use: Bearer rchd_live_xxx",
    )
}

fn invalid_key() -> ApiError {
    ApiError::new(ErrorCode::Unauthorized, "Invalid API key")
}
