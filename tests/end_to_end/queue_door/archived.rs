//! An archived campaign, over the queue.

use serde_json::json;

use super::door::Door;
use crate::system::expect;

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_campaign_takes_no_leads_and_answers_replays() {
    let mut door = Door::open().await;
    let before = [
        door.submission(json!([{"email": "a@x.com"}])),
        door.submission(json!([{"email": "a@x.com"}, {}])),
    ];
    let first = door.ask(json!(before)).await;
    let path = format!("/v1/campaigns/{}", door.campaign);
    let acme = door.system.acme.clone();
    expect(200, acme.patch(&path, &json!({"status": "archived"})).await).await;

    let after = door.submission(json!([{"email": "a@x.com"}]));
    let results = door.ask(json!([before[0], after, before[1]])).await;
    assert_eq!((&results[0], &results[2]), (&first[0], &first[1]));
    assert_eq!(results[1]["error"]["code"], "campaign_archived");
    assert_eq!(results[1]["submission_id"], after["id"]);
    door.no_letters().await;

    // Refused is not done: the same again is taken up once the campaign is open.
    expect(200, acme.patch(&path, &json!({"status": "paused"})).await).await;
    let results = door.ask(json!([after])).await;
    assert_eq!(results[0]["summary"]["already_in_campaign"], 1);
}
