//! The database, beside the services: emptying and filling its tables.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::{process::Command, time::timeout};
use tokio_postgres::NoTls;

/// All that grows with leads.
const TABLES: &str = "lead.leads, lead.submissions, campaign.links";

/// How long the disk may take for what was written.
const SYNC_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Leads that one statement makes.
const PORTION: u64 = 100_000;

/// Where numbers of leads made by [`Fill`] begin, beyond those of the load generator.
const FIRST_NUMBER: u64 = 2_000_000_000;

/// Leads as the services would have made them, in the order of time and one for each number, which
/// is shuffled as in [`crate::leads::shuffled`]; and their links.
const FILL: &str = "
    WITH numbers AS (
        SELECT n, x # (x >> 16) AS place, 1767225600000 + (n - 2000000000) * 250 AS ms FROM (
            SELECT n, ((x # (x >> 15)) * 695872825) & 8589934591 AS x FROM (
                SELECT n, ((n # (n >> 17)) * 739982445) & 8589934591 AS x
                FROM generate_series($1::bigint, $2::bigint) AS n) AS a) AS b
    ), made AS (
        INSERT INTO lead.leads (workspace_id, id, phone, email, first_name, last_name,
            company_name, title, submission_id, entry)
        SELECT $3::text::uuid,
            encode(int8send((ms << 16) | 28672 | (n & 4095)) ||
                int8send((-9223372036854775808)::bigint | (place << 28) | (n & 268435455)),
                'hex')::uuid,
            '+1' || 1000000000 + place,
            'katherine.johnson' || 1000000000 + place || '@meridian-health.example',
            'Katherine', 'Johnson', 'Meridian Health', 'Director of Marketing',
            md5((n / 1000)::text)::uuid, (n % 1000)::integer
        FROM numbers
        RETURNING workspace_id, id, submission_id, entry
    )
    INSERT INTO campaign.links (workspace_id, campaign_id, lead_id, submission_id, entry)
    SELECT workspace_id, $4::text::uuid, id, submission_id, entry FROM made";

/// A connection of the harness's own.
pub struct Database(tokio_postgres::Client);

/// Whose leads to make, and how many are there.
pub struct Fill<'a> {
    /// The workspace.
    pub workspace: &'a str,
    /// The campaign.
    pub campaign: &'a str,
    /// Leads made so far.
    pub made: u64,
}

impl Database {
    /// Connects.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self(client))
    }

    /// Empties the tables, forgets what was learned of them, and writes out what was changed: every
    /// row begins the same, as on the first day.
    pub async fn empty(&self) -> anyhow::Result<()> {
        let forget =
            format!("DELETE FROM pg_statistic WHERE starelid = ANY ('{{{TABLES}}}'::regclass[])");
        let run = async {
            self.0.batch_execute(&format!("TRUNCATE {TABLES}")).await?;
            self.0.batch_execute(&forget).await?;
            self.0.batch_execute("CHECKPOINT").await
        };
        run.await.context("cannot empty the tables")
    }

    /// The version, for the report.
    pub async fn version(&self) -> anyhow::Result<String> {
        Ok(self.0.query_one("SHOW server_version", &[]).await?.get(0))
    }

    /// The workspace of a campaign.
    pub async fn workspace(&self, campaign: &str) -> anyhow::Result<String> {
        let sql = "SELECT workspace_id::text FROM campaign.campaigns WHERE id = $1::text::uuid";
        Ok(self.0.query_one(sql, &[&campaign]).await?.get(0))
    }

    /// Leads and links that are stored.
    pub async fn counts(&self) -> anyhow::Result<(u64, u64)> {
        let sql = "SELECT (SELECT count(*) FROM lead.leads), (SELECT count(*) FROM campaign.links)";
        let row = self.0.query_one(sql, &[]).await?;
        Ok((u64::try_from(row.get::<_, i64>(0))?, u64::try_from(row.get::<_, i64>(1))?))
    }

    /// Makes leads and links, through all indexes, as they would have come about.
    pub async fn fill(&self, fill: &mut Fill<'_>, mut leads: u64) -> anyhow::Result<()> {
        while leads > 0 {
            let portion = leads.min(PORTION);
            let first = i64::try_from(FIRST_NUMBER + fill.made)?;
            let last = first + i64::try_from(portion)? - 1;
            self.0.execute(FILL, &[&first, &last, &fill.workspace, &fill.campaign]).await?;
            fill.made += portion;
            leads -= portion;
        }
        Ok(())
    }

    /// Does what autovacuum would have done by then, and waits until the disk has taken all that was
    /// written before: what is measured next is not to wait for that.
    pub async fn vacuum(&self) -> anyhow::Result<()> {
        self.0.batch_execute(&format!("VACUUM (ANALYZE) {TABLES}")).await?;
        let synced = timeout(SYNC_TIMEOUT, Command::new("sync").status()).await;
        ensure!(synced.context("sync took too long")??.success(), "sync failed");
        Ok(())
    }
}
