//! How many leads are in a campaign is exact at every moment, and nothing comes in once a campaign
//! is archived, however much is under way.

use std::time::Duration;

use campaign_service::store::fold;
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};
use shared::database::Database;
use test_support::{TestVhost, eventually};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    dice::Dice,
    system::{Caller, System, each, expect, id},
    tables::rows,
};

const CALLERS: usize = 6;
const REQUESTS: usize = 25;

/// What the API tells of a campaign, beside the rows that there are, in one snapshot.
const TOLD_AND_COUNTED: &str = "SELECT leads AS told, (SELECT count(*) FROM campaign.links l \
     WHERE l.campaign_id = c.id AND l.removed_at IS NULL) AS counted \
     FROM campaign.counted_campaigns c";

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_tells_the_exact_number() {
    let mut dice = Dice::thrown();
    let system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    let campaigns = [system.acme.campaign("One").await, system.acme.campaign("Other").await];
    let done = CancellationToken::new();
    let mut watchers = JoinSet::new();
    // Far more often than the services do it, and two at once.
    for _ in 0..2 {
        let (url, done) = (system.database.url(), done.clone());
        watchers.spawn(async move {
            let database = Database::new(&url, 1).expect("a URL");
            let mut connection = database.connection().await.expect("connected");
            let mut folded = 0;
            while !done.is_cancelled() {
                folded += fold(&mut connection).await.expect("folded");
            }
            folded
        });
    }
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(add_and_remove(system.acme.clone(), campaigns, dice.split()));
    }
    let mut looks = 0;
    while !callers.is_empty() {
        for row in rows(&system.database, TOLD_AND_COUNTED).await {
            assert_eq!(row["told"], row["counted"]);
        }
        looks += 1;
        while let Some(ended) = callers.try_join_next() {
            ended.expect("no panic");
        }
    }
    done.cancel();
    let folded: i64 = watchers.join_all().await.into_iter().sum();
    assert!(looks > 10 && folded > 10, "{looks} looks, {folded} folded");
    // The services fold by themselves; nothing is lost on the way.
    eventually(Duration::from_secs(20), async || {
        (system.count("campaign.link_deltas").await == 0).then_some(())
    })
    .await;
    for row in rows(&system.database, TOLD_AND_COUNTED).await {
        assert_eq!(row["told"], row["counted"]);
        assert!(row["told"].as_i64().is_some_and(|told| told > 0));
    }
}

/// Adds people to two campaigns and takes some of them out again.
async fn add_and_remove(caller: Caller, campaigns: [Uuid; 2], mut dice: Dice) {
    for _ in 0..REQUESTS {
        let campaign = dice.pick(&campaigns);
        let people = (0..=dice.below(20)).map(|_| json!({"email": email(dice.below(60))}));
        let people: Value = people.collect();
        let added = caller.add(campaign, people).await;
        for lead in each(&added, "lead_id") {
            if dice.percent(30) {
                let path = format!("/v1/campaigns/{campaign}/leads/{}", id(lead));
                let gone = caller.delete(&path).await.status().as_u16();
                assert!([204, 404].contains(&gone), "{gone}");
            }
        }
    }
}

fn email(person: u64) -> String {
    format!("{person}@example.com")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_once_archiving_was_answered() {
    let system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    for round in 0..3 {
        let campaign = system.acme.campaign("Archive").await;
        let mut callers = JoinSet::new();
        for caller in 0..8 {
            callers.spawn(add_until_refused(system.acme.clone(), campaign, round * 8 + caller));
        }
        let links = format!("campaign.links WHERE campaign_id = '{campaign}'");
        eventually(Duration::from_secs(20), async || {
            (system.count(&links).await > 200).then_some(())
        })
        .await;
        let path = format!("/v1/campaigns/{campaign}");
        let archived = json!({"status": "archived"});
        expect(200, system.acme.patch(&path, &archived).await).await;
        let at_once = system.count(&links).await;
        let added: i64 = callers.join_all().await.into_iter().sum();
        assert_eq!((system.count(&links).await, added), (at_once, at_once));
    }
}

/// A statement that began before the campaign was archived may still add, so archiving waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn archiving_waits_for_what_is_being_added() {
    let system = System::in_process().await;
    let (acme, campaign) = (&system.acme, system.acme.campaign("Archive").await);
    let gate = "CREATE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$; \
                CREATE TRIGGER gate BEFORE INSERT ON campaign.links \
                FOR EACH STATEMENT EXECUTE FUNCTION public.gate()";
    system.execute(gate).await;
    let database = Database::new(&system.database.url(), 1).expect("a URL");
    let mut gatekeeper = database.connection().await.expect("connected");
    gatekeeper.batch_execute("SELECT pg_advisory_lock(1)").await.expect("closed");

    let path = format!("/v1/campaigns/{campaign}/leads");
    let adding = tokio::spawn({
        let (acme, path) = (acme.clone(), path.clone());
        async move { acme.post(&path, &json!({"leads": [{"email": "a@x.com"}]})).await }
    });
    let held = "pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted";
    let waits = async || (system.count(held).await == 1).then_some(());
    eventually(Duration::from_secs(20), waits).await;
    let mut archiving = tokio::spawn({
        let (acme, path) = (acme.clone(), format!("/v1/campaigns/{campaign}"));
        async move { acme.patch(&path, &json!({"status": "archived"})).await }
    });
    let archived = "campaign.campaigns WHERE archived_at IS NOT NULL";
    let begun = async || (system.count(archived).await == 1).then_some(());
    eventually(Duration::from_secs(20), begun).await;
    let answered = timeout(Duration::from_millis(200), &mut archiving).await;
    assert!(answered.is_err(), "archiving was answered, and a lead is still being added");

    gatekeeper.batch_execute("SELECT pg_advisory_unlock(1)").await.expect("opened");
    let archived = expect(200, archiving.await.expect("no panic")).await;
    assert_eq!(archived["data"]["leads"], 1);
    let added = expect(200, adding.await.expect("no panic")).await;
    assert_eq!(each(&added["data"], "status"), ["added"]);
    let late = json!({"leads": [{"email": "b@x.com"}]});
    expect(409, acme.post(&path, &late).await).await;
}

/// Adds new people until the campaign takes no more; says how many were added.
async fn add_until_refused(caller: Caller, campaign: Uuid, name: usize) -> i64 {
    let path = format!("/v1/campaigns/{campaign}/leads");
    let mut added = 0;
    for n in 0..10_000 {
        let people = (0..10).map(|m| json!({"email": format!("{name}-{n}-{m}@x.com")}));
        let body = json!({"leads": people.collect::<Value>()});
        let answer = caller.post(&path, &body).await;
        if answer.status() == 409 {
            assert_eq!(expect(409, answer).await["error"]["code"], "campaign_archived");
            return added;
        }
        added += expect(200, answer).await["data"]["summary"]["added"].as_i64().expect("a number");
    }
    panic!("the campaign was never archived");
}
