//! What is served, and to whom.

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::system::conformance::DOCUMENT;
use crate::system::{System, expect};

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_need_no_key_and_nothing_from_elsewhere() {
    let system = System::in_process().await;
    let get = async |path: &str| {
        let url = format!("http://{}{path}", system.address());
        Client::new().get(url).send().await.expect("an answer")
    };
    assert_eq!(expect(200, get("/openapi.json").await).await, *DOCUMENT);
    let asyncapi = expect(200, get("/asyncapi.json").await).await;
    assert_eq!(asyncapi, gateway::specification::asyncapi());

    let page = get("/docs").await;
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let page = page.text().await.expect("a body");
    for loading in ["<script", "<link", "<img", "<iframe", "@import", "url("] {
        assert!(!page.contains(loading), "{loading}");
    }
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    for (path, item) in paths {
        assert!(page.contains(path.as_str()), "{path}");
        for operation in item.as_object().expect("methods").values() {
            let id = operation["operationId"].as_str().expect("a name");
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
    }
    assert!(page.contains("$ROLLCALL/v1/campaigns/$ID/leads/$LEAD_ID"));
    let types = DOCUMENT["components"]["schemas"].as_object().expect("types");
    assert!(types.keys().all(|name| page.contains(&format!("id=\"type-{name}\""))));

    for elsewhere in ["/v1/openapi.json", "/openapi.yaml", "/docs/", "/v1/docs"] {
        assert_eq!(
            expect(404, get(elsewhere).await).await["error"]["code"],
            Value::from("not_found")
        );
    }
}
