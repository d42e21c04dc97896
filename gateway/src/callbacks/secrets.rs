//! What callbacks are signed with: a secret of each workspace.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::database::DatabaseError;
use uuid::Uuid;

use schema::webhook_secrets;

/// Random bytes in a secret; the specification asks for 24 to 64.
const RANDOM_BYTES: usize = 32;
/// How long the former secret signs too, after a change.
const FORMER: TimeDelta = TimeDelta::hours(24);

mod schema {
    diesel::table! {
        gateway.webhook_secrets (workspace_id) {
            workspace_id -> Uuid,
            secret -> Binary,
            previous -> Nullable<Binary>,
            previous_until -> Nullable<Timestamptz>,
        }
    }
}

/// A secret. Its `Debug` hides it, its `Display` does not.
pub struct Secret(Vec<u8>);

impl Secret {
    fn generate() -> Result<Self, DatabaseError> {
        let mut random = vec![0; RANDOM_BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| DatabaseError::Failed(format!("no random bytes: {error}")))?;
        Ok(Self(random))
    }

    /// The signature of a message.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "whsec_{}", STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_…")
    }
}

/// The secrets of a workspace that are in use: its own, and for a while the former one.
#[derive(Debug)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let signatures: Vec<_> =
            self.0.iter().filter_map(|secret| secret.sign(id, timestamp, body)).collect();
        signatures.join(" ")
    }
}

/// The secrets of a workspace; made where there is none.
///
/// # Errors
/// When the database cannot be asked.
pub async fn of(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
) -> Result<Secrets, DatabaseError> {
    diesel::insert_into(webhook_secrets::table)
        .values((
            webhook_secrets::workspace_id.eq(workspace_id),
            webhook_secrets::secret.eq(Secret::generate()?.0),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    let (secret, previous, until): (Vec<u8>, Option<Vec<u8>>, Option<DateTime<Utc>>) =
        webhook_secrets::table
            .find(workspace_id)
            .select((
                webhook_secrets::secret,
                webhook_secrets::previous,
                webhook_secrets::previous_until,
            ))
            .first(connection)
            .await?;
    let former = previous.filter(|_| until.is_some_and(|until| until > Utc::now()));
    Ok(Secrets([Some(secret), former].into_iter().flatten().map(Secret).collect()))
}

/// The secret of a workspace, to be told to whoever receives its callbacks.
///
/// # Errors
/// When the database cannot be asked.
pub async fn current(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
) -> Result<Secret, DatabaseError> {
    let Secrets(secrets) = of(connection, workspace_id).await?;
    secrets.into_iter().next().ok_or_else(|| DatabaseError::Failed("no secret".to_owned()))
}

/// Gives a workspace a new secret. The former one signs too for a day, so that receivers can change
/// without missing anything.
///
/// # Errors
/// When the database cannot be asked.
pub async fn rotate(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
) -> Result<Secret, DatabaseError> {
    let (former, new) = (current(connection, workspace_id).await?, Secret::generate()?);
    diesel::update(webhook_secrets::table.find(workspace_id))
        .set((
            webhook_secrets::secret.eq(&new.0),
            webhook_secrets::previous.eq(&former.0),
            webhook_secrets::previous_until.eq(Utc::now() + FORMER),
        ))
        .execute(connection)
        .await?;
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own example.
    #[test]
    fn signs_as_everybody_does() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let secrets = Secrets(vec![Secret(secret.clone()), Secret(secret)]);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(
            secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            format!("{signature} {signature}")
        );
    }

    #[test]
    fn a_secret_shows_itself_only_when_asked() {
        let secret = Secret::generate().expect("random bytes");
        assert!(secret.to_string().starts_with("whsec_"));
        assert!(!format!("{secret:?}").contains(&secret.to_string()[6..]));
    }
}
