//! What the database says, and PostgreSQL writes into its log, where a contact is another lead's.

use diesel::{
    result::{DatabaseErrorKind, Error},
    sql_query,
};
use diesel_async::RunQueryDsl;
use lead_service::migrate;
use shared::database::Database;
use test_support::TestDatabase;

use crate::table;

#[tokio::test]
async fn a_violation_shows_no_contact() {
    let database = TestDatabase::create().await;
    migrate(&Database::new(&database.url(), 1).expect("a URL")).await.expect("migrated");
    let mut connection = table::connect(&database.url()).await;
    let mut insert = async |phone: &str, email: &str| {
        let insert = format!(
            "SELECT lead.insert_leads(ARRAY['00000000-0000-0000-0000-000000000001'::uuid], \
                 ARRAY[gen_random_uuid()], ARRAY['{phone}'], ARRAY['{email}'], \
                 '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}')"
        );
        sql_query(insert).execute(&mut connection).await
    };
    insert("+15550000001", "ann@example.com").await.expect("inserted");
    for (phone, email) in [("+15550000001", "bob@example.com"), ("+15550000002", "ann@example.com")]
    {
        let refused = insert(phone, email).await;
        let Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told)) = refused else {
            panic!("{refused:?}");
        };
        let texts = [Some(told.message()), told.details(), told.hint()];
        for text in texts.into_iter().flatten() {
            assert!(!text.contains("+1555") && !text.contains("example.com"), "{text}");
        }
    }
}
