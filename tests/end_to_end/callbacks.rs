//! Callbacks: signed, tried again, and kept out of our own network.

pub mod receiver;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use gateway::callbacks::secrets;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::{database::Database, settings::Settings};
use test_support::eventually;

use crate::{
    big_submissions::{LONG, finished, leads, request, show, submit},
    system::{Caller, System, expect, id},
};
use receiver::{Received, Receiver};

async fn system() -> System {
    let private = |settings: &mut Settings| settings.gateway.callbacks_allow_private = true;
    System::with(1, None, private).await
}

/// What became of the callback, once it has this status or so many attempts were made.
async fn callback(caller: &Caller, location: &str, status: &str, attempts: u64) -> Value {
    eventually(LONG, async || {
        let mut callback = show(caller, location).await["callback"].take();
        let reached = callback["status"] == status && callback["attempts"] == attempts;
        let idle = callback["next_attempt_at"].is_null() || status == "pending";
        (reached && idle).then(|| callback.take())
    })
    .await
}

fn signature(secret: &str, received: &Received) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    let (id, timestamp) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    mac.update(format!("{id}.{timestamp}.{}", received.body).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_told_until_it_is_taken() {
    let system = system().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Called back").await;
    let database = Database::new(&system.database.url(), 1).expect("a URL");
    let workspace = expect(200, acme.get("/v1/workspace").await).await;
    let workspace = id(&workspace["data"]["id"]);
    let (former, secret) = {
        let mut connection = database.connection().await.expect("connected");
        let former = secrets::current(&mut connection, workspace).await.expect("a secret");
        let secret = secrets::rotate(&mut connection, workspace).await.expect("a secret");
        (former.to_string(), secret.to_string())
    };
    let mut receiver = Receiver::start(["500 Oops", "204 No Content"]).await;
    let body = json!({"callback_url": receiver.url("/hook?x=1"), "leads": leads(0..700)});
    let location = submit(acme, campaign, &body).await;

    let first = receiver.next().await;
    let told: Value = serde_json::from_str(&first.body).expect("JSON");
    let mut done = finished(acme, &location).await;
    let waiting = done.as_object_mut().expect("an object").remove("callback").expect("one");
    assert_eq!((&waiting["status"], &waiting["url"]), (&json!("pending"), &body["callback_url"]));
    assert_eq!(told["type"], "submission.completed");
    assert_eq!(told["timestamp"], done["finished_at"]);
    assert_eq!(told["data"], done);

    let second = receiver.next().await;
    assert_eq!(second.line, "POST /hook?x=1 HTTP/1.1");
    assert_eq!(second.header("content-type"), "application/json");
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    for received in [&first, &second] {
        let both = format!("{} {}", signature(&secret, received), signature(&former, received));
        assert_eq!(received.header("webhook-signature"), both);
    }
    let delivered = callback(acme, &location, "delivered", 2).await;
    assert!(delivered["next_attempt_at"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed_and_gone_is_gone() {
    let system = system().await;
    let campaign = system.acme.campaign("Gone").await;
    let mut receiver = Receiver::start(["307 Elsewhere\r\nLocation: /elsewhere", "410 Gone"]).await;
    let body = json!({"callback_url": receiver.url("/hook"), "leads": leads(0..1)});
    let location = submit(&system.acme, campaign, &body).await;
    for _ in 0..2 {
        assert_eq!(receiver.next().await.line, "POST /hook HTTP/1.1");
    }
    callback(&system.acme, &location, "failed", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_into_our_network() {
    let system = System::in_process().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Private").await;
    let mut receiver = Receiver::start(["204 No Content"]).await;
    let secure = receiver.url("/").replace("http:", "https:");
    for url in [
        receiver.url("/").as_str(),
        secure.as_str(),
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
        "https://name:secret@example.com/",
        "file:///etc/passwd",
        "",
    ] {
        let body = json!({"callback_url": url, "leads": leads(0..1)});
        let refused = request(acme, campaign).json(&body).send().await.expect("an answer");
        let refused = expect(400, refused).await;
        assert!(refused["error"]["message"].as_str().expect("text").contains("callback_url"));
    }
    assert_eq!(system.count("gateway.submissions").await, 0);

    // A name that leads elsewhere later is checked again when it is used.
    let body = json!({"callback_url": "https://nowhere.invalid/", "leads": leads(0..1)});
    let location = submit(acme, campaign, &body).await;
    callback(acme, &location, "pending", 1).await;
    let rebound = format!("UPDATE gateway.callbacks SET url = '{secure}', due_at = now()");
    system.execute(&rebound).await;
    callback(acme, &location, "pending", 2).await;
    let rebound = rebound.replace("https:", "http:");
    system.execute(&rebound).await;
    callback(acme, &location, "pending", 3).await;
    // An attempt ends when its next is set, far away.
    eventually(LONG, async || {
        let ended = "gateway.callbacks WHERE due_at > now() + interval '1 minute'";
        (system.count(ended).await == 1).then_some(())
    })
    .await;
    assert!(!receiver.has_received(Duration::ZERO).await);
}
