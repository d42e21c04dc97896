//! The document names every route, and no others.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::conformance::DOCUMENT;
use crate::system::{System, expect};

#[test]
fn every_route_is_described_with_its_scope() {
    let routes: BTreeSet<_> = gateway::routes::list()
        .into_iter()
        .map(|(method, path, scope)| (path, method.to_string(), scope.as_str().to_owned()))
        .collect();
    let mut described = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            if let Some(scope) = operation["security"][0]["key"][0].as_str() {
                described.insert((path.clone(), method.to_uppercase(), scope.to_owned()));
            } else {
                assert_eq!(operation["security"], json!([]), "{path}");
            }
        }
    }
    assert_eq!(described, routes);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let items = DOCUMENT["paths"].as_object().expect("paths").values();
    let operations = items.flat_map(|item| item.as_object().expect("methods").values());
    let names: Vec<_> = operations.map(|operation| operation["operationId"].as_str()).collect();
    let different: BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len());
    assert!(names.iter().all(|name| name.is_some_and(|name| !name.is_empty())));
}

/// What the gateway does is asked of the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_refused_everywhere() {
    let system = System::in_process().await;
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        let item = item.as_object().expect("methods");
        let id = Uuid::nil().to_string();
        let concrete = path.replace("{id}", &id).replace("{lead_id}", &id);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if item.contains_key(&method.to_lowercase()) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let request = system.acme.request(method.clone(), &concrete);
            let refused = request.send().await.expect("an answer");
            let what = format!("{method} {path}");
            assert_eq!(refused.status(), 405, "{what}");
            let allow = refused.headers()["allow"].to_str().expect("text").to_lowercase();
            let allowed: BTreeSet<_> = allow.split(", ").collect();
            assert_eq!(allowed, item.keys().map(String::as_str).collect(), "{what}");
            let body: Value = expect(405, refused).await;
            assert_eq!(body["error"]["code"], "method_not_allowed", "{what}");
        }
    }
}
