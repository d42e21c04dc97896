//! The statements keep to their indexes, whatever PostgreSQL knows of the table.

use std::time::Duration;

use campaign_service::store::{get_campaign, list_members};
use diesel_async::SimpleAsyncConnection;
use serde_json::json;
use shared::{contract::Range, database::Database};
use test_support::eventually;
use uuid::Uuid;

use crate::{
    system::{System, expect, id},
    tables::rows,
};

/// A look-up by phone or email through the primary key would read all leads of the workspace. The
/// planner is most at a loss where the table was just made or emptied and never analysed.
#[tokio::test(flavor = "multi_thread")]
async fn look_ups_keep_to_their_indexes() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Plans").await;
    for round in 0..4 {
        system.execute("TRUNCATE lead.leads").await;
        for batch in 0..20 {
            let leads: Vec<_> = (0..10)
                .map(|n| {
                    json!({"phone": format!("+1555{round}{batch:02}{n:04}"),
                                "email": format!("{round}-{batch}-{n}@x.com")})
                })
                .collect();
            system.acme.add(campaign, json!(leads)).await;
        }
    }
    let used = |index: &str| {
        format!(
            "pg_stat_all_indexes WHERE schemaname = 'lead' AND indexrelname = '{index}' AND idx_scan > 0"
        )
    };
    for index in ["leads_phone", "leads_email"] {
        // Connections report what they did a moment later.
        eventually(Duration::from_secs(20), || async {
            (system.count(&used(index)).await == 1).then_some(())
        })
        .await;
    }
    assert_eq!(system.count(&used("leads_pkey")).await, 0, "look-ups took the primary key");
}

/// A page of a campaign's leads reads its own rows and no more, though PostgreSQL knows nothing of
/// the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_its_own_rows() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Large").await;
    let fill = "ALTER TABLE campaign.links SET (autovacuum_enabled = off); \
                INSERT INTO campaign.links (workspace_id, campaign_id, lead_id, submission_id, entry) \
                SELECT workspace_id, id, gen_random_uuid(), gen_random_uuid(), 0 \
                FROM campaign.campaigns, generate_series(1, 20000)";
    system.execute(fill).await;
    let workspace = expect(200, system.acme.get("/v1/workspace").await).await;
    let workspace = id(&workspace["data"]["id"]);

    let database = Database::new(&system.database.url(), 1).expect("a URL");
    let mut on = database.connection().await.expect("connected");
    let campaign = get_campaign(&mut on, workspace, campaign).await.expect("asked");
    let campaign = campaign.expect("a campaign");
    for after in [None, Some(Uuid::from_u128(u128::MAX / 2))] {
        let range = Range { limit: 10, offset: 0, after };
        let page = list_members(&mut on, workspace, &campaign, range).await.expect("listed");
        assert!(page.data.len() == 10 && page.next.is_some());
    }
    on.batch_execute("SELECT pg_stat_force_next_flush()").await.expect("reported");
    let read = "SELECT idx_scan, idx_tup_read FROM pg_stat_all_indexes \
                WHERE schemaname = 'campaign' AND indexrelname = 'links_pkey'";
    assert_eq!(rows(&system.database, read).await, [json!({"idx_scan": 2, "idx_tup_read": 22})]);
}
