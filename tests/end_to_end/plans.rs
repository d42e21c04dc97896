//! The statements keep to their indexes, whatever PostgreSQL knows of the table.

use std::time::Duration;

use serde_json::json;
use test_support::eventually;

use crate::system::System;

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
