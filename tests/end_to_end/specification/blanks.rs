//! A parameter of a query that has no value is one that is not given, on every operation.

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::system::System;
use crate::system::conformance::DOCUMENT;

#[tokio::test(flavor = "multi_thread")]
async fn blank_parameters_are_not_given() {
    let system = System::in_process().await;
    let mut asked = 0;
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let parameters = operation["parameters"].as_array().expect("parameters");
            let mut blanks = Vec::new();
            for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
                assert_eq!(parameter["allowEmptyValue"], Value::Bool(true), "{parameter}");
                blanks.push(format!("{}=", parameter["name"].as_str().expect("a name")));
            }
            if blanks.is_empty() {
                continue;
            }
            asked += 1;
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("known");
            let path = path.replace("{id}", &Uuid::nil().to_string());
            let plain = ask(&system, &method, &path).await;
            let blank = ask(&system, &method, &format!("{path}?{}", blanks.join("&"))).await;
            assert_eq!(blank, plain, "{method} {path} with {blanks:?}");
        }
    }
    assert!(asked > 5, "{asked} operations with parameters");
}

/// The answer's status and body. Big submissions take options from the query, others ignore the
/// headers and the body.
async fn ask(system: &System, method: &Method, path: &str) -> (u16, String) {
    let request = system.acme.request(method.clone(), path);
    let request = request.header("Prefer", "respond-async");
    let request = request.header("Content-Type", "application/x-ndjson").body("{}");
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}
