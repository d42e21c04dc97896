//! Which database each service works on.

use std::path::PathBuf;

use shared::{
    database::{Database, PooledConnection},
    settings::{SecretUrl, Settings},
};

use crate::private_postgres::{PrivatePostgres, Visit};

/// One database for each service, and the server that was started for them.
pub struct Databases {
    /// Keys and workspaces.
    pub gateway: Database,
    /// Leads.
    pub lead_service: Database,
    /// Campaigns and links.
    pub campaign_service: Database,
    private: Option<PrivatePostgres>,
}

impl Databases {
    /// Opens the databases of the settings, and runs a private server for those that have none.
    ///
    /// # Errors
    /// When that server does not start.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let services = [
            &settings.gateway.database_url,
            &settings.lead_service.database_url,
            &settings.campaign_service.database_url,
        ];
        let private = if settings.database_url.is_none() && services.contains(&&None) {
            Some(PrivatePostgres::start(&settings.data_dir).await?)
        } else {
            None
        };
        let common = settings.database_url.clone().or(private.as_ref().map(|p| p.url().clone()));
        let open = |own: &Option<SecretUrl>, connections| {
            let url = own.as_ref().or(common.as_ref()).map_or("", SecretUrl::expose);
            Database::new(url, connections)
        };
        let [gateway, lead_service, campaign_service] = services;
        let opened = (|| {
            let gateway = open(gateway, gateway::POOL_SIZE)?;
            let lead_service = open(lead_service, lead_service::POOL_SIZE)?;
            let campaign_service = open(campaign_service, campaign_service::POOL_SIZE)?;
            anyhow::Ok((gateway, lead_service, campaign_service))
        })();
        match opened {
            Ok((gateway, lead_service, campaign_service)) => {
                Ok(Self { gateway, lead_service, campaign_service, private })
            }
            Err(error) => {
                stop(private).await?;
                Err(error)
            }
        }
    }

    /// Brings all schemas up to date.
    ///
    /// # Errors
    /// When a database is not reached, or a migration fails.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        gateway::migrate(&self.gateway).await?;
        lead_service::migrate(&self.lead_service).await?;
        campaign_service::migrate(&self.campaign_service).await
    }

    /// Where the private server is, if there is one.
    pub fn private_folder(&self) -> Option<PathBuf> {
        self.private.as_ref().map(|private| private.folder().to_owned())
    }

    /// Stops the private server, if there is one.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        stop(self.private).await
    }
}

/// The gateway's database for a short job, beside a running `rollcall up` or without one.
pub struct GatewayDatabase {
    /// Ready to be used.
    pub database: Database,
    private: Option<PrivatePostgres>,
}

impl GatewayDatabase {
    /// Does a job on a connection to it.
    ///
    /// # Errors
    /// When the database is not reached, or the job fails.
    pub async fn with(
        settings: &Settings,
        job: impl AsyncFnOnce(PooledConnection) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let opened = Self::open(settings).await?;
        let done = match opened.database.connection().await {
            Ok(connection) => job(connection).await,
            Err(error) => Err(error.into()),
        };
        // Not before the connection has been given back, and whatever came of it.
        let closed = opened.close().await;
        done.and(closed)
    }

    /// Opens it, starting the private server where it is needed and does not run.
    ///
    /// # Errors
    /// When the database is not reached.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let given = settings.gateway.database_url.as_ref().or(settings.database_url.as_ref());
        let (url, private) = match given {
            Some(url) => (url.clone(), None),
            None => match PrivatePostgres::visit(&settings.data_dir).await? {
                Visit::Running(url) => (url, None),
                Visit::Started(private) => (private.url().clone(), Some(private)),
            },
        };
        let opened = async {
            let database = Database::new(url.expose(), 1)?;
            // It may be the first to come.
            gateway::migrate(&database).await?;
            anyhow::Ok(database)
        };
        match opened.await {
            Ok(database) => Ok(Self { database, private }),
            Err(error) => {
                stop(private).await?;
                Err(error)
            }
        }
    }

    /// Stops the private server if it was started for this.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        stop(self.private).await
    }
}

async fn stop(private: Option<PrivatePostgres>) -> anyhow::Result<()> {
    match private {
        Some(private) => private.stop().await,
        None => Ok(()),
    }
}
