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

/// A look-up by phone or email through another index would read all leads of the workspace. The
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
    assert_eq!(system.count(&used("leads_id")).await, 0, "look-ups took the index of ids");
}

/// Lists and changes of leads, too, on a table of which PostgreSQL knows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn lists_keep_to_their_indexes() {
    let system = System::in_process().await;
    let made = json!({"phone": "+15550000001", "email": "first@x.com", "first_name": "First"});
    let made = expect(201, system.acme.post("/v1/leads", &made).await).await["data"].take();
    let scanned = "pg_stat_user_tables WHERE relid = 'lead.leads'::regclass AND seq_scan > 0";
    system
        .execute(
            "ALTER TABLE lead.leads SET (autovacuum_enabled = off); \
             INSERT INTO lead.leads (workspace_id, id, phone, email, first_name) \
                 SELECT workspace_id, overlay(id::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid, \
                     '+1666' || n, 'many' || n || '@x.com', 'Many' \
                 FROM lead.leads, generate_series(1, 30000) AS n; \
             UPDATE lead.workspaces SET leads = leads + 30000",
        )
        .await;
    // That one scanned the table; connections report what they did a moment later.
    let reported = async |what: &str| {
        eventually(Duration::from_secs(20), async || (system.count(what).await == 1).then_some(()))
            .await;
    };
    let used = |index: &str, fetched: u32| {
        format!(
            "pg_stat_user_indexes JOIN pg_stat_user_tables USING (relid) \
             WHERE indexrelname = '{index}' AND pg_stat_user_indexes.idx_scan > 0 \
                 AND pg_stat_user_tables.idx_tup_fetch <= {fetched}"
        )
    };
    reported(scanned).await;
    system.execute("SELECT pg_stat_reset()").await;
    // A page reads its own rows, to find and to show them; some of what came before is reported late.
    expect(200, system.acme.get("/v1/leads").await).await;
    reported(&used("leads_id", 200)).await;

    let path = format!("/v1/leads/{}", made["id"].as_str().expect("an id"));
    let created_at = made["created_at"].as_str().expect("a moment");
    for query in [
        "page=100&per_page=100",
        "phone=%2B15550000001",
        "email=first@x.com",
        "search=first",
        "search=%2B1666+many",
        &format!("created_after={created_at}"),
        &format!("created_after={created_at}&search=many"),
    ] {
        expect(200, system.acme.get(&format!("/v1/leads?{query}")).await).await;
    }
    expect(200, system.acme.get(&path).await).await;
    expect(200, system.acme.patch(&path, &json!({"title": "CEO"})).await).await;
    assert_eq!(system.acme.delete(&path).await.status(), 204);
    for index in ["leads_id", "leads_phone", "leads_email"] {
        reported(&used(index, 200_000)).await;
    }
    assert_eq!(system.count(scanned).await, 0, "the table was scanned");
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

/// Whether leads are in other campaigns is asked of campaign after campaign by the whole primary key.
#[tokio::test(flavor = "multi_thread")]
async fn other_campaigns_are_asked_lead_by_lead() {
    let system = System::in_process().await;
    let acme = &system.acme;
    let (here, there) = (acme.campaign("Here").await, acme.campaign("There").await);
    let leads: Vec<_> = (0..20).map(|n| json!({"email": format!("{n}@example.com")})).collect();
    acme.add(there, json!(leads[..5])).await;
    let fill = "ALTER TABLE campaign.links SET (autovacuum_enabled = off); \
                INSERT INTO campaign.links (workspace_id, campaign_id, lead_id, submission_id, entry) \
                SELECT workspace_id, id, gen_random_uuid(), gen_random_uuid(), 0 \
                FROM campaign.campaigns, generate_series(1, 20000); \
                SELECT pg_stat_reset()";
    system.execute(fill).await;
    let body = json!({"leads": leads, "skip_if_in_other_campaign": true});
    let answer = acme.add_with(here, body).await;
    assert_eq!(
        (&answer["summary"]["skipped"], &answer["summary"]["added"]),
        (&json!(5), &json!(15))
    );

    let used = "pg_stat_user_indexes WHERE indexrelname = 'links_pkey' AND idx_scan >= 20";
    // Connections report what they did a moment later, a whole transaction at once.
    eventually(Duration::from_secs(20), async || (system.count(used).await == 1).then_some(()))
        .await;
    let read = format!("{used} AND idx_tup_read > 500");
    assert_eq!(system.count(&read).await, 0, "more was read than the links in question");
    let scanned =
        "pg_stat_user_tables WHERE relid = 'campaign.links'::regclass AND seq_tup_read > 0";
    assert_eq!(system.count(scanned).await, 0, "the table was scanned");
}

/// A contact is looked for among suppressions by its key, and a page of submissions is read along its
/// index.
#[tokio::test(flavor = "multi_thread")]
async fn other_lists_keep_to_their_indexes() {
    let system = System::in_process().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Lists").await;
    let suppressed = json!({"suppressions": [{"phone": "+15550000001"}]});
    assert!(acme.post("/v1/suppressions", &suppressed).await.status().is_success());
    let fill = format!(
        "ALTER TABLE lead.suppressions SET (autovacuum_enabled = off); \
         ALTER TABLE gateway.submissions SET (autovacuum_enabled = off); \
         INSERT INTO lead.suppressions (workspace_id, kind, value, id) \
             SELECT workspace_id, 'phone', '+1666' || n, gen_random_uuid() \
             FROM lead.suppressions, generate_series(1, 20000) AS n; \
         INSERT INTO gateway.submissions (id, workspace_id, campaign_id, summary, accepted_at, finished_at) \
             SELECT gen_random_uuid(), workspace_id, id, \
                 '{{\"total\":0,\"added\":0,\"already_in_campaign\":0,\"failed\":0,\"suppressed\":0,\"skipped\":0}}', \
                 now(), now() \
             FROM campaign.campaigns, generate_series(1, 5000) WHERE id = '{campaign}'; \
         SELECT pg_stat_reset()"
    );
    system.execute(&fill).await;
    let found = expect(200, acme.get("/v1/suppressions?phone=%2B15550000001").await).await;
    assert_eq!(found["meta"]["total"], 1, "{found}");
    expect(200, acme.get("/v1/submissions?page=40").await).await;
    for index in ["suppressions_pkey", "submissions_workspace"] {
        let used = format!("pg_stat_user_indexes WHERE indexrelname = '{index}' AND idx_scan > 0");
        eventually(Duration::from_secs(20), async || {
            (system.count(&used).await == 1).then_some(())
        })
        .await;
    }
    let walked =
        "pg_stat_user_indexes WHERE indexrelname = 'suppressions_id' AND idx_tup_read > 100";
    assert_eq!(system.count(walked).await, 0, "all suppressions were looked at for one");
}
