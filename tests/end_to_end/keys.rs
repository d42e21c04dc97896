//! Keys: what they are good for, how often, and until when.

use std::time::Duration;

use futures_util::future::join_all;
use gateway::{
    keys::{self, KeyOptions},
    routes,
    scopes::{Scope, Scopes},
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use shared::{
    database::{Database, PooledConnection},
    settings::Settings,
};
use test_support::{TestDatabase, eventually};
use tokio::process::Command;
use uuid::Uuid;

use crate::{
    system::{Caller, System, each, each_of, expect, id},
    tables::rows,
};

/// What the command line works with.
async fn connection(system: &System) -> PooledConnection {
    let database = Database::new(&system.database.url(), 1).expect("a URL");
    database.connection().await.expect("connected")
}

async fn caller_for(system: &System, scope: Scope) -> Caller {
    let scopes = Scopes::new(vec![scope]).expect("one");
    system.caller_with("Acme", KeyOptions { scopes, ..KeyOptions::default() }).await
}

async fn key_id(caller: &Caller, system: &System) -> Uuid {
    let hint = &caller.key[caller.key.len() - 4..];
    let listed = keys::list(&mut *connection(system).await).await.expect("listed");
    listed.into_iter().find(|key| key.hint == hint).expect("the caller's key").id
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_needs_its_scope() {
    let system = System::in_process().await;
    let base = format!("http://{}", system.address());
    for (method, path, needed) in routes::list() {
        let path = path.replace("{id}", &Uuid::nil().to_string());
        let path = path.replace("{lead_id}", &Uuid::nil().to_string());
        let method: reqwest::Method = method.as_str().parse().expect("a method");
        let nobody = Client::new().request(method.clone(), format!("{base}{path}"));
        expect(401, nobody.send().await.expect("an answer")).await;
        for held in Scope::ALL {
            let caller = caller_for(&system, held).await;
            let request = caller.request(method.clone(), &path).json(&json!({}));
            let answer = request.send().await.expect("an answer");
            assert!(answer.headers().contains_key("x-ratelimit-limit"));
            let what = format!("{method} {path} with {held:?}");
            if Scopes::new(vec![held]).is_some_and(|scopes| scopes.allow(needed)) {
                let status = answer.status();
                let reached = ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
                assert!(reached && !status.is_server_error(), "{what}: {status}");
            } else {
                let refused = expect(403, answer).await;
                let told = refused["error"]["message"].as_str().expect("text");
                assert!(told.contains(needed.as_str()), "{what}: {refused}");
                assert_eq!(refused["error"]["code"], "forbidden");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_listed_and_revoked_over_http() {
    let system = System::in_process().await;
    let admin = caller_for(&system, Scope::Admin).await;
    let body = json!({"name": " Clay ", "scopes": ["leads:write"], "rate_limit": 7, "x": 1});
    let made = admin.post("/v1/keys", &body).await;
    assert_eq!(made.headers()["cache-control"], "no-store");
    let mut made = expect(201, made).await["data"].take();
    let key = made.as_object_mut().expect("an object").remove("key").expect("the key");
    let clay = admin.with_key(key.as_str().expect("text"));
    assert_eq!((&made["name"], &made["rate_limit"]), (&json!("Clay"), &json!(7)));
    assert_eq!(made["scopes"], json!(["leads:write"]));
    assert!(made["last_used_at"].is_null() && made["revoked_at"].is_null());

    // It does what it is good for, as often as it may.
    let campaign = expect(201, clay.post("/v1/campaigns", &json!({"name": "C"})).await).await;
    assert!(campaign["data"]["id"].is_string());
    let refused = clay.get("/v1/campaigns").await;
    assert_eq!(refused.headers()["x-ratelimit-limit"], "7");
    expect(403, refused).await;

    // Nobody else's workspace shows or revokes it.
    let scopes = Scopes::new(vec![Scope::Admin]).expect("one");
    let options = KeyOptions { scopes, ..KeyOptions::default() };
    let globex = system.caller_with("Globex", options).await;
    let path = format!("/v1/keys/{}", id(&made["id"]));
    expect(404, globex.delete(&path).await).await;
    let theirs = expect(200, globex.get("/v1/keys").await).await;
    assert_eq!(theirs["meta"]["total"], 1);
    expect(404, admin.delete(&format!("/v1/keys/{}", Uuid::now_v7())).await).await;

    let list = expect(200, admin.get("/v1/keys?per_page=1").await).await;
    assert_eq!(list["meta"]["total"], 3, "the system's own, the admin's and Clay's");
    assert_eq!(each_of(&list["data"], "id"), [made["id"].clone()], "newest first");
    assert!(list["data"][0]["last_used_at"].is_string());
    assert!(!list.to_string().contains(key.as_str().expect("text")), "shown once");

    for _ in 0..2 {
        assert_eq!(admin.delete(&path).await.status(), 204);
        expect(401, clay.post("/v1/campaigns", &json!({"name": "C"})).await).await;
    }
    let list = expect(200, admin.get("/v1/keys").await).await;
    assert!(list["data"][0]["revoked_at"].is_string());

    let defaults = expect(201, admin.post("/v1/keys", &json!({})).await).await;
    assert_eq!(defaults["data"]["scopes"], json!(["read", "leads:write"]));
    assert!(defaults["data"]["rate_limit"].is_null());
    for bad in [
        json!([]),
        json!({"scopes": []}),
        json!({"scopes": ["write"]}),
        json!({"scopes": ["operator"]}),
        json!({"scopes": ["read", "operator"]}),
        json!({"scopes": "read"}),
        json!({"rate_limit": -1}),
        json!({"rate_limit": 1e10}),
        json!({"name": "a\0b"}),
        json!({"name": "x".repeat(256)}),
    ] {
        expect(400, admin.post("/v1/keys", &bad).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_limit_passes_of_a_hundred_at_once() {
    const LIMIT: usize = 10;
    let system = System::in_process().await;
    let options = KeyOptions { rate_limit: Some(LIMIT as i32), ..KeyOptions::default() };
    let caller = system.caller_with("Acme", options).await;
    let answers = join_all((0..100).map(|_| caller.get("/v1/workspace"))).await;
    let mut left: Vec<usize> = Vec::new();
    for answer in answers {
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        let number = |name: &str| header(name).parse::<usize>().expect("a number");
        assert_eq!(header("ratelimit-policy"), format!("\"default\";q={LIMIT};w=60"));
        let remaining = number("x-ratelimit-remaining");
        let told = header("ratelimit");
        let seconds = told.strip_prefix(&format!("\"default\";r={remaining};t="));
        let seconds: usize =
            seconds.and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{told}"));
        assert!((1..=60).contains(&seconds), "{told}");
        if answer.status() == StatusCode::OK {
            left.push(remaining);
        } else {
            assert!((1..=6).contains(&number("retry-after")));
            expect(429, answer).await;
        }
    }
    // Each of those that passed was counted by itself.
    left.sort_unstable();
    assert_eq!(left, (0..LIMIT).collect::<Vec<_>>());

    let unlimited = system.acme.get("/v1/workspace").await;
    assert!(unlimited.headers().contains_key("x-ratelimit-limit"));
    assert!(!unlimited.headers().contains_key("ratelimit"));
    assert!(!unlimited.headers().contains_key("ratelimit-policy"));
}

/// Changes by the command line, or through another gateway.
#[tokio::test(flavor = "multi_thread")]
async fn changes_behind_the_gateway_bite_soon() {
    let briefly = |settings: &mut Settings| {
        assert!(settings.gateway.key_cache_seconds < 10, "promised");
        settings.gateway.key_cache_seconds = 1;
    };
    let system = System::with(1, None, briefly).await;
    let caller = system.caller_with_default_limit("Acme").await;
    let key = key_id(&caller, &system).await;
    let limit = async || {
        let answer = caller.get("/v1/workspace").await;
        answer
            .headers()
            .get("x-ratelimit-limit")
            .map(|limit| limit.to_str().expect("text").to_owned())
    };
    let told = async |wanted: Option<&str>| {
        let look = async || (limit().await.as_deref() == wanted).then_some(());
        eventually(Duration::from_secs(10), look).await;
    };
    told(Some("6000")).await;
    let mut connection = connection(&system).await;
    for (per_minute, wanted) in [(Some(700), "700"), (None, "6000")] {
        assert!(keys::set_rate_limit(&mut connection, key, per_minute).await.expect("changed"));
        told(Some(wanted)).await;
    }
    let revoked = keys::revoke(&mut connection, None, key).await.expect("revoked");
    assert!(revoked.is_some());
    told(None).await;
    expect(401, caller.get("/v1/workspace").await).await;
    let nobody = Uuid::now_v7();
    assert!(!keys::set_rate_limit(&mut connection, nobody, None).await.expect("asked"));
    assert!(keys::revoke(&mut connection, None, nobody).await.expect("asked").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_noted_without_a_write_for_each() {
    // Every request looks the key up.
    let system = System::with(1, None, |settings| settings.gateway.key_cache_seconds = 0).await;
    let noted = async || -> Value {
        let notes = "SELECT last_used_at, xmin::text FROM gateway.api_keys";
        rows(&system.database, notes).await.remove(0)
    };
    expect(200, system.acme.get("/v1/workspace").await).await;
    let first = noted().await;
    assert!(first["last_used_at"].is_string());
    for _ in 0..20 {
        expect(200, system.acme.get("/v1/workspace").await).await;
    }
    assert_eq!(noted().await, first, "the row was written again");
    // A minute later it is written once more.
    system
        .execute("UPDATE gateway.api_keys SET last_used_at = last_used_at - interval '2 minutes'")
        .await;
    expect(200, system.acme.get("/v1/workspace").await).await;
    assert!(noted().await["last_used_at"].as_str() > first["last_used_at"].as_str());
}

/// Whether `rollcall` did it, and what it printed.
async fn rollcall(database: &TestDatabase, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.args(arguments).env("DATABASE_URL", database.url());
    let output = command.output().await.expect("runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.success(), text.trim_end().to_owned())
}

/// A national number is read where the workspace has a country, and only there.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_gives_a_workspace_its_country() {
    let quickly = |settings: &mut Settings| settings.gateway.key_cache_seconds = 1;
    let system = System::with(1, None, quickly).await;
    let campaign = system.acme.campaign("National").await;
    let run = async |arguments: &[&str]| {
        rollcall(&system.database, &[&["workspaces"], arguments].concat()).await
    };
    let read = async |number: &str, wanted: &str| {
        let look = async || {
            let answer = system.acme.add(campaign, json!([{"phone": number}])).await;
            (each(&answer, "status") == [wanted]).then_some(())
        };
        eventually(Duration::from_secs(10), look).await;
    };
    read("(512) 867-5309", "error").await;
    assert!(run(&["region", "Acme", "us"]).await.0);
    read("(512) 867-5309", "already_in_campaign").await;
    read("030 901820", "error").await;
    assert!(run(&["region", "Acme", "DE"]).await.0);
    read("030 901820", "already_in_campaign").await;
    let (_, listed) = run(&["list"]).await;
    assert!(listed.lines().any(|line| line.contains("Acme") && line.ends_with("DE")), "{listed}");
    assert!(run(&["region", "Acme", "--none"]).await.0);
    read("030 901820", "error").await;
    read("(512) 867-5309", "error").await;
    for wrong in [&["region", "Nobody", "US"][..], &["region", "Acme", "XX"], &["region", "Acme"]] {
        assert!(!run(wrong).await.0, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_limits_and_revokes_keys() {
    let database = TestDatabase::create().await;
    let run =
        async |arguments: &[&str]| rollcall(&database, &[&["keys"], arguments].concat()).await;
    let (made, plain) = run(&["create", "--workspace", "Acme"]).await;
    assert!(made && plain.starts_with("rchd_live_") && !plain.contains('\n'));
    let scoped = ["create", "--workspace", "Acme", "--scope", "admin", "--rate-limit", "7"];
    assert!(run(&scoped).await.0);
    let (_, listed) = run(&["list"]).await;
    let rows: Vec<_> = listed.lines().skip(1).collect();
    assert!(rows[0].contains("read leads:write") && rows[0].contains("default"), "{listed}");
    assert!(rows[1].contains("admin") && rows[1].contains("  7  "), "{listed}");
    assert!(!listed.contains(&plain));

    let id = rows[0].split_whitespace().next().expect("an id");
    for (arguments, wanted) in [
        (vec!["limit", id, "600"], "  600  "),
        (vec!["limit", id, "0"], "no limit"),
        (vec!["limit", id], "default"),
        (vec!["revoke", id], "revoked"),
    ] {
        assert!(run(&arguments).await.0);
        let (_, listed) = run(&["list"]).await;
        assert!(listed.lines().nth(1).expect("a row").contains(wanted), "{listed}");
    }
    let nobody = Uuid::nil().to_string();
    for arguments in [vec!["limit", &nobody, "1"], vec!["revoke", &nobody], vec!["limit", id, "-1"]]
    {
        assert!(!run(&arguments).await.0, "{arguments:?}");
    }
}
