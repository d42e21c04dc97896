//! API keys and the workspaces that they open.

mod schema;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_types::{Nullable, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use sha2::{Digest, Sha256};
use shared::database::DatabaseError;
use uuid::Uuid;

use schema::{api_keys, workspaces};

/// How every key begins (contract section 1).
const PREFIX: &str = "rchd_live_";
/// Random bytes in a key; it shows two hex digits for each.
const RANDOM_BYTES: usize = 20;

/// A well-formed key as a caller sent it, not yet known to be anybody's. Its `Debug` hides it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new key from a secure random source.
    fn generate() -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)?;
        Ok(Self(format!("{PREFIX}{}", hex::encode(random))))
    }

    /// Takes what stands behind `Bearer `. `None` when it cannot be a key, which costs no look-up.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == 2 * RANDOM_BYTES && digits.bytes().all(lower_hex))
            .then(|| Self(text.to_owned()))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    fn hint(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}…{}", self.hint())
    }
}

/// A key that was just made. The secret is shown now or never.
pub struct NewKey {
    /// The key's id, to revoke it by.
    pub id: Uuid,
    /// The whole key.
    pub secret: String,
}

/// A key as lists show it.
#[derive(Debug, Queryable)]
pub struct KeyListing {
    /// Its id.
    pub id: Uuid,
    /// The name of the workspace that it opens.
    pub workspace: String,
    /// Its label.
    pub name: Option<String>,
    /// Its last four characters.
    pub hint: String,
    /// Requests per minute: `None` for the gateway's default, 0 for no limit.
    pub rate_limit: Option<i32>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within some minutes.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a valid key stands for.
#[derive(Debug, Queryable)]
pub struct KeyHolder {
    /// The key.
    pub key_id: Uuid,
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
    name: Option<&str>,
    rate_limit: Option<i32>,
) -> Result<NewKey, DatabaseError> {
    let secret = Secret::generate()
        .map_err(|error| DatabaseError::Failed(format!("no random bytes: {error}")))?;
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
    let id = Uuid::now_v7();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(id),
            api_keys::workspace_id.eq(workspace_id),
            api_keys::name.eq(name),
            api_keys::hash.eq(&secret.hash()[..]),
            api_keys::hint.eq(secret.hint()),
            api_keys::rate_limit.eq(rate_limit),
        ))
        .execute(connection)
        .await?;
    Ok(NewKey { id, secret: secret.0 })
}

/// All keys, oldest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list(connection: &mut AsyncPgConnection) -> Result<Vec<KeyListing>, DatabaseError> {
    let keys = api_keys::table
        .inner_join(workspaces::table)
        .select((
            api_keys::id,
            workspaces::name,
            api_keys::name,
            api_keys::hint,
            api_keys::rate_limit,
            api_keys::created_at,
            api_keys::last_used_at,
            api_keys::revoked_at,
        ))
        .order(api_keys::created_at)
        .load(connection)
        .await?;
    Ok(keys)
}

/// Revokes a key; gateways may go on to accept it for as long as they remember keys. `false` when
/// there is no such key.
///
/// # Errors
/// When the database cannot be asked.
pub async fn revoke(connection: &mut AsyncPgConnection, id: Uuid) -> Result<bool, DatabaseError> {
    let first_revoked = diesel::dsl::case_when(
        api_keys::revoked_at.is_null(),
        Utc::now().into_sql::<Nullable<Timestamptz>>(),
    )
    .otherwise(api_keys::revoked_at);
    let known = diesel::update(api_keys::table.find(id))
        .set(api_keys::revoked_at.eq(first_revoked))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_documented_form_and_are_never_the_same() {
        let (one, other) = (Secret::generate(), Secret::generate());
        let (one, other) = (one.expect("random bytes"), other.expect("random bytes"));
        assert_ne!(one.0, other.0);
        assert_eq!(one.0.len(), "rchd_live_".len() + 40);
        assert!(Secret::parse(&one.0).is_some());
        assert!(!format!("{one:?}").contains(&one.0[10..40]));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_without_a_look_up() {
        let digits = "0123456789abcdef0123456789abcdef01234567";
        assert!(Secret::parse(&format!("rchd_live_{digits}")).is_some());
        for text in [
            String::new(),
            digits.to_owned(),
            format!("rchd_test_{digits}"),
            format!("rchd_live_{digits}0"),
            format!("rchd_live_{digits} "),
            format!("rchd_live_{}", &digits[1..]),
            format!("rchd_live_{}", digits.to_uppercase()),
        ] {
            assert!(Secret::parse(&text).is_none(), "{text:?}");
        }
    }
}
