//! Imports that are killed and started again.

use std::{fs, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use test_support::{TestVhost, eventually};

use super::workplace::Workplace;
use crate::{
    dice::Dice,
    processes::Processes,
    system::{System, caller},
};

const ROWS: u64 = 3_000;
const PROGRESS: &str = "contacts.csv.rollcall-progress";

/// Every seventh row is bad, every eleventh good one stands for a lead that another row is, too.
fn contacts() -> (String, u64, Vec<String>) {
    let (mut file, mut leads, mut bad) = ("id,email\n".to_owned(), 0, Vec::new());
    for n in 0..ROWS {
        let row = match (n % 7, n % 11) {
            (3, _) => format!("{n},nobody"),
            (_, 5) => format!("{n},same@x.com"),
            _ => format!("{n},{n}@x.com"),
        };
        if n % 7 == 3 {
            bad.push(row.clone());
        } else if n % 11 != 5 {
            leads += 1;
        }
        file.push_str(&row);
        file.push('\n');
    }
    // The one that many rows stand for.
    (file, leads + 1, bad)
}

/// Killed at any time, it ends with the counts and the rejects of an import that was not.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_goes_on() {
    let mut dice = Dice::thrown();
    let system = System::in_process().await;
    let base = format!("http://{}", system.address());
    let campaign = system.acme.campaign("Killed").await;
    let mut place = Workplace::new(&system);
    let (file, leads, bad) = contacts();
    place.write("contacts.csv", &file);
    let id = campaign.to_string();
    let arguments = ["import", "contacts.csv", "--campaign", &id, "--batch", "40", "--json"];

    let mut known = 0;
    for round in 0..4 {
        // A key that lets 15 requests pass and then hardly any: it cannot be done too early.
        place = place.with_key_of(&caller(&system.database, &base, "Acme", Some(15)).await);
        let mut child = place.command(&arguments);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("run");
        let lines = known + 1 + dice.below(12) as usize;
        eventually(Duration::from_secs(30), async || {
            let journal = fs::read_to_string(place.path(PROGRESS)).unwrap_or_default();
            (journal.lines().count() > lines).then_some(())
        })
        .await;
        if round == 0 {
            // Ctrl-C.
            let process = child.id().and_then(|id| Pid::from_raw(id as i32)).expect("it runs");
            kill_process(process, Signal::INT).expect("ours");
            assert_eq!(child.wait().await.expect("it ends").code(), Some(130));
        } else {
            child.kill().await.expect("it has not ended by itself");
        }
        known = place.read(PROGRESS).lines().count() - 1;
        assert!(!place.path("contacts.rejected.csv").exists());
    }
    assert!(known < ROWS as usize / 40, "it was never killed in the middle");

    let place = place.with_key_of(&system.acme);
    let ran = place.run(&arguments).await;
    ran.failed(3, "going on behind");
    let summary = ran.json();
    let rejected = bad.len() as u64;
    // What was under way when the process was killed is answered as it was: added, not already.
    assert_eq!(
        [
            &summary["rows"],
            &summary["added"],
            &summary["already_in_campaign"],
            &summary["rejected"]
        ],
        [&json!(ROWS), &json!(leads), &json!(ROWS - rejected - leads), &json!(rejected)]
    );
    assert_eq!(system.acme.members(campaign).await, leads as i64);
    let rejects = place.read("contacts.rejected.csv");
    let rejects: Vec<_> = rejects.lines().skip(1).collect();
    assert_eq!(rejects.len(), bad.len());
    for (line, row) in rejects.iter().zip(&bad) {
        assert!(line.starts_with("invalid_email: ") && line.ends_with(row), "{line}");
    }
    assert_eq!(place.files(), ["contacts.csv", "contacts.rejected.csv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_begins_anew() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Changed").await;
    place.write("a.csv", "phone\n+15550000001\n");
    let away = ["--url", "http://127.0.0.1:1", "--patience", "0"];
    place.import("a.csv", campaign, &away).await.0.failed(1, "again to go on");
    let id =
        |place: &Workplace| place.read("a.csv.rollcall-progress").lines().next().map(str::to_owned);
    let first = id(&place);
    place.import("a.csv", campaign, &away).await.0.failed(1, "again to go on");
    assert_eq!(id(&place), first, "the same import");
    place.write("a.csv", "phone\n+15550000002\n");
    place.import("a.csv", campaign, &away).await.0.failed(1, "again to go on");
    assert_ne!(id(&place), first);
    let (ran, summary) = place.import("a.csv", campaign, &[]).await;
    assert_eq!((ran.status, &summary["added"]), (0, &json!(1)), "{ran:?}");
    assert_eq!(place.files(), ["a.csv"]);
}

/// The services crash under the import, which waits for them and counts right.
#[tokio::test(flavor = "multi_thread")]
async fn crashes_of_the_services_are_waited_for() {
    let mut dice = Dice::thrown();
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let campaign = processes.acme.campaign("Crashes").await;
    let place = Workplace::at(processes.address(), &processes.acme);
    let (file, leads, bad) = contacts();
    place.write("contacts.csv", &file);
    let id = campaign.to_string();
    let arguments = ["import", "contacts.csv", "--campaign", &id, "--batch", "10", "--json"];
    let mut command = place.command(&arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run");
    for lines in [20, 60, 120] {
        eventually(Duration::from_secs(60), async || {
            let journal = fs::read_to_string(place.path(PROGRESS)).unwrap_or_default();
            (journal.lines().count() > lines).then_some(())
        })
        .await;
        let service = match dice.below(3) {
            0 => &mut processes.gateway,
            1 => &mut processes.lead_service,
            _ => &mut processes.campaign_service,
        };
        service.kill().await;
        service.start();
    }
    let ended = child.wait_with_output().await.expect("it ends");
    let summary: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("a summary");
    let rejected = bad.len() as u64;
    assert_eq!(
        [&summary["added"], &summary["already_in_campaign"], &summary["rejected"]],
        [&json!(leads), &json!(ROWS - rejected - leads), &json!(rejected)]
    );
}
