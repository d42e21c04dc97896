//! Two releases side by side, as while an installation is upgraded, and while it goes back.
//!
//! `scripts/mixed-versions.sh COMMIT` builds the other release and runs this.

use std::{env, path::PathBuf, time::Duration};

use test_support::TestVhost;
use tokio::time::sleep;

use crate::{
    dice::Dice,
    history::History,
    load::Load,
    processes::{Processes, Service},
    system::expect,
};

/// How long two releases work side by side before the next service is replaced.
const SIDE_BY_SIDE: Duration = Duration::from_secs(3);

/// In the order of docs/operations.md, consumers first, and back in the other order. All that callers were
/// told agrees with the tables and with replays, whichever release answers them.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_and_the_way_back_lose_and_change_nothing() {
    let Some(other) = env::var_os("ROLLCALL_TEST_OTHER_SERVICES").map(PathBuf::from) else {
        println!("skipped: scripts/mixed-versions.sh runs it with another release");
        return;
    };
    let mut dice = Dice::thrown();
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    for name in ["gateway", "lead-service", "campaign-service"] {
        service(&mut processes, name).replace(Some(other.clone())).await;
    }
    let load = Load::start(&processes.acme, 6, &mut dice).await;
    let upgrade = ["campaign-service", "lead-service", "gateway"].map(|name| (name, None));
    let back = ["gateway", "lead-service", "campaign-service"].map(|name| (name, Some(&other)));
    for (name, folder) in upgrade.into_iter().chain(back) {
        sleep(SIDE_BY_SIDE).await;
        service(&mut processes, name).replace(folder.cloned()).await;
        for path in ["/v1/leads", "/v1/campaigns"] {
            expect(200, processes.acme.get(path).await).await;
        }
    }
    let exchanges = load.finish().await;
    println!("{} requests", exchanges.len());
    // The replays go to the other release, then to this one.
    let history = History { exchanges, caller: &processes.acme, database: &processes.database };
    history.check(&vhost).await;
    for name in ["campaign-service", "lead-service", "gateway"] {
        let service = match name {
            "gateway" => &mut processes.gateway,
            "lead-service" => &mut processes.lead_service,
            _ => &mut processes.campaign_service,
        };
        service.replace(None).await;
    }
    let History { exchanges, .. } = history;
    History { exchanges, caller: &processes.acme, database: &processes.database }
        .check(&vhost)
        .await;
}

fn service<'a>(processes: &'a mut Processes, name: &str) -> &'a mut Service {
    match name {
        "gateway" => &mut processes.gateway,
        "lead-service" => &mut processes.lead_service,
        _ => &mut processes.campaign_service,
    }
}
