//! The database, seen past the services.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use test_support::{TestDatabase, eventually};

/// Deadlocks that PostgreSQL has counted in this database. Backends count when they end, so the
/// services must have stopped.
pub async fn deadlocks(database: &TestDatabase) -> u64 {
    let alone = "SELECT 1 FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    eventually(Duration::from_secs(20), async || {
        rows(database, alone).await.is_empty().then_some(())
    })
    .await;
    let counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    rows(database, counted).await[0]["deadlocks"].as_u64().expect("a number")
}

/// The rows of a query, as JSON.
pub async fn rows(database: &TestDatabase, query: &str) -> Vec<Value> {
    #[derive(diesel::QueryableByName)]
    struct Rows {
        #[diesel(sql_type = diesel::sql_types::Text)]
        rows: String,
    }
    let all = format!("SELECT coalesce(json_agg(row), '[]')::text AS rows FROM ({query}) AS row");
    let mut connection = AsyncPgConnection::establish(&database.url()).await.expect("connected");
    let rows = diesel::sql_query(all).get_result::<Rows>(&mut connection).await.expect("rows");
    serde_json::from_str(&rows.rows).expect("JSON")
}

/// Carries out a statement.
pub async fn execute(database: &TestDatabase, statement: &str) {
    let mut connection = AsyncPgConnection::establish(&database.url()).await.expect("connected");
    connection.batch_execute(statement).await.expect("carried out");
}
