//! What the database holds, read without the code under test.

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use lead_service::resolve::{Lead, Mark};
use shared::entry::{Email, Phone, Profile};
use uuid::Uuid;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    phone: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    email: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    first_name: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    last_name: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    company_name: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    title: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    linkedin_url: Option<String>,
    #[diesel(sql_type = sql_types::Uuid)]
    submission_id: Uuid,
    #[diesel(sql_type = sql_types::Integer)]
    entry: i32,
}

/// The leads of a workspace, sorted by id.
pub async fn leads(connection: &mut AsyncPgConnection, workspace_id: Uuid) -> Vec<Lead> {
    let query = sql_query("SELECT * FROM lead.leads WHERE workspace_id = $1 ORDER BY id");
    let rows: Vec<Row> =
        query.bind::<sql_types::Uuid, _>(workspace_id).load(connection).await.expect("rows");
    rows.into_iter().map(lead).collect()
}

fn lead(row: Row) -> Lead {
    Lead {
        id: row.id,
        phone: row.phone.map(Phone::from_stored),
        email: row.email.map(Email::from_stored),
        profile: Profile([
            row.first_name,
            row.last_name,
            row.company_name,
            row.title,
            row.linkedin_url,
        ]),
        mark: Some(Mark { submission_id: row.submission_id, entry: row.entry }),
    }
}

/// How many submissions of these workspaces are remembered.
pub async fn remembered(connection: &mut AsyncPgConnection, workspaces: &[Uuid]) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = sql_types::BigInt)]
        count: i64,
    }
    sql_query("SELECT count(*) AS count FROM lead.submissions WHERE workspace_id = ANY ($1)")
        .bind::<sql_types::Array<sql_types::Uuid>, _>(workspaces)
        .get_result::<Count>(connection)
        .await
        .expect("counted")
        .count
}

/// A connection of the test's own.
pub async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.expect("connected")
}
