//! No operation of the document reaches what belongs to another workspace.

use std::{collections::BTreeMap, time::Duration};

use gateway::{
    keys::KeyOptions,
    scopes::{Scope, Scopes},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use crate::system::conformance::DOCUMENT;
use crate::system::{Caller, System, expect, id};

/// An operation that names something by its id.
struct Naming {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Naming {
    /// All of them, those that take something away last.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                if is_for_all(operation) {
                    continue;
                }
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("known");
                let example = &operation["requestBody"]["content"]["application/json"]["example"];
                let body = Some(example).filter(|example| !example.is_null()).cloned();
                all.push(Self { method, path: path.clone(), body });
            }
        }
        all.retain(|operation| operation.path.contains('{'));
        all.sort_by_key(|operation| {
            (operation.method == Method::DELETE, std::cmp::Reverse(operation.path.len()))
        });
        all
    }

    /// Carries it out on these things: ids by the word that stands before them in the path.
    async fn on(&self, caller: &Caller, things: &BTreeMap<&str, Uuid>) -> (StatusCode, Value) {
        let mut path = Vec::new();
        for word in self.path.split('/') {
            path.push(match (word.starts_with('{'), path.last()) {
                (true, Some(kind)) => things
                    .get(String::as_str(kind))
                    .unwrap_or_else(|| panic!("make one of {kind} here, for {}", self.path))
                    .to_string(),
                _ => word.to_owned(),
            });
        }
        let mut request = caller.request(self.method.clone(), &path.join("/"));
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let (status, body) = (answer.status(), answer.text().await.expect("a body"));
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_others_is_as_if_absent() {
    let system = System::in_process().await;
    let admin = async |workspace| {
        let scopes = Scopes::new(vec![Scope::Admin]).expect("one");
        let options = KeyOptions { scopes, rate_limit: Some(0), ..KeyOptions::default() };
        system.caller_with(workspace, options).await
    };
    let (owner, stranger) = (admin("Acme").await, admin("Globex").await);
    let things = things(&owner).await;
    let nothing: BTreeMap<_, _> = things.keys().map(|kind| (*kind, Uuid::now_v7())).collect();

    let before = everything(&owner).await;
    let all = Naming::all();
    assert!(all.len() >= 10, "{}", all.len());
    for operation in &all {
        let what = format!("{} {}", operation.method, operation.path);
        let foreign = operation.on(&stranger, &things).await;
        assert_eq!(foreign.0, StatusCode::NOT_FOUND, "{what}: {}", foreign.1);
        assert_eq!(foreign, operation.on(&stranger, &nothing).await, "{what}");
    }
    assert_eq!(everything(&owner).await, before, "something has changed");
    let their_own = everything(&stranger).await;
    assert!(their_own.iter().all(|list| list.as_array().is_none_or(|rows| rows.len() <= 1)));

    // The same requests are good ones where the things are the caller's own.
    for operation in &all {
        let what = format!("{} {}", operation.method, operation.path);
        let (status, answer) = operation.on(&owner, &things).await;
        assert!(status.is_success(), "{what}: {status} {answer}");
    }
}

/// Whether an operation is for who runs Rollcall, and looks at all workspaces (`dead_letters.rs`).
fn is_for_all(operation: &Value) -> bool {
    operation["security"][0]["key"][0] == Scope::Operator.as_str()
}

/// One thing of each kind.
async fn things(owner: &Caller) -> BTreeMap<&'static str, Uuid> {
    let campaign = owner.campaign("Theirs").await;
    let added = owner.add(campaign, json!([{"email": "theirs@x.com"}])).await;
    let key = expect(201, owner.post("/v1/keys", &json!({"name": "Theirs"})).await).await;
    let leads = format!("/v1/campaigns/{campaign}/leads");
    let submitting = owner.request(Method::POST, &leads).header("prefer", "respond-async");
    let submitting = submitting.json(&json!({"leads": [{"phone": "555"}]})).send();
    let submitted = expect(202, submitting.await.expect("an answer")).await;
    let submission = id(&submitted["data"]["id"]);
    eventually(Duration::from_secs(30), || async {
        let shown = owner.get(&format!("/v1/submissions/{submission}")).await;
        (expect(200, shown).await["data"]["status"] == "done").then_some(())
    })
    .await;
    BTreeMap::from([
        ("campaigns", campaign),
        ("submissions", submission),
        ("leads", id(&added["results"][0]["lead_id"])),
        ("keys", id(&key["data"]["id"])),
    ])
}

/// All lists of the workspace.
async fn everything(caller: &Caller) -> Vec<Value> {
    let mut all = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        // What comes in just now is another matter each second.
        let listed = path.starts_with("/v1/") && !path.contains('{') && path != "/v1/intake";
        if listed && !item["get"].is_null() && !is_for_all(&item["get"]) {
            let mut data = expect(200, caller.get(path).await).await["data"].take();
            // It says when the key was used, which is now.
            for row in data.as_array_mut().into_iter().flatten() {
                row.as_object_mut().expect("a row").remove("last_used_at");
            }
            all.push(data);
        }
    }
    all
}
