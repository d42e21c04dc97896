//! OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1>).

use serde_json::{Map, Value, json};
use shared::contract::ErrorBody;

use super::{
    errors, headers,
    operation::{Answer, Content, Described, Parameter, Schema},
    schemas::{self, Schemas, Type},
};
use crate::{extract::Meta, scopes::Scope};

const ABOUT: &str = "\
Rollcall takes leads in for calling campaigns: row by row or by the thousand. A workspace has one lead per phone and \
per email, a campaign has each lead once.

Everything is JSON. Every error is `{\"error\": {\"code\", \"message\"}}`, and everything belongs to the workspace of \
the key. Another method than those listed here is answered `405 method_not_allowed` with `Allow`, another path \
`404 not_found`. Unknown members of a body are ignored, and so is a parameter of a query without a value.";

/// The document of these endpoints.
pub fn document(endpoints: Vec<Described>) -> Value {
    let endpoints = &united(endpoints);
    let mut schemas = Schemas::new();
    // Named by every error answer, and for readers of other statuses.
    schemas.answered(schemas::of::<ErrorBody>());
    let mut paths = Map::new();
    for endpoint in endpoints {
        let path = paths.entry(&endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_lowercase()] = operation(endpoint, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rollcall",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache 2.0", "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [
            {"url": "/"},
            {"url": "/functions/v1/api-gateway", "description": "The prefix that older recipes use."},
        ],
        "tags": tags(endpoints),
        "paths": paths,
        "components": {
            "securitySchemes": {"key": key()},
            "headers": headers::components(),
            "schemas": schemas.components(),
        },
    })
}

/// Endpoints of one method and path as one.
fn united(endpoints: Vec<Described>) -> Vec<Described> {
    let mut united: Vec<Described> = Vec::new();
    for endpoint in endpoints {
        match united.last_mut() {
            Some(last) if (&last.path, &last.method) == (&endpoint.path, &endpoint.method) => {
                last.operation = std::mem::take(&mut last.operation).and(endpoint.operation);
            }
            _ => united.push(endpoint),
        }
    }
    united
}

fn key() -> Value {
    let scopes = Scope::ALL.map(|scope| format!("`{}`", scope.as_str())).join(", ");
    json!({
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "rchd_live_ and 40 hexadecimal digits",
        "description": format!(
            "A key of a workspace. It is good for one or more of {scopes}; `admin` includes the others but \
             `operator`. Each operation names the scope that it takes."
        ),
    })
}

/// What the operations are about, in the order in which they come.
fn tags(endpoints: &[Described]) -> Vec<Value> {
    let mut tags: Vec<Value> = Vec::new();
    for tag in endpoints.iter().map(|endpoint| json!({"name": tag(endpoint)})) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// The first noun of the path.
fn tag(endpoint: &Described) -> &str {
    match &endpoint.scope {
        Some(_) => endpoint.path.split('/').nth(2).unwrap_or_default(),
        None => "service",
    }
}

fn operation(endpoint: &Described, schemas: &mut Schemas) -> Value {
    let Described { operation, scope, path, .. } = endpoint;
    let of_path = path_parameters(path);
    let others = operation.parameters.iter().map(|given| parameter(given, schemas));
    let parameters: Vec<_> = of_path.into_iter().chain(others).collect();
    let mut responses = Map::new();
    for given in &operation.answers {
        responses.insert(given.status.to_string(), answer(endpoint, given, schemas));
    }
    responses.extend(errors::answers(endpoint, schemas));
    let mut written = json!({
        "operationId": operation.id,
        "tags": [tag(endpoint)],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if !operation.description.is_empty() {
        written["description"] = json!(operation.description);
    }
    if !operation.bodies.is_empty() {
        let content = contents(&operation.bodies, |schemas, of| schemas.sent(of), schemas);
        written["requestBody"] = json!({"required": true, "content": content});
    }
    match scope {
        Some(scope) => written["security"] = json!([{"key": [scope]}]),
        None => {
            written["security"] = json!([]);
            // They are not served under the older prefix.
            written["servers"] = json!([{"url": "/"}]);
        }
    }
    written
}

/// The ids in a path, which say by the word before them what they name.
fn path_parameters(path: &str) -> Vec<Value> {
    let words: Vec<_> = path.split('/').collect();
    let named = words.iter().zip(&words[1..]).filter_map(|(before, word)| {
        let name = word.strip_prefix('{')?.strip_suffix('}')?;
        // What a publisher calls its message is not ours to choose.
        let schema = match name {
            "message_id" => json!({"type": "string"}),
            _ => json!({"type": "string", "format": "uuid"}),
        };
        Some(json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": format!("The {}'s id.", before.trim_end_matches('s')),
            "schema": schema,
        }))
    });
    named.collect()
}

fn parameter(given: &Parameter, schemas: &mut Schemas) -> Value {
    let Parameter { place, name, description, schema } = given;
    let schema = shape(schema, |schemas, of| schemas.sent(of), schemas);
    let mut written =
        json!({"name": name, "in": place, "description": description, "schema": schema});
    if *place == "query" {
        // See `crate::extract::query`.
        written["allowEmptyValue"] = json!(true);
    }
    written
}

fn answer(endpoint: &Described, answer: &Answer, schemas: &mut Schemas) -> Value {
    let mut written = json!({
        "description": answer.description,
        "headers": headers::of_answer(endpoint, answer),
    });
    if !answer.contents.is_empty() {
        written["content"] =
            contents(&answer.contents, |schemas, of| schemas.answered(of), schemas);
    }
    written
}

/// One way of the two that [`Schemas`] has.
type Way = fn(&mut Schemas, Type) -> Value;

fn contents(contents: &[Content], way: Way, schemas: &mut Schemas) -> Value {
    let content = |Content { media_type, schema, example }: &Content| {
        let schema = shape(schema, way, schemas);
        ((*media_type).to_owned(), json!({"schema": schema, "example": example}))
    };
    contents.iter().map(content).collect::<Map<_, _>>().into()
}

fn shape(schema: &Schema, way: Way, schemas: &mut Schemas) -> Value {
    let object = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties});
    match schema {
        Schema::Literal(value) => value.clone(),
        Schema::Of(of) => way(schemas, *of),
        Schema::Requiring(of, members) => {
            let there: Map<_, _> = members
                .iter()
                .map(|name| ((*name).to_owned(), json!({"not": {"type": "null"}})))
                .collect();
            json!({"allOf": [way(schemas, *of), object(members, there.into())]})
        }
        Schema::Both(both) => {
            let both: Vec<_> = both.iter().map(|one| shape(one, way, schemas)).collect();
            json!({"allOf": both})
        }
        Schema::Data(of) => object(&["data"], json!({"data": way(schemas, *of)})),
        Schema::Page(of) => {
            let rows = json!({"type": "array", "items": way(schemas, *of)});
            let meta = way(schemas, schemas::of::<Meta>());
            object(&["data", "meta"], json!({"data": rows, "meta": meta}))
        }
    }
}
