//! Which errors an endpoint may answer, and what is said of each.

use std::collections::BTreeMap;

use schemars::schema_for;
use serde_json::{Value, json};
use shared::contract::ErrorCode;

use super::{
    headers,
    operation::Described,
    schemas::{self, Schemas},
};
use crate::error::status;

/// The error answers of an endpoint, by status: those that follow from the shape of its request, and
/// those that it names itself.
pub fn answers(endpoint: &Described, schemas: &mut Schemas) -> BTreeMap<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes(endpoint) {
        let codes = by_status.entry(status(code).as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status.to_string(), answer(endpoint, status, &codes, schemas)))
        .collect()
}

fn codes(endpoint: &Described) -> Vec<ErrorCode> {
    let Described { path, scope, operation, .. } = endpoint;
    let mut codes = operation.errors.clone();
    if scope.is_some() {
        codes.extend([
            ErrorCode::Unauthorized,
            ErrorCode::Forbidden,
            ErrorCode::RateLimited,
            ErrorCode::Internal,
            ErrorCode::Unavailable,
        ]);
    }
    if path.contains('{') {
        codes.extend([ErrorCode::BadRequest, ErrorCode::NotFound]);
    }
    if !operation.parameters.is_empty() {
        codes.push(ErrorCode::BadRequest);
    }
    if !operation.bodies.is_empty() {
        codes.extend([
            ErrorCode::BadRequest,
            ErrorCode::PayloadTooLarge,
            ErrorCode::UnsupportedMediaType,
        ]);
    }
    codes
}

fn answer(endpoint: &Described, status: u16, codes: &[ErrorCode], schemas: &mut Schemas) -> Value {
    let body = schemas.answered(schemas::of::<shared::contract::ErrorBody>());
    let error = json!({"allOf": [body, {"properties": {"code": {"enum": codes}}}]});
    let mut properties = json!({"error": error});
    for (name, of) in &endpoint.operation.beside_errors {
        properties[*name] = schemas.answered(*of);
    }
    let texts: Vec<_> = codes.iter().map(|code| meaning(*code)).collect();
    let schema = json!({"type": "object", "required": ["error"], "properties": properties});
    json!({
        "description": texts.join(" "),
        "headers": headers::of_error(endpoint, status),
        "content": {"application/json": {"schema": schema}},
    })
}

/// What the code's own documentation says, without the status that it begins with.
fn meaning(code: ErrorCode) -> String {
    let schema = schema_for!(ErrorCode);
    let variants = schema.get("oneOf").and_then(Value::as_array);
    let variant = variants.into_iter().flatten().find(|variant| variant["const"] == json!(code));
    let text = variant.and_then(|variant| variant["description"].as_str()).unwrap_or_default();
    let text = text.split_once(": ").map_or(text, |(_, text)| text);
    format!("`{}`: {text}", json!(code).as_str().unwrap_or_default())
}
