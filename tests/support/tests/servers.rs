//! The servers for tests are there when asked for and gone when dropped.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use test_support::{TestDatabase, TestVhost, eventually};

#[tokio::test]
async fn a_database_is_dropped_in_spite_of_connections() {
    let database = TestDatabase::create().await;
    let other = TestDatabase::create().await;
    let url = database.url();
    let mut connection = AsyncPgConnection::establish(&url).await.expect("connected");
    connection.batch_execute("CREATE TABLE leads (id int)").await.expect("a superuser");
    drop(database);
    assert!(connection.batch_execute("SELECT 1").await.is_err());
    assert!(AsyncPgConnection::establish(&url).await.is_err());
    AsyncPgConnection::establish(&other.url()).await.expect("another test's is left alone");
}

#[tokio::test]
async fn a_virtual_host_has_users_of_its_own() {
    let vhost = TestVhost::create().await;
    vhost.create_user("publisher", "secret", "^$", "^leads$", "^$").await;
    vhost.permit_topics("publisher", "leads", "^leads\\.submitted$", "^$").await;
    let url = vhost.amqp_url_as("publisher", "secret");
    assert!(url.contains("_publisher:secret@127.0.0.1:"), "{url}");
    assert_eq!(vhost.queue("leads.submitted").await, None);
    let nobody = async || vhost.connections().await.is_empty().then_some(());
    eventually(Duration::from_secs(1), nobody).await;
}
