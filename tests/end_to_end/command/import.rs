//! What an import does with good and bad rows.

use serde_json::{Value, json};
use uuid::Uuid;

use super::workplace::Workplace;
use crate::{on_both_buses, system::System};

on_both_buses!(rejected_rows_are_corrected_and_imported_again);

fn counts(summary: &Value) -> [&Value; 4] {
    ["rows", "added", "already_in_campaign", "rejected"].map(|name| &summary[name])
}

async fn rejected_rows_are_corrected_and_imported_again(system: System) {
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Rejects").await;
    let mut file = "Phone;Name, first;Notes\n".to_owned();
    for n in 0..1_200 {
        // Every hundredth lacks a digit or two.
        let phone = if n % 100 == 7 { "12".to_owned() } else { format!("+1555{n:07}") };
        file.push_str(&format!("{phone};\"Lead \"\"{n}\"\"\";=1+1\n"));
    }
    file.push_str("+15559999999;a;b;one too many\n;;\n+15559999998\n");
    place.write("contacts.csv", &file);
    let map = ["--map", "Name, first=first_name", "--batch", "100"];
    let (ran, summary) = place.import("contacts.csv", campaign, &map).await;
    ran.failed(3, "ignored: \"Notes\"");
    assert_eq!(counts(&summary), [&json!(1_202), &json!(1_189), &json!(0), &json!(13)]);
    assert_eq!(summary["rejects_file"], "contacts.rejected.csv");
    assert_eq!(system.acme.members(campaign).await, 1_189);
    assert_eq!(place.files(), ["contacts.csv", "contacts.rejected.csv"]);

    let rejects = place.read("contacts.rejected.csv");
    let lines: Vec<_> = rejects.lines().collect();
    assert_eq!(lines[0], "rollcall_error;Phone;Name, first;Notes");
    assert_eq!(lines.len(), 14);
    assert!(lines[1].starts_with("invalid_phone: "), "{}", lines[1]);
    for (line, n) in lines[1..13].iter().zip((7..1_200).step_by(100)) {
        assert!(line.ends_with(&format!(";12;\"Lead \"\"{n}\"\"\";=1+1")), "{line}");
    }
    assert!(lines[13].ends_with(";+15559999999;a;b;one too many"), "{}", lines[13]);

    // All but one corrected; what is still wrong is told again, once.
    let mut corrected = vec![lines[0].to_owned(), lines[1].to_owned()];
    for (n, line) in lines[2..].iter().enumerate() {
        let line = line.replace(";12;", &format!(";+1555111{n:04};"));
        corrected.push(line.replace(";one too many", ""));
    }
    place.write("contacts.rejected.csv", corrected.join("\r\n"));
    let (ran, summary) = place.import("contacts.rejected.csv", campaign, &map[..2]).await;
    assert_eq!(ran.status, 3, "{ran:?}");
    assert_eq!(counts(&summary), [&json!(13), &json!(12), &json!(0), &json!(1)]);
    let again = place.read("contacts.rejected.rejected.csv");
    assert_eq!(again.matches("rollcall_error").count(), 1);
    assert_eq!(again.matches("invalid_phone").count(), 1);
    assert_eq!(system.acme.members(campaign).await, 1_201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_import_again_is_a_new_one() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Again").await;
    place.write("a.csv", "email\na@x.com\nb@x.com\nbad\n");
    let (_, first) = place.import("a.csv", campaign, &[]).await;
    assert_eq!(counts(&first), [&json!(3), &json!(2), &json!(0), &json!(1)]);
    let rejects = place.read("a.rejected.csv");
    let (_, again) = place.import("a.csv", campaign, &[]).await;
    assert_eq!(counts(&again), [&json!(3), &json!(0), &json!(2), &json!(1)]);
    assert_eq!(place.files(), ["a.csv", "a.rejected.csv"], "the rejects are the same");

    // What was corrected by hand is not lost.
    place.write("a.rejected.csv", rejects.replace("bad", "good@x.com"));
    let (ran, _) = place.import("a.csv", campaign, &[]).await;
    ran.failed(3, "is now a.rejected.csv~");
    assert_eq!(place.read("a.rejected.csv"), rejects);
    assert!(place.read("a.rejected.csv~").contains("good@x.com"));

    // Under a name of one's own it is the same import, and answered as it was.
    let named = ["--import-id", "monday"];
    let other = system.acme.campaign("Named").await;
    let (_, first) = place.import("a.csv", other, &named).await;
    let (_, again) = place.import("a.csv", other, &named).await;
    assert_eq!(counts(&first), counts(&again));
    assert_eq!(again["added"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_reach_the_server() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Options").await;
    place.write("a.csv", "Tel,First,Work Tel\n(512) 867-5309,Ann,\n,Bob,512 867 5310\n");
    let options = ["--default-region", "US", "--map", "Work Tel=phone", "--map", "Tel=phone"];
    let (ran, _) = place.import("a.csv", campaign, &options).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(system.count("lead.leads WHERE phone IN ('+15128675309', '+15128675310')").await, 2);
    place.write("a.csv", "Tel,First,Work Tel\n(512) 867-5309,Bea,\n");
    for (merge, name) in [("none", "Ann"), ("fill", "Ann"), ("overwrite", "Bea")] {
        let (ran, summary) =
            place.import("a.csv", campaign, &["--default-region", "us", "--merge", merge]).await;
        assert_eq!((ran.status, &summary["already_in_campaign"]), (0, &json!(1)), "{ran:?}");
        let leads = format!("lead.leads WHERE first_name = '{name}'");
        assert_eq!(system.count(&leads).await, 1, "{merge}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_the_callers_own() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Variables").await;
    place.write("a.csv", "E-Mail,Plan,metadata.source,Website\na@x.com,gold,,x.com\n");
    let map = ["--map", "Plan=custom_variables.plan"];
    let (ran, _) = place.import("a.csv", campaign, &map).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    place.write(
        "b.ndjson",
        r#"{"email": "b@x.com", "custom_variables": {"plan": 7.0, "a": [1]}, "metadata": {"k": null}}"#,
    );
    let (ran, _) = place.import("b.ndjson", campaign, &[]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    let lead = async |email: &str| {
        let found = place.run(&["leads", "find", "--email", email, "--json"]).await;
        found.json()[0].clone()
    };
    let first = lead("a@x.com").await;
    assert_eq!(first["custom_variables"], json!({"plan": "gold"}));
    assert_eq!(first["company_website"], "x.com");
    let second = lead("b@x.com").await;
    assert_eq!(second["custom_variables"], json!({"plan": 7.0, "a": [1]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Input").await.to_string();
    let arguments = ["import", "-", "--campaign", &campaign, "--json", "--import-id", "x"];
    let input = "{\"phone\":\"+15550000001\"}\n{\"phone\":\"1\"}\n";
    for _ in 0..2 {
        let ran = place.run_with_input(&arguments, input).await;
        assert_eq!(ran.status, 3, "{ran:?}");
        assert_eq!(counts(&ran.json()), [&json!(2), &json!(1), &json!(0), &json!(1)]);
        assert_eq!(place.files(), ["stdin.rejected.ndjson"]);
    }
    let ran = place.run_with_input(&arguments[..5], "email\tfirst\na@x.com\tAnn\n").await;
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(system.count("lead.leads WHERE first_name = 'Ann'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_all_and_sends_nothing() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    place.write("a.csv", "Mobile,Plan,Notes\n+15550000001,gold,x\n12,,\n");
    let map = ["--map", "plan=custom_variables.plan"];
    let ran = place.run(&[&["import", "a.csv", "--dry-run"], &map[..]].concat()).await;
    assert_eq!(ran.status, 3, "{ran:?}");
    for shown in [
        "Mobile  phone",
        "Plan    custom_variables.plan",
        "Notes   (ignored)",
        r#"line 2: {"phone":"+15550000001","custom_variables":{"plan":"gold"}}"#,
        "1 rows would be rejected",
        "(first at line 3)",
    ] {
        assert!(ran.stdout.contains(shown), "{shown}: {}", ran.stdout);
    }
    assert_eq!(system.count("lead.leads").await, 0);
    assert_eq!(place.files(), ["a.csv"]);
    let _: Uuid = system.acme.campaign("None needed").await;
}
