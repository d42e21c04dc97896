//! The documents hold together, and what they show as examples is true.

use serde_json::Value;

use crate::system::conformance::{DOCUMENT, fits, hold, validator};

#[test]
fn every_reference_leads_somewhere() {
    for document in [&*DOCUMENT, &gateway::specification::asyncapi()] {
        let mut references = Vec::new();
        collect(document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let there = document.pointer(reference.trim_start_matches('#'));
            assert!(there.is_some(), "{reference}");
        }
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, references));
        }
        _ => {}
    }
}

#[test]
fn examples_fit_their_schemas() {
    let operations = DOCUMENT["paths"].as_object().expect("paths").values();
    let operations = operations.flat_map(|item| item.as_object().expect("methods").values());
    for operation in operations {
        let id = operation["operationId"].as_str().expect("a name");
        for (media_type, content) in contents(&operation["requestBody"]) {
            let validator = validator(&content["schema"], &DOCUMENT["components"]);
            fits(&format!("{id} is sent {media_type}"), &validator, &content["example"]);
        }
        for (status, answer) in operation["responses"].as_object().expect("responses") {
            for (media_type, content) in contents(answer) {
                let what = format!("{id} answers {status} as {media_type}");
                if let Some(example) = content.get("example") {
                    hold(&what, &what, &content["schema"], example);
                }
            }
        }
    }
}

fn contents(part: &Value) -> impl Iterator<Item = (&String, &Value)> {
    part["content"].as_object().into_iter().flatten()
}

#[test]
fn examples_of_messages_fit_their_schemas() {
    let document = gateway::specification::asyncapi();
    for name in ["submissions", "results"] {
        let message = &document["components"]["messages"][name];
        let validator = validator(&message["payload"], &document["components"]);
        for example in message["examples"].as_array().expect("examples") {
            fits(name, &validator, &example["payload"]);
        }
    }
}
