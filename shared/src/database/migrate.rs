//! Migrations at start-up.

use diesel::{RunQueryDsl, connection::SimpleConnection, sql_types::BigInt};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use super::Database;

/// Serialises migrations across replicas: "rollcall" as a number, arbitrary but fixed.
const LOCK: i64 = 0x726f_6c6c_6361_6c6c;

/// Brings a service's schema up to date. Safe when several replicas start at once.
///
/// The schema's own table remembers what was run, so that services which share a database do not
/// see each other's migrations.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate(
    database: &Database,
    schema: &'static str,
    migrations: EmbeddedMigrations,
) -> anyhow::Result<()> {
    let connection = database.patient_connection().await?;
    let migrating = tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
        let mut connection = AsyncConnectionWrapper::<_>::from(connection);
        // Another replica's migration may take long: no deadline while waiting for it.
        connection.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0")?;
        diesel::sql_query("SELECT pg_advisory_lock($1)")
            .bind::<BigInt, _>(LOCK)
            .execute(&mut connection)?;
        connection.batch_execute(&format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path TO {schema}"
        ))?;
        // The lock goes with the connection.
        match connection.run_pending_migrations(migrations) {
            Ok(_) => Ok(()),
            Err(error) => Err(anyhow::anyhow!("migrating {schema}: {error}")),
        }
    });
    migrating.await?
}
