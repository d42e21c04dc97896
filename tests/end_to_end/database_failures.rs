//! A database that fails or is away: errors in the contract's shape that show nothing of the
//! inside, and work that goes on where it was when the database is back.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use crate::system::{Caller, System, expect};

const LONG: Duration = Duration::from_secs(30);

/// With a caller's patience of two seconds, and keys that are remembered throughout.
async fn system() -> System {
    System::with(1, None, |settings| {
        settings.gateway.answer_timeout_seconds = 2;
        settings.gateway.key_cache_seconds = 600;
    })
    .await
}

fn leads_of(campaign: Uuid) -> String {
    format!("/v1/campaigns/{campaign}/leads")
}

async fn post(caller: &Caller, campaign: Uuid, phone: &str) -> Response {
    caller.post(&leads_of(campaign), &json!({"leads": [{"phone": phone}]})).await
}

fn internal() -> Value {
    json!({"error": {"code": "internal", "message": "Internal error"}})
}

fn unavailable() -> Value {
    let message = "Temporarily unavailable, please retry";
    json!({"error": {"code": "unavailable", "message": message}})
}

/// An error beside the id of the submission whose outcome is not known.
async fn of_a_submission(status: u16, response: Response) -> Value {
    let mut body = expect(status, response).await;
    let id = body.as_object_mut().expect("an object").remove("submission_id").expect("an id");
    id.as_str().expect("text").parse::<Uuid>().expect("a UUID");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_table_shows_nothing_of_the_inside() {
    let system = system().await;
    let (acme, globex) = (&system.acme, system.caller("Globex").await);
    let campaign = acme.campaign("Broken").await;
    expect(200, post(acme, campaign, "+15550000001").await).await;

    let view = "ALTER VIEW campaign.counted_campaigns RENAME TO gone_too";
    system.execute(&format!("ALTER TABLE campaign.campaigns RENAME TO gone; {view}")).await;
    for path in ["/v1/campaigns".to_owned(), leads_of(campaign)] {
        assert_eq!(expect(500, acme.get(&path).await).await, internal());
    }
    assert_eq!(
        expect(500, acme.post("/v1/campaigns", &json!({"name": "A"})).await).await,
        internal()
    );
    let view = "ALTER VIEW campaign.gone_too RENAME TO counted_campaigns";
    system.execute(&format!("ALTER TABLE campaign.gone RENAME TO campaigns; {view}")).await;
    expect(200, acme.get("/v1/campaigns").await).await;

    // Nobody's data is to blame, so the lead service holds on to it until the table is back.
    system.execute("ALTER TABLE lead.leads RENAME TO gone").await;
    let timeout = of_a_submission(504, post(acme, campaign, "+15550000002").await).await;
    let message = "The result was not ready in time";
    assert_eq!(timeout, json!({"error": {"code": "timeout", "message": message}}));
    let lead = format!("/v1/leads/{}", Uuid::nil());
    assert_eq!(expect(500, acme.get(&lead).await).await, internal());
    system.execute("ALTER TABLE lead.gone RENAME TO leads").await;
    eventually(LONG, || async { (acme.members(campaign).await == 2).then_some(()) }).await;

    system.execute("ALTER TABLE gateway.api_keys RENAME TO gone").await;
    let refused = globex.get("/v1/workspace").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(expect(503, refused).await, unavailable());
    system.execute("ALTER TABLE gateway.gone RENAME TO api_keys").await;
    expect(200, globex.get("/v1/workspace").await).await;

    system.execute("ALTER TABLE gateway.idempotency_keys RENAME TO gone").await;
    let keyed = || {
        let request =
            acme.request(Method::POST, &leads_of(campaign)).header("idempotency-key", "k");
        request.json(&json!({"leads": [{"phone": "+15550000003"}]})).send()
    };
    assert_eq!(expect(500, keyed().await.expect("an answer")).await, internal());
    system.execute("ALTER TABLE gateway.gone RENAME TO idempotency_keys").await;
    expect(200, keyed().await.expect("an answer")).await;
}

/// A statement that fails because of the data of one submission fails that one alone.
#[tokio::test(flavor = "multi_thread")]
async fn data_that_the_database_refuses_harms_no_neighbour() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Culprit").await;
    system.execute("ALTER TABLE lead.leads ADD CHECK (phone <> '+15550000007')").await;
    let posts = (0..20).map(|n| {
        let phone = format!("+155500000{n:02}");
        let acme = system.acme.clone();
        async move { (n, post(&acme, campaign, &phone).await) }
    });
    for (n, response) in futures_util::future::join_all(posts).await {
        if n == 7 {
            assert_eq!(of_a_submission(500, response).await, internal());
        } else {
            expect(200, response).await;
        }
    }
    assert_eq!(system.acme.members(campaign).await, 19);
}

/// In the campaign service, too, and where it does not fail but takes too long.
#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_too_heavy_or_refused_harm_no_neighbour() {
    let system = System::in_process().await;
    let [campaign, refused, slow] = [
        system.acme.campaign("Fine").await,
        system.acme.campaign("Refused").await,
        system.acme.campaign("Slow").await,
    ];
    system
        .execute(&format!(
            "CREATE FUNCTION campaign.weigh() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF NEW.campaign_id = '{refused}' THEN RAISE 'refused'; END IF; \
                 IF NEW.campaign_id = '{slow}' THEN \
                     RAISE 'canceling statement due to statement timeout'; END IF; \
                 RETURN NEW; END $$; \
             CREATE TRIGGER weigh BEFORE INSERT ON campaign.links \
                 FOR EACH ROW EXECUTE FUNCTION campaign.weigh()"
        ))
        .await;
    let posts = (0..20).map(|n| {
        let to = match n {
            7 => refused,
            8 => slow,
            _ => campaign,
        };
        let (acme, phone) = (system.acme.clone(), format!("+155500000{n:02}"));
        async move { (n, post(&acme, to, &phone).await) }
    });
    for (n, response) in futures_util::future::join_all(posts).await {
        if n == 7 || n == 8 {
            assert_eq!(of_a_submission(500, response).await, internal());
        } else {
            expect(200, response).await;
        }
    }
    assert_eq!(system.acme.members(campaign).await, 18);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_database_is_waited_for() {
    let system = system().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Absent").await;
    expect(200, post(acme, campaign, "+15550000001").await).await;

    system.database.go_away().await;
    let ready = expect(503, acme.get("/ready").await).await;
    let message = "The database is not reached";
    assert_eq!(ready, json!({"error": {"code": "unavailable", "message": message}}));
    expect(200, acme.get("/health").await).await;
    let listed = acme.get("/v1/campaigns").await;
    assert_eq!(listed.headers()["retry-after"], "1");
    assert_eq!(expect(503, listed).await, unavailable());
    let timeout = of_a_submission(504, post(acme, campaign, "+15550000002").await).await;
    assert_eq!(timeout["error"]["code"], "timeout");

    system.database.come_back().await;
    eventually(LONG, || async { (acme.get("/ready").await.status() == 200).then_some(()) }).await;
    // What was asked for meanwhile is done, and whoever asks again is told so.
    eventually(LONG, || async { (acme.members(campaign).await == 2).then_some(()) }).await;
    let again = expect(200, post(acme, campaign, "+15550000002").await).await;
    assert_eq!(again["data"]["results"][0]["status"], "already_in_campaign");
}
