//! PostgreSQL: connections with deadlines, migrations, and which failures mean what.

mod arrays;
mod error;
mod migrate;
mod presumption;

pub use arrays::sparse;
pub use error::DatabaseError;
pub use migrate::migrate;
pub use presumption::{Presumption, is_refuted};

use std::time::Duration;

use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use futures_util::FutureExt;
use tokio::time::timeout;

/// How long connecting, or waiting for a free connection, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Server-side deadlines for every connection. The lock timeout stays below the statement's, so
/// that waiting and working are told apart.
const DEADLINES: &str = "SET statement_timeout = '20s'; SET lock_timeout = '10s'; \
                         SET idle_in_transaction_session_timeout = '30s';";

/// For connections that run the same few statements over arrays for ever: plan each once, as nested
/// loops over index scans. On a table that was never analysed, or whose statistics are stale, the
/// planner's own choice can be a scan of the whole table, a hundred times slower.
const FIXED_PLANS: &str = "SET plan_cache_mode = force_generic_plan; SET jit = off; \
                           SET enable_seqscan = off; SET enable_bitmapscan = off; \
                           SET enable_hashjoin = off; SET enable_mergejoin = off;";

/// For a query of one page of a list, within a transaction: walk along the index that has the rows in
/// order. On a table that was never analysed, or whose statistics are stale, the planner's own choice
/// can be to collect and sort all rows that there are.
pub const ALONG_INDEX: &str = "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; \
                               SET LOCAL enable_seqscan = off";

/// A connection out of the pool.
pub type PooledConnection = Object<AsyncPgConnection>;

/// A service's access to its database.
#[derive(Clone)]
pub struct Database {
    url: String,
    pool: Pool<AsyncPgConnection>,
}

/// The pool, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct PoolState {
    /// Connections that nobody uses.
    pub idle: usize,
    /// Connections in use.
    pub busy: usize,
    /// How many there may be.
    pub limit: usize,
}

impl Database {
    /// Prepares access with at most `connections` pooled connections; connects when first needed.
    ///
    /// # Errors
    /// When the pool cannot be built.
    pub fn new(url: &str, connections: usize) -> anyhow::Result<Self> {
        let mut config = ManagerConfig::default();
        // No round trip at each checkout: a connection that died unnoticed fails in use.
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|url| {
            let url = url.to_owned();
            async move { establish(&url).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(connections)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self { url: url.to_owned(), pool })
    }

    /// A pooled connection.
    ///
    /// # Errors
    /// When none can be had in time.
    pub async fn connection(&self) -> Result<PooledConnection, DatabaseError> {
        self.pool.get().await.map_err(|error| DatabaseError::unavailable(error.to_string()))
    }

    /// A connection of the caller's own, beside the pool.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn dedicated_connection(&self) -> Result<AsyncPgConnection, DatabaseError> {
        match timeout(CONNECT_TIMEOUT, establish(&self.url)).await {
            Ok(connection) => {
                connection.map_err(|error| DatabaseError::unavailable(error.to_string()))
            }
            Err(_) => Err(DatabaseError::unavailable("connecting took too long")),
        }
    }

    /// A connection of the caller's own for a pipeline's statements over arrays: each is planned
    /// once, for look-ups by index.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn pipeline_connection(&self) -> Result<AsyncPgConnection, DatabaseError> {
        let mut connection = self.dedicated_connection().await?;
        connection.batch_execute(FIXED_PLANS).await?;
        Ok(connection)
    }

    /// How many pooled connections there are, and how many may be.
    pub fn pool(&self) -> PoolState {
        let deadpool::Status { size, available, max_size, .. } = self.pool.status();
        PoolState { idle: available, busy: size.saturating_sub(available), limit: max_size }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check(&self) -> Result<(), DatabaseError> {
        let checked = async { Ok(self.connection().await?.batch_execute("SELECT 1").await?) };
        match timeout(CONNECT_TIMEOUT, checked).await {
            Ok(checked) => checked,
            Err(_) => Err(DatabaseError::unavailable("no answer in time")),
        }
    }
}

async fn establish(url: &str) -> diesel::ConnectionResult<AsyncPgConnection> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection
        .batch_execute(DEADLINES)
        .await
        .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
