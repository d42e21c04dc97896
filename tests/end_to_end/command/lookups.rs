//! `rollcall campaigns`, `rollcall status`, completions and the manual.

use std::time::Duration;

use serde_json::json;
use shared::bus::{Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::{TestVhost, eventually};

use super::workplace::{Ran, Workplace};
use crate::{processes::Processes, system::System};

#[tokio::test(flavor = "multi_thread")]
async fn campaigns() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    place.run(&["campaigns"]).await.failed(0, "none found");
    let made = place.run(&["campaigns", "create", " Spring "]).await;
    assert_eq!(made.status, 0, "{made:?}");
    let id = made.stdout.trim();
    let made = place.run(&["campaigns", "create", "Autumn", "--status", "draft", "--json"]).await;
    assert_eq!(made.json()["status"], "draft");
    for n in 0..103 {
        system.acme.campaign(&format!("Other {n}")).await;
    }

    let table = place.run(&["campaigns", "--limit", "200"]).await.stdout;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 106);
    assert!(lines[0].starts_with("ID") && lines[0].contains("STATUS"));
    assert!(
        lines[105].starts_with(id)
            && lines[105].contains("Spring")
            && lines[105].contains("active")
    );
    let drafts = place.run(&["campaigns", "--status", "draft", "--json"]).await.json();
    assert_eq!(drafts.as_array().map(Vec::len), Some(1));
    assert_eq!(drafts[0]["name"], "Autumn");
    let few = place.run(&["campaigns", "--limit", "3", "--json"]).await.json();
    assert_eq!((&few[0]["name"], &few[0]["leads"]), (&json!("Other 102"), &json!(0)));
    assert_eq!(few.as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_are_found() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Leads").await;
    let mut leads =
        vec![json!({"phone": "+15559990001", "first_name": "Zoë\u{1b}", "last_name": "Ford"})];
    leads.extend(
        (0..120).map(|n| json!({"email": format!("{n}@x.com"), "company_name": "Initech"})),
    );
    system.acme.add(campaign, json!(leads)).await;

    let found = place.run(&["leads", "find", "--phone", "+1 555 999 0001"]).await;
    let lines: Vec<_> = found.stdout.lines().collect();
    assert_eq!((found.status, lines.len()), (0, 2), "{found:?}");
    assert!(lines[1].contains("+15559990001  -"), "{found:?}");
    assert!(lines[1].contains("Zoë\u{fffd}"), "a terminal obeys control characters: {found:?}");
    let found = place.run(&["leads", "find", "--email", "7@X.com", "--json"]).await.json();
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(found[0]["email"], "7@x.com");
    for (limit, expected) in [("300", 120), ("110", 110)] {
        let all = ["leads", "find", "--search", "initech", "--json", "--limit", limit];
        let found = place.run(&all).await.json();
        assert_eq!(found.as_array().map(Vec::len), Some(expected));
    }
    place.run(&["leads", "find", "--search", "nobody"]).await.failed(0, "none found");
    place.run(&["leads", "find", "--phone", "12"]).await.failed(1, "400 Bad Request");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_is_not_well() {
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let place = Workplace::at(processes.address(), &processes.acme);
    let status = async |processes: &Processes, arguments: &[&str]| {
        let mut command = place.command(&[&["status"], arguments].concat());
        let ran = command.envs(processes.variables()).output().await.expect("it can be run");
        Ran::from(ran)
    };
    let fine = status(&processes, &[]).await;
    assert_eq!(fine.status, 0, "{fine:?}");
    for shown in ["gateway", "lead-service", "campaign-service", "leads.submitted.bulk"] {
        assert!(fine.stdout.contains(shown), "{shown}: {}", fine.stdout);
    }

    let bus = RabbitBus::start(&vhost.amqp_url(), "test").expect("a URL");
    let letter = Message::new("unreadable");
    bus.publish(Queue::Submitted, letter, within(Duration::from_secs(10)))
        .await
        .expect("published");
    let letters = eventually(Duration::from_secs(10), async || {
        let ran = status(&processes, &["--json"]).await;
        (ran.status == 3).then_some(ran)
    })
    .await;
    let letters = letters.json();
    assert_eq!(letters["broker"]["dead_letters"], 1);
    assert_eq!(
        letters["services"][1],
        json!({"name": "lead-service", "ready": true,
        "url": letters["services"][1]["url"], "problem": null})
    );

    processes.lead_service.kill().await;
    let ran = status(&processes, &[]).await;
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stdout.contains("Connection refused"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_and_manual() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    for shell in ["bash", "zsh", "fish"] {
        let ran = place.run(&["completions", shell]).await;
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.contains("default-region"), "{shell}");
    }
    let page = place.run(&["man"]).await.stdout;
    assert!(page.contains(".TH rollcall 1") && page.contains("import"), "{page}");
    let ran = place.run(&["man", "--folder", "man1"]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    let page = place.read("man1/rollcall-import.1");
    assert!(page.contains("Exit status"), "{page}");
    let help = place.run(&["import", "--help"]).await.stdout;
    for told in ["Examples:", "Exit status:", "ROLLCALL_API_KEY", "--map <HEADER=FIELD>"] {
        assert!(help.contains(told), "{told}: {help}");
    }
    assert!(!help.contains(&system.acme.key), "the key is not shown");
}
