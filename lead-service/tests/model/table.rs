//! What the database holds, read without the code under test.

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use lead_service::resolve::{Lead, Mark};
use shared::entry::{Details, Email, JsonObject, Phone, Profile};
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
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    company_website: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    job_description: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    company_size: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    variables_json: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    metadata_json: Option<String>,
    #[diesel(sql_type = sql_types::Uuid)]
    submission_id: Uuid,
    #[diesel(sql_type = sql_types::Integer)]
    entry: i32,
}

/// The leads of a workspace, sorted by id.
pub async fn leads(connection: &mut AsyncPgConnection, workspace_id: Uuid) -> Vec<Lead> {
    let query = sql_query(
        "SELECT *, custom_variables::text AS variables_json, metadata::text AS metadata_json \
         FROM lead.leads WHERE workspace_id = $1 ORDER BY id",
    );
    let rows: Vec<Row> =
        query.bind::<sql_types::Uuid, _>(workspace_id).load(connection).await.expect("rows");
    rows.into_iter().map(lead).collect()
}

fn lead(row: Row) -> Lead {
    let objects = [row.variables_json, row.metadata_json]
        .map(|json| json.map(|json| JsonObject::from_stored(&json).expect("an object with keys")));
    let texts = [row.company_website, row.job_description, row.company_size];
    let details = Details { texts, objects };
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
        details: Some(details).filter(|some| *some != Details::default()).map(Box::new),
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
