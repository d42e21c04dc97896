//! Holds answers against the specification.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::{Validator, draft202012};
use reqwest::{Method, Response, header::CONTENT_TYPE};
use serde_json::{Value, json, value::RawValue};

/// The prefix that older recipes use.
const OLDER: &str = "/functions/v1/api-gateway";

/// The specification of this code.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| gateway::specification::openapi(gateway::routes::described()));

/// Passes an answer on that the specification foresees.
pub async fn conforming(method: &Method, path: &str, response: Response) -> Response {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix(OLDER).unwrap_or(path);
    let Some(template) = template(path) else { return response };
    let operation = &DOCUMENT["paths"][template][method.as_str().to_lowercase()];
    if operation.is_null() {
        assert_eq!(response.status(), 405, "{method} {path}");
        return response;
    }
    let status = response.status();
    let what = format!("{method} {template} {}", status.as_u16());
    let foreseen = &operation["responses"][status.as_str()];
    assert!(foreseen.is_object(), "{what} is not foreseen");
    for (name, header) in foreseen["headers"].as_object().into_iter().flatten() {
        let header = DOCUMENT.pointer(&header["$ref"].as_str().expect("a reference")[1..]);
        let required = header.expect("there")["required"] == true;
        assert!(!required || response.headers().contains_key(name), "{what} without {name}");
    }

    let mut copy = http::Response::builder().status(status);
    *copy.headers_mut().expect("valid") = response.headers().clone();
    let body = response.bytes().await.expect("a body");
    let given = copy.headers_ref().and_then(|headers| headers.get(CONTENT_TYPE));
    let given = given.map(|value| value.to_str().expect("text").split(';').next().unwrap_or(""));
    match (given, foreseen["content"].as_object()) {
        (None, None) => assert!(body.is_empty(), "{what} has a body"),
        (Some(media_type), Some(contents)) => {
            let content = contents.get(media_type);
            let content = content.unwrap_or_else(|| panic!("{what} as {media_type}"));
            if media_type == "application/json" {
                check(&what, &content["schema"], &body);
            }
        }
        (given, foreseen) => panic!("{what}: {given:?}, but {foreseen:?}"),
    }
    copy.body(body).expect("as it was").into()
}

fn check(what: &str, schema: &Value, body: &[u8]) {
    let Ok(body) = serde_json::from_slice(body) else {
        // Numbers are kept exactly, and some are too large for a value.
        serde_json::from_slice::<&RawValue>(body).unwrap_or_else(|_| panic!("{what}: no JSON"));
        return;
    };
    hold(what, what, schema, &body);
}

/// Holds what was answered against a schema of the document, which is known by its name.
pub fn hold(what: &str, name: &str, schema: &Value, answered: &Value) {
    fits(what, &closed(name, schema), answered);
}

/// Makes sure that a value is valid.
pub fn fits(what: &str, validator: &Validator, value: &Value) {
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{value:#}");
}

/// The validator of a schema that may refer to these components.
pub fn validator(schema: &Value, components: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = components.clone();
    let options = draft202012::options().should_validate_formats(true);
    options.build(&whole).expect("a schema")
}

/// The same, of an answer: what is not described must not be there.
fn closed(name: &str, schema: &Value) -> Arc<Validator> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    static COMPONENTS: LazyLock<Value> = LazyLock::new(|| {
        let mut components = DOCUMENT["components"].clone();
        close(&mut components, false);
        components
    });
    let mut known = KNOWN.lock().expect("no panic");
    let make = || {
        let mut schema = schema.clone();
        close(&mut schema, false);
        Arc::new(validator(&schema, &COMPONENTS))
    };
    Arc::clone(known.entry(name.to_owned()).or_insert_with(make))
}

/// Makes every object say that it has no other members than those described, which the document
/// does not, because there may be more some day. Parts of a whole are closed by the whole.
fn close(schema: &mut Value, part: bool) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, part)),
        Value::Object(members) => {
            let object = members.get("properties").is_some_and(Value::is_object);
            for (name, member) in members.iter_mut() {
                let of_object = object && ["allOf", "anyOf", "oneOf"].contains(&name.as_str());
                // The members of `properties` are named by us.
                match (name.as_str(), member) {
                    ("properties" | "schemas", Value::Object(named)) => {
                        named.values_mut().for_each(|schema| close(schema, false));
                    }
                    (_, member) => close(member, of_object || name == "allOf"),
                }
            }
            if object && !part {
                members.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        _ => {}
    }
}

/// The path of the document that a path belongs to, where it belongs to one.
fn template(path: &str) -> Option<&'static str> {
    let fits = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    paths.keys().map(String::as_str).find(|template| fits(template))
}
