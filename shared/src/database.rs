//! PostgreSQL: connections with deadlines, migrations, and which failures mean what.

mod arrays;
mod clock;
mod connect;
mod error;
mod migrate;
mod presumption;
mod url;
mod watched;

pub use arrays::sparse;
pub use clock::from_now;
pub use error::DatabaseError;
pub use migrate::migrate;
pub use presumption::{Presumption, is_refuted};
pub use url::DatabaseUrl;

use std::{str::FromStr, time::Duration};

use anyhow::anyhow;
use connect::{SILENCE, connect};
use diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use futures_util::FutureExt;
use tokio::time::timeout;

/// How long connecting, to whichever of several hosts, or waiting for a free connection, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

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
    url: DatabaseUrl,
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
    /// When the URL is wrong.
    pub fn new(url: &str, connections: usize) -> anyhow::Result<Self> {
        let url =
            DatabaseUrl::from_str(url).map_err(|problem| anyhow!("DATABASE_URL: {problem}"))?;
        Self::to(url, connections)
    }

    fn to(url: DatabaseUrl, connections: usize) -> anyhow::Result<Self> {
        let mut config = ManagerConfig::default();
        // No round trip at each checkout: a connection that died unnoticed fails in use.
        config.recycling_method = RecyclingMethod::Fast;
        let to = url.clone();
        config.custom_setup = Box::new(move |_| {
            let url = to.clone();
            async move { connect(&url, Some(SILENCE)).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config("", config);
        let pool = Pool::builder(manager)
            .max_size(connections)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self { url, pool })
    }

    /// The same database with a pool of its own.
    ///
    /// # Errors
    /// When the pool cannot be built.
    pub fn with_own_pool(&self, connections: usize) -> anyhow::Result<Self> {
        Self::to(self.url.clone(), connections)
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
        self.connect(Some(SILENCE)).await
    }

    /// The same, for statements that may take as long as they like, such as migrations.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn patient_connection(&self) -> Result<AsyncPgConnection, DatabaseError> {
        self.connect(None).await
    }

    async fn connect(&self, silence: Option<Duration>) -> Result<AsyncPgConnection, DatabaseError> {
        match timeout(CONNECT_TIMEOUT, connect(&self.url, silence)).await {
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
