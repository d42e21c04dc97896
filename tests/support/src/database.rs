//! A database of a test's own.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use crate::{cleanup, server, unique_name};

/// An empty database, dropped with everything in it, whoever is connected.
pub struct TestDatabase {
    admin_url: String,
    name: String,
}

impl TestDatabase {
    /// Creates the database.
    ///
    /// # Panics
    /// When there is no server, or it refuses.
    pub async fn create() -> Self {
        let database =
            Self { admin_url: server("ROLLCALL_TEST_DATABASE_URL"), name: unique_name() };
        execute(&database.admin_url, &format!("CREATE DATABASE {}", database.name)).await;
        database
    }

    /// The URL to connect to it, as a superuser.
    pub fn url(&self) -> String {
        let (server, _) = self.admin_url.rsplit_once('/').expect("the URL names a database");
        format!("{server}/{}", self.name)
    }

    /// Cuts every connection and refuses new ones, as a server that restarts does, until
    /// [`Self::come_back`].
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn go_away(&self) {
        let refuse = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name);
        execute(&self.admin_url, &refuse).await;
        self.cut_connections().await;
    }

    /// Ends [`Self::go_away`].
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn come_back(&self) {
        let accept = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name);
        execute(&self.admin_url, &accept).await;
    }

    /// Cuts every connection, whatever is under way on it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn cut_connections(&self) {
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        execute(&self.admin_url, &cut).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let url = self.admin_url.clone();
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        cleanup::run(async move { execute(&url, &drop).await });
    }
}

async fn execute(url: &str, statement: &str) {
    let mut connection =
        AsyncPgConnection::establish(url).await.expect("the server for the tests answers");
    connection
        .batch_execute(statement)
        .await
        .unwrap_or_else(|error| panic!("{statement} failed: {error}"));
}
