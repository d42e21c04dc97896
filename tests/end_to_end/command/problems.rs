//! What can go wrong, and how it is told.

use std::net::TcpListener;

use uuid::Uuid;

use super::workplace::Workplace;
use crate::system::{System, caller};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_wrong_is_told_before_anything_is_sent() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    place.write("a.csv", "phone,City\n+15550000001,Rome\n");
    place.write("none.csv", "Name,City\nAnn,Rome\n");
    place.write("empty.csv", "");
    place.write("quote.csv", format!("phone\n\"{}", "x\n".repeat(700_000)));
    let campaign = Uuid::now_v7().to_string();
    let campaign = ["--campaign", &campaign];
    for (status, said, arguments) in [
        (2, "--campaign", &["import", "a.csv"][..]),
        (2, "--map \"Header=phone\"", &["import", "none.csv", campaign[0], campaign[1]]),
        (2, "no column \"Fone\"", &["import", "a.csv", "--map", "Fone=phone", "--dry-run"]),
        (2, "no field \"fone\"", &["import", "a.csv", "--map", "City=fone", "--dry-run"]),
        (2, "--batch", &["import", "a.csv", "--batch", "1001", "--dry-run"]),
        (2, "no API key", &["import", "a.csv", "--key", "", campaign[0], campaign[1]]),
        (1, "no answer from", &["campaigns", "--url", "http://127.0.0.1:1"]),
        (1, "nowhere.csv", &["import", "nowhere.csv", campaign[0], campaign[1]]),
        (1, "empty", &["import", "empty.csv", campaign[0], campaign[1]]),
        (1, "is a quote missing", &["import", "quote.csv", campaign[0], campaign[1]]),
        (1, "not found", &["import", "a.csv", campaign[0], campaign[1]]),
        (1, "Invalid API key", &["campaigns", "--key", "rchd_live_0"]),
    ] {
        place.run(arguments).await.failed(status, said);
    }
    assert_eq!(system.count("lead.leads").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_given_up() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    place.write("a.csv", "phone\n+15550000001\n");
    // Bound and never listened to by anybody else.
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", port.local_addr().expect("bound"));
    drop(port);
    let campaign = Uuid::now_v7();
    let (ran, _) = place.import("a.csv", campaign, &["--url", &url, "--patience", "1"]).await;
    ran.failed(1, "trying again");
    ran.failed(1, "run the same command again to go on");
    assert_eq!(place.files(), ["a.csv", "a.csv.rollcall-progress"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_for() {
    let system = System::in_process().await;
    let base = format!("http://{}", system.address());
    // One a second, and sixty at once.
    let limited = caller(&system.database, &base, "Acme", Some(60)).await;
    let place = Workplace::of(&system, &limited);
    let campaign = system.acme.campaign("Slowly").await;
    let rows: String = (0..62).map(|n| format!("{n}@x.com\n")).collect();
    place.write("a.csv", format!("email\n{rows}"));
    let (ran, summary) = place.import("a.csv", campaign, &["--batch", "1"]).await;
    ran.failed(0, "Rate limit exceeded");
    assert_eq!(summary["added"], 62);
}
