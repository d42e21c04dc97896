//! The headers of answers.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Described};

const LIMITS: [&str; 5] = [
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit",
    "RateLimit-Policy",
];

/// All that there are. Those that are required stand in every answer that names them.
pub fn components() -> Value {
    let header = |description: &str, required: bool, schema: Value| json!({"description": description, "required": required, "schema": schema});
    let number = || json!({"type": "integer", "minimum": 0});
    let text = || json!({"type": "string"});
    json!({
        "X-Request-Id": header("Names the request, as the caller did, or anew.", true, text()),
        "X-RateLimit-Limit": header("Requests that the key may send in a minute.", true, number()),
        "X-RateLimit-Remaining": header("Requests that may follow at once.", true, number()),
        "X-RateLimit-Reset":
            header("When the whole limit is there again, in Unix seconds.", true, number()),
        "RateLimit": header(
            "The same by the IETF draft; absent where there is no limit.", false, text()),
        "RateLimit-Policy": header(
            "The limit by the IETF draft; absent where there is none.", false, text()),
        "Retry-After": header("Seconds after which a retry makes sense.", true, number()),
        "Idempotent-Replayed": header(
            "The request was sent before, and this is its answer.", false,
            json!({"type": "string", "const": "true"})),
        "Location": header(
            "Where the new thing is.", true, json!({"type": "string", "format": "uri-reference"})),
        "Preference-Applied": header("What was preferred and is done.", true, text()),
    })
}

/// Those of an answer that is no error.
pub fn of_answer(endpoint: &Described, answer: &Answer) -> Value {
    let replayed = endpoint.operation.idempotent.then_some("Idempotent-Replayed");
    named(answer.headers.iter().copied().chain(replayed), endpoint.scope.is_some())
}

/// Those of an error.
pub fn of_error(endpoint: &Described, status: u16) -> Value {
    let retry = matches!(status, 429 | 503).then_some("Retry-After");
    // Without a known key there is no limit to tell of.
    let known = endpoint.scope.is_some() && !matches!(status, 401 | 500 | 503);
    named(retry.into_iter(), known)
}

fn named(names: impl Iterator<Item = &'static str>, limits: bool) -> Value {
    let limits = LIMITS.into_iter().filter(|_| limits);
    let names = ["X-Request-Id"].into_iter().chain(names).chain(limits);
    let refer = |name| json!({"$ref": format!("#/components/headers/{name}")});
    names.map(|name| (name.to_owned(), refer(name))).collect::<Map<_, _>>().into()
}
