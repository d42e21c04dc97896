//! API keys and the workspaces that they open.

pub(crate) mod schema;
mod secret;

pub use secret::Secret;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_types::{Nullable, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use schemars::JsonSchema;
use serde::Serialize;
use shared::{
    contract::{Page, Range},
    database::DatabaseError,
};
use uuid::Uuid;

use crate::scopes::Scopes;
use schema::{api_keys, workspaces};

/// What a new key is to be.
#[derive(Clone, Debug, Default)]
pub struct KeyOptions {
    /// A label.
    pub name: Option<String>,
    /// What it is good for.
    pub scopes: Scopes,
    /// Requests per minute: `None` for the gateway's default, 0 for no limit.
    pub rate_limit: Option<i32>,
}

/// A key that was just made. The secret is shown now or never.
pub struct NewKey {
    /// The key, as lists show it.
    pub listing: KeyListing,
    /// The whole key.
    pub secret: String,
}

/// A key as lists show it.
#[derive(Debug, Queryable, Serialize, JsonSchema)]
pub struct KeyListing {
    /// Its id.
    pub id: Uuid,
    /// The name of the workspace that it opens.
    #[serde(skip)]
    pub workspace: String,
    /// Its label.
    pub name: Option<String>,
    /// Its last four characters.
    pub hint: String,
    /// What it is good for.
    #[diesel(deserialize_as = Vec<String>)]
    pub scopes: Scopes,
    /// Requests per minute: `null` for the gateway's default, 0 for no limit.
    pub rate_limit: Option<i32>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within some minutes.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The columns of a [`KeyListing`].
macro_rules! listing {
    () => {
        (
            api_keys::id,
            workspaces::name,
            api_keys::name,
            api_keys::hint,
            api_keys::scopes,
            api_keys::rate_limit,
            api_keys::created_at,
            api_keys::last_used_at,
            api_keys::revoked_at,
        )
    };
}

/// What a valid key stands for.
#[derive(Debug, Queryable)]
pub struct KeyHolder {
    /// The key.
    pub key_id: Uuid,
    /// What it is good for.
    #[diesel(deserialize_as = Vec<String>)]
    pub scopes: Scopes,
    /// Requests per minute: `None` for the gateway's default, 0 for no limit.
    pub rate_limit: Option<i32>,
    /// The workspace that it opens.
    pub workspace_id: Uuid,
    /// That workspace's name.
    pub workspace_name: String,
    /// The country whose national phone format the workspace uses.
    pub default_region: Option<String>,
}

/// Makes a key, and the workspace with it where there is none of that name.
///
/// # Errors
/// When the database cannot be asked, or the system has no random bytes.
pub async fn create(
    connection: &mut AsyncPgConnection,
    workspace: &str,
    options: KeyOptions,
) -> Result<NewKey, DatabaseError> {
    diesel::insert_into(workspaces::table)
        .values((workspaces::id.eq(Uuid::now_v7()), workspaces::name.eq(workspace)))
        .on_conflict(workspaces::name)
        .do_nothing()
        .execute(connection)
        .await?;
    let workspace_id: Uuid = workspaces::table
        .filter(workspaces::name.eq(workspace))
        .select(workspaces::id)
        .first(connection)
        .await?;
    create_in(connection, workspace_id, options).await
}

/// Makes a key to a workspace that there is.
///
/// # Errors
/// When the database cannot be asked, or the system has no random bytes.
pub async fn create_in(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    options: KeyOptions,
) -> Result<NewKey, DatabaseError> {
    let secret = Secret::generate()
        .map_err(|error| DatabaseError::Failed(format!("no random bytes: {error}")))?;
    let id = Uuid::now_v7();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(id),
            api_keys::workspace_id.eq(workspace_id),
            api_keys::name.eq(options.name),
            api_keys::hash.eq(&secret.hash()[..]),
            api_keys::hint.eq(secret.hint()),
            api_keys::scopes.eq(options.scopes.names()),
            api_keys::rate_limit.eq(options.rate_limit),
        ))
        .execute(connection)
        .await?;
    let made = api_keys::table.inner_join(workspaces::table).filter(api_keys::id.eq(id));
    let listing = made.select(listing!()).first(connection).await?;
    Ok(NewKey { listing, secret: secret.reveal() })
}

/// All keys, oldest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list(connection: &mut AsyncPgConnection) -> Result<Vec<KeyListing>, DatabaseError> {
    let keys = api_keys::table.inner_join(workspaces::table).select(listing!());
    Ok(keys.order(api_keys::created_at).load(connection).await?)
}

/// The keys of a workspace, newest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_of(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    range: Range,
) -> Result<Page<KeyListing>, DatabaseError> {
    let of_workspace = api_keys::workspace_id.eq(workspace_id);
    let total = api_keys::table.filter(of_workspace).count().get_result(connection).await?;
    let mut keys = api_keys::table
        .inner_join(workspaces::table)
        .filter(of_workspace)
        .select(listing!())
        .into_boxed();
    if let Some(after) = range.after {
        keys = keys.filter(api_keys::id.lt(after));
    }
    let keys = keys.order(api_keys::id.desc()).limit(range.look_ahead()).offset(range.offset);
    Ok(range.page(keys.load(connection).await?, total, |key: &KeyListing| key.id))
}

/// Revokes a key, of this workspace where one is given, and returns its hash. Gateways may go on to
/// accept it for as long as they remember keys. `None` when there is no such key.
///
/// # Errors
/// When the database cannot be asked.
pub async fn revoke(
    connection: &mut AsyncPgConnection,
    workspace_id: Option<Uuid>,
    id: Uuid,
) -> Result<Option<Vec<u8>>, DatabaseError> {
    let first_revoked = diesel::dsl::case_when(
        api_keys::revoked_at.is_null(),
        Utc::now().into_sql::<Nullable<Timestamptz>>(),
    )
    .otherwise(api_keys::revoked_at);
    // One statement for both: a key of no other workspace than its own.
    let own = workspaces::table.select(workspaces::id).into_boxed();
    let own = match workspace_id {
        Some(workspace_id) => own.filter(workspaces::id.eq(workspace_id)),
        None => own,
    };
    let key = api_keys::id.eq(id).and(api_keys::workspace_id.eq_any(own));
    let hash = diesel::update(api_keys::table.filter(key))
        .set(api_keys::revoked_at.eq(first_revoked))
        .returning(api_keys::hash)
        .get_result(connection)
        .await
        .optional()?;
    Ok(hash)
}

/// Changes the rate limit of a key: `None` for the gateway's default, 0 for no limit. Gateways may
/// go on with the old one for as long as they remember keys. `false` when there is no such key.
///
/// # Errors
/// When the database cannot be asked.
pub async fn set_rate_limit(
    connection: &mut AsyncPgConnection,
    id: Uuid,
    rate_limit: Option<i32>,
) -> Result<bool, DatabaseError> {
    let known = diesel::update(api_keys::table.find(id))
        .set(api_keys::rate_limit.eq(rate_limit))
        .execute(connection)
        .await?;
    Ok(known > 0)
}

/// The id of the workspace of that name.
///
/// # Errors
/// When the database cannot be asked.
pub async fn workspace_id(
    connection: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<Uuid>, DatabaseError> {
    let id = workspaces::table
        .filter(workspaces::name.eq(name))
        .select(workspaces::id)
        .first(connection)
        .await
        .optional()?;
    Ok(id)
}

/// What a key stands for, unless it is unknown or revoked. Notes that it was used.
///
/// # Errors
/// When the database cannot be asked.
pub async fn holder(
    connection: &mut AsyncPgConnection,
    hash: &[u8],
) -> Result<Option<KeyHolder>, DatabaseError> {
    let holder: Option<KeyHolder> = api_keys::table
        .inner_join(workspaces::table)
        .filter(api_keys::hash.eq(hash).and(api_keys::revoked_at.is_null()))
        .select((
            api_keys::id,
            api_keys::scopes,
            api_keys::rate_limit,
            workspaces::id,
            workspaces::name,
            workspaces::default_region,
        ))
        .first(connection)
        .await
        .optional()?;
    if let Some(holder) = &holder {
        let noted = Utc::now();
        let stale = api_keys::last_used_at
            .is_null()
            .or(api_keys::last_used_at.lt(noted - TimeDelta::minutes(1)));
        diesel::update(api_keys::table.find(holder.key_id).filter(stale))
            .set(api_keys::last_used_at.eq(noted))
            .execute(connection)
            .await?;
    }
    Ok(holder)
}
