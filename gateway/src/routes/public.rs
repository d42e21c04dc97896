//! What the specification says of the routes that need no key.

use actix_web::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use shared::contract::ErrorCode;

use crate::specification::{Content, Described, Operation};

/// How the gateway is.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// In a word.
    status: String,
}

/// All of them.
pub fn described() -> Vec<Described> {
    let all = [
        ("/health", health()),
        ("/ready", ready()),
        ("/openapi.json", openapi()),
        ("/asyncapi.json", asyncapi()),
        ("/docs", docs()),
        ("/console", console()),
    ];
    let described = |(path, operation): (&str, _)| Described {
        method: Method::GET,
        path: path.to_owned(),
        scope: None,
        operation,
    };
    all.map(described).into()
}

fn health() -> Operation {
    let content = Content::json::<Health>(json!({"status": "ok"}));
    Operation::new("health", "Say that the gateway lives").answer(200, "It lives.", [content])
}

fn ready() -> Operation {
    let content = Content::json::<Health>(json!({"status": "ready"}));
    Operation::new("ready", "Say whether broker and database are reached")
        .answer(200, "They are.", [content])
        .errors(&[ErrorCode::Unavailable])
}

fn openapi() -> Operation {
    let content = Content::object(json!({"openapi": "3.1.0"}));
    Operation::new("openapi", "Show this specification").answer(200, "OpenAPI 3.1.", [content])
}

fn asyncapi() -> Operation {
    let content = Content::object(json!({"asyncapi": "3.0.0"}));
    Operation::new("asyncapi", "Show the specification of the queue").answer(
        200,
        "AsyncAPI 3.0.",
        [content],
    )
}

fn docs() -> Operation {
    let content = Content::text("text/html", "<!DOCTYPE html>");
    Operation::new("docs", "Show this specification to people").answer(200, "A page.", [content])
}

fn console() -> Operation {
    let content = Content::text("text/html", "<!DOCTYPE html>");
    Operation::new("console", "Show the console")
        .description("A page for people who have a key. What it consists of lies below this path.")
        .answer(200, "A page.", [content])
}
