//! Deleted leads that the campaign service has yet to forget.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool, Integer, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::database::DatabaseError;
use uuid::Uuid;

/// How often the campaign service is told. The pause after each time is four times the one before:
/// 10 seconds after the first, 7.6 days after the last but one, longer than a submission can be
/// answered from its record ([`super::records::KEEP`]) and so link a lead once more.
const TIMES: i32 = 10;
/// Leads that it is told of at once.
const PORTION: i64 = 100;

/// Remembers a deletion.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    lead_id: Uuid,
    request_id: Uuid,
) -> QueryResult<()> {
    sql_query("INSERT INTO lead.erasures (workspace_id, lead_id, request_id) VALUES ($1, $2, $3)")
        .bind::<SqlUuid, _>(workspace_id)
        .bind::<SqlUuid, _>(lead_id)
        .bind::<SqlUuid, _>(request_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the lead was deleted: by this request, or by any.
pub(crate) async fn exists(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    lead_id: Uuid,
    request_id: Option<Uuid>,
) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Exists {
        #[diesel(sql_type = Bool)]
        exists: bool,
    }
    let query = sql_query(
        "SELECT EXISTS (SELECT FROM lead.erasures WHERE workspace_id = $1 AND lead_id = $2 \
             AND (request_id = $3 OR $3 IS NULL)) AS exists",
    );
    let Exists { exists } = query
        .bind::<SqlUuid, _>(workspace_id)
        .bind::<SqlUuid, _>(lead_id)
        .bind::<diesel::sql_types::Nullable<SqlUuid>, _>(request_id)
        .get_result(connection)
        .await?;
    Ok(exists)
}

/// A lead that the campaign service is to be told of now.
#[derive(QueryableByName)]
pub(crate) struct Due {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(crate) lead_id: Uuid,
}

/// A portion of what is due.
///
/// # Errors
/// When the database cannot be asked.
pub(crate) async fn due(connection: &mut AsyncPgConnection) -> Result<Vec<Due>, DatabaseError> {
    let query = sql_query(
        "SELECT workspace_id, lead_id FROM lead.erasures WHERE due_at <= now() \
         ORDER BY due_at LIMIT $1",
    );
    Ok(query.bind::<BigInt, _>(PORTION).load(connection).await?)
}

/// The campaign service was told of these leads: next time later, and in the end never again.
///
/// # Errors
/// When the database cannot be asked.
pub(crate) async fn told(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    lead_ids: &[Uuid],
) -> Result<(), DatabaseError> {
    sql_query(
        "WITH told AS (UPDATE lead.erasures SET told = told + 1, \
                 due_at = now() + interval '10 seconds' * power(4, told) \
             WHERE workspace_id = $1 AND lead_id = ANY ($2) AND told < $3 - 1 RETURNING lead_id) \
         DELETE FROM lead.erasures WHERE workspace_id = $1 AND lead_id = ANY ($2) \
             AND told >= $3 - 1",
    )
    .bind::<SqlUuid, _>(workspace_id)
    .bind::<Array<SqlUuid>, _>(lead_ids)
    .bind::<Integer, _>(TIMES)
    .execute(connection)
    .await?;
    Ok(())
}
