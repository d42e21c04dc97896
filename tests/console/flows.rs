//! What people do at the console.

use std::fs;

use gateway::{
    keys::KeyOptions,
    scopes::{Scope, Scopes},
};
use reqwest::Method;
use serde_json::{Value, json};
use shared::bus::{Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::eventually;
use uuid::Uuid;

use crate::{
    browser::{Browser, LONG},
    system::{Caller, System, expect, id},
};

const ROWS: usize = 1_200;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_at_the_console() {
    let system = System::on_rabbitmq().await;
    let scopes = Scopes::new(vec![Scope::Admin, Scope::Operator]).expect("two");
    let options = KeyOptions { scopes, rate_limit: Some(0), ..KeyOptions::default() };
    let person = system.caller_with("Acme", options).await;
    let browser = Browser::start().await;
    browser.client.goto(&format!("http://{}/console", system.address())).await.expect("there");

    sign_in(&browser, &person.key).await;
    create_a_campaign(&browser).await;
    import_a_file(&browser).await;
    find_a_lead(&browser).await;
    watch(&browser, &person).await;
    follow_a_submission(&browser, &person).await;
    suppress(&browser).await;
    make_and_revoke_a_key(&browser, &person).await;
    replay_and_drop(&browser, &system, &person).await;
    sign_out(&browser, &person.key).await;
    assert_eq!(browser.complaints().await, Vec::<Value>::new());
}

async fn sign_in(browser: &Browser, key: &str) {
    browser.sees("Sign in").await;
    browser.is_accessible("sign-in").await;
    browser.fill("API key", "rchd_live_0000000000000000000000000000000000000000").await;
    browser.press("Sign in").await;
    browser.sees("This is not a valid key").await;
    browser.fill("API key", key).await;
    browser.press("Sign in").await;
    browser.sees("No campaigns yet").await;
    browser.is_accessible("nothing").await;
    let stored =
        browser.run("return [location.href, document.cookie, JSON.stringify(localStorage)]").await;
    assert!(!stored.to_string().contains(key), "{stored}");
    // It outlives a reload of the page, and goes with the tab.
    browser.client.refresh().await.expect("reloaded");
    browser.sees("No campaigns yet").await;
}

async fn create_a_campaign(browser: &Browser) {
    browser.press("New campaign").await;
    browser.find("dialog[open]").await;
    browser.is_accessible("dialog").await;
    browser.press("Create").await;
    browser.sees("name must have 1 to 255 characters").await;
    browser.fill("Name", "Spring <b>sale</b>").await;
    browser.press("Create").await;
    browser.sees("No leads yet").await;
    browser.sees("Spring <b>sale</b>").await;
    browser.is_accessible("campaign-empty").await;
    // By the keyboard alone.
    browser.press("Change").await;
    browser.fill("Name", "Spring\u{e007}").await;
    browser.sees_no("<b>").await;
    let status = "return document.querySelector('.badge').innerText";
    assert_eq!(browser.run(status).await, "active");
}

async fn import_a_file(browser: &Browser) {
    let mut file = String::from("First Name;Mobile;E-mail;Notes\r\n");
    for n in 0..ROWS {
        file += &format!("\"Zoë \"\"{n}\"\"\";+1555{n:07};{n}@x.com;\"two\nlines\"\r\n");
    }
    file += "Bad;12;bad@x.com;\"=1+1; \"\"quoted\"\"\"\r\n;;;\r\n";
    let path = browser.downloads.join("contacts.csv");
    fs::write(&path, file).expect("written");

    browser.follow("Import").await;
    browser.sees("Drop a CSV file here").await;
    browser.is_accessible("import").await;
    drop_file(browser, &path).await;
    browser.sees(&format!("contacts.csv: 1,{} rows", ROWS - 1_000 + 2)).await;
    browser.is_accessible("import-columns").await;
    let mobile = browser.field("Field for Mobile").await;
    assert_eq!(mobile.prop("value").await.expect("asked").as_deref(), Some("phone"));
    let notes = browser.field("Field for Notes").await;
    notes.select_by_value("custom_variables.Notes").await.expect("chosen");
    browser.press("Import 1,202 rows").await;
    browser.sees("contacts.csv is imported").await;
    browser.sees("2 rejected rows").await;
    browser.sees("invalid_phone").await;
    let added = "return document.querySelector('.tiles .added dd').innerText";
    assert_eq!(browser.run(added).await, "1,200");
    browser.is_accessible("imported").await;

    // The rejected row is put right and imported: the file is as good as the first one.
    browser.press("Download as CSV").await;
    let rejected = browser.downloads.join("contacts.rejected.csv");
    let text = eventually(LONG, || async {
        fs::read_to_string(&rejected).ok().filter(|text| !text.is_empty())
    })
    .await;
    assert!(
        text.starts_with("\u{feff}rollcall_error;First Name;Mobile;E-mail;Notes\r\n"),
        "{text}"
    );
    assert!(text.contains(";Bad;12;bad@x.com;\"=1+1; \"\"quoted\"\"\"\r\n"), "{text}");
    let corrected = browser.downloads.join("corrected.csv");
    fs::write(&corrected, text.replace(";12;", ";+15559990000;")).expect("written");
    browser.press("Import another file").await;
    drop_file(browser, &corrected).await;
    browser.press("Import 2 rows").await;
    browser.sees("corrected.csv is imported").await;
    assert_eq!(browser.run(added).await, "1");
}

async fn drop_file(browser: &Browser, path: &std::path::Path) {
    let input = browser.find("input[type=file]").await;
    input.send_keys(path.to_str().expect("text")).await.expect("chosen");
}

async fn find_a_lead(browser: &Browser) {
    browser.follow("Leads").await;
    browser.sees("1–25 of 1,201").await;
    browser.is_accessible("campaign").await;
    browser.press("Next").await;
    browser.sees("26–50 of 1,201").await;
    assert_eq!(browser.focused().await, "26–50 of 1,201");
    browser.press("Previous").await;
    browser.sees("1–25 of 1,201").await;
    browser.fill("Search this campaign’s leads", "777@x.com").await;
    browser.sees("1–1 of 1").await;
    browser.sees("+15550000777").await;
    browser.fill("Search this campaign’s leads", "nobody").await;
    browser.sees("No lead fits").await;
}

async fn watch(browser: &Browser, person: &Caller) {
    browser.follow("Intake").await;
    browser.sees("Leads a second").await;
    assert_eq!(browser.focused().await, "Intake", "the heading of the new page");
    let campaign = campaign(person).await;
    let drawn = "return document.querySelector('path.added').getBBox().height > 10";
    // A lead with each look, until their line has risen above the ground.
    for n in 0.. {
        person.add(campaign, json!([{"email": format!("watched{n}@x.com")}])).await;
        if browser.run(drawn).await == true {
            break;
        }
    }
    browser.is_accessible("intake").await;
}

/// The one campaign that there is.
async fn campaign(person: &Caller) -> Uuid {
    id(&expect(200, person.get("/v1/campaigns").await).await["data"][0]["id"])
}

async fn follow_a_submission(browser: &Browser, person: &Caller) {
    let campaign = campaign(person).await;
    let leads: Vec<Value> = (0..50)
        .map(|n| json!({"email": format!("big{n}@x.com")}))
        .chain([json!({"phone": "1"})])
        .collect();
    let path = format!("/v1/campaigns/{campaign}/leads");
    let sent = person.request(Method::POST, &path).header("prefer", "respond-async");
    expect(202, sent.json(&json!({"leads": leads})).send().await.expect("an answer")).await;
    browser.follow("Submissions").await;
    browser.sees("51 of 51").await;
    browser.sees("1 as CSV").await;
    browser.is_accessible("submissions").await;
}

async fn suppress(browser: &Browser) {
    browser.follow("Suppressions").await;
    browser.sees("Nobody is suppressed").await;
    browser.press("Suppress contacts").await;
    browser.fill("Phones and emails", "+1 555 123 4567\nann@example\nann@example.com").await;
    browser.fill("Reason", "asked not to be called").await;
    browser.press("Suppress").await;
    browser.sees("ann@example:").await;
    browser.press("Cancel").await;
    browser.sees("1–2 of 2").await;
    browser.is_accessible("suppressions").await;
    browser.fill("Find by phone or email", "ANN@example.com").await;
    browser.sees("1–1 of 1").await;
    browser.press("Lift the suppression of ann@example.com").await;
    browser.press("Lift").await;
    browser.sees("Not on the list").await;
}

async fn make_and_revoke_a_key(browser: &Browser, person: &Caller) {
    browser.follow("Keys").await;
    browser.press("New key").await;
    browser.fill("Name", "Clay").await;
    browser.press("Create").await;
    browser.sees("it is not shown again").await;
    let key = browser.run("return document.querySelector('dialog pre').innerText").await;
    let clay = person.with_key(key.as_str().expect("text"));
    expect(200, clay.get("/v1/workspace").await).await;
    browser.press("Done").await;
    browser.sees("Clay").await;
    browser.is_accessible("keys").await;
    let label = format!("Revoke Clay …{}", &clay.key[clay.key.len() - 4..]);
    browser.press(&label).await;
    browser.press("Revoke").await;
    browser.sees("revoked").await;
    expect(401, clay.get("/v1/workspace").await).await;
}

async fn replay_and_drop(browser: &Browser, system: &System, person: &Caller) {
    let vhost = system.vhost.as_ref().expect("on RabbitMQ");
    let bus = RabbitBus::start(&vhost.amqp_url(), "test").expect("a URL");
    for id in ["first", "second"] {
        let message = Message { message_id: Some(id.to_owned()), ..Message::new("unreadable") };
        bus.publish(Queue::Submitted, message, within(LONG)).await.expect("published");
    }
    eventually(LONG, || async {
        let listed = expect(200, person.get("/v1/dead-letters").await).await;
        (listed["meta"]["total"] == 2).then_some(())
    })
    .await;
    browser.follow("Dead letters").await;
    browser.sees("leads.submitted").await;
    browser.is_accessible("dead-letters").await;
    browser.press("Replay first").await;
    browser.sees("Published again").await;
    // Nobody can read it this time either.
    eventually(LONG, || async {
        browser.press("Look again").await;
        browser.text().await.contains("1–2 of 2").then_some(())
    })
    .await;
    for id in ["first", "second"] {
        browser.press(&format!("Drop {id}")).await;
        browser.press("Drop").await;
        browser.sees_no(&format!("\n{id}")).await;
    }
    browser.sees("No dead letters").await;
    bus.close().await;
}

async fn sign_out(browser: &Browser, key: &str) {
    browser.press("Sign out").await;
    browser.sees("Sign in").await;
    let left = browser
        .run("return JSON.stringify(sessionStorage) + document.documentElement.outerHTML")
        .await;
    assert!(!left.as_str().expect("text").contains(key));
    browser.client.back().await.expect("back");
    browser.sees("Sign in").await;
}
