//! AsyncAPI 3.0 of the queue (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>).

use serde_json::{Value, json};
use shared::{
    bus::{Queue, REASON_HEADER, SOURCE_HEADER, rabbit::EXCHANGE},
    contract::{Submission, SubmissionResults},
    origin::{MAX_REQUEST_ID, REQUEST_ID_HEADER, TRACEPARENT_HEADER},
};

use super::schemas::{self, Schemas};

const ABOUT: &str = "\
Internal services publish submissions straight to RabbitMQ and get the results that callers over HTTP get, by the same \
code. A submission is known by its id: publish it again whenever you are not sure. Publish persistently, as a user that \
may write to the exchange and nothing else.";

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let submission = schemas.sent(schemas::of::<Submission<'_>>());
    let results = schemas.answered(schemas::of::<SubmissionResults>());
    let submissions = json!({
        "type": "object",
        "required": ["submissions"],
        "properties": {"submissions": {"type": "array", "minItems": 1, "items": submission}},
    });
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rollcall",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache 2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {"host": "localhost:5672", "protocol": "amqp", "description": "RabbitMQ 3.10 or later."},
        },
        "channels": {
            "submitted": {
                "address": Queue::Submitted.name(),
                "description": "The door: publish with the address as the routing key.",
                "messages": {"submissions": {"$ref": "#/components/messages/submissions"}},
                "bindings": {"amqp": exchange()},
            },
            "replies": {
                "address": null,
                "description": "The queue that `reply_to` names, by the default exchange. It must not be one of \
                                Rollcall's own.",
                "messages": {"results": {"$ref": "#/components/messages/results"}},
            },
            "deadLetters": {
                "address": Queue::DeadLetters.name(),
                "description": "What could not be read, and what the services failed on again and again.",
                "messages": {"deadLetter": {"$ref": "#/components/messages/deadLetter"}},
                "bindings": {"amqp": queue(Queue::DeadLetters)},
            },
        },
        "operations": {
            "submit": {
                "action": "receive",
                "summary": "Add leads to campaigns.",
                "channel": {"$ref": "#/channels/submitted"},
                "messages": [{"$ref": "#/channels/submitted/messages/submissions"}],
                "bindings": {"amqp": {"deliveryMode": 2, "bindingVersion": "0.3.0"}},
                "reply": {
                    "address": {"location": "$message.header#/reply_to"},
                    "channel": {"$ref": "#/channels/replies"},
                    "messages": [{"$ref": "#/channels/replies/messages/results"}],
                },
            },
            "putAside": {
                "action": "send",
                "summary": "Keep what nobody could work on, for `rollcall dead-letters`.",
                "channel": {"$ref": "#/channels/deadLetters"},
                "messages": [{"$ref": "#/channels/deadLetters/messages/deadLetter"}],
            },
        },
        "components": {
            "messages": {
                "submissions": {
                    "summary": "Submissions, each for one campaign.",
                    "headers": properties(),
                    "correlationId": {"$ref": "#/components/correlationIds/publishers"},
                    "payload": submissions,
                    "examples": [{"payload": example()}],
                },
                "results": {
                    "summary": "What became of each submission, in their order.",
                    "correlationId": {"$ref": "#/components/correlationIds/publishers"},
                    "payload": results,
                    "examples": [{"payload": example_of_results()}],
                },
                "deadLetter": {
                    "summary": "A message as it came, with why it is here.",
                    "headers": {
                        "type": "object",
                        "properties": {
                            REASON_HEADER: {"type": "string", "description": "Why nobody could work on it."},
                            SOURCE_HEADER: {"type": "string", "description": "The queue that it was in."},
                        },
                    },
                    "payload": {"description": "Whatever was published."},
                },
            },
            "correlationIds": {
                "publishers": {
                    "description": "The publisher's `correlation_id`, echoed.",
                    "location": "$message.header#/correlation_id",
                },
            },
            "schemas": schemas.components(),
        },
    })
}

fn exchange() -> Value {
    let exchange = json!({"name": EXCHANGE, "type": "topic", "durable": true, "autoDelete": false});
    json!({"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"})
}

fn queue(queue: Queue) -> Value {
    let queue = json!({
        "name": queue.name(), "durable": queue.durable(), "exclusive": false, "autoDelete": false,
    });
    json!({"is": "queue", "queue": queue, "bindingVersion": "0.3.0"})
}

/// What AMQP calls properties, and its headers.
fn properties() -> Value {
    json!({
        "type": "object",
        "properties": {
            "reply_to": {"type": "string", "description": "Where to send the results, where they are wanted."},
            "correlation_id": {"type": "string"},
            TRACEPARENT_HEADER: {
                "type": "string",
                "description": "W3C Trace Context: the span that all submissions are part of which name none.",
            },
            REQUEST_ID_HEADER: {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_REQUEST_ID,
                "description": "Names the request in logs and traces, for all submissions that have no name of \
                                their own. Visible ASCII.",
            },
        },
    })
}

fn example() -> Value {
    json!({"submissions": [{
        "id": "01a207e9-6b41-7024-b60b-8ad970de1db1",
        "workspace_id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "campaign_id": "01a207e9-6b12-77d9-b6e3-dece86a4491b",
        "merge": "fill",
        "leads": [{"phone": "+15551234567", "email": "ann@example.com"}],
    }]})
}

fn example_of_results() -> Value {
    json!({"results": [{
        "submission_id": "01a207e9-6b41-7024-b60b-8ad970de1db1",
        "campaign_id": "01a207e9-6b12-77d9-b6e3-dece86a4491b",
        "results": [{
            "index": 0, "lead_id": "01a207e9-6b41-7024-b60b-8ad8e5bda88f", "status": "added", "created": true,
            "matched_by": null,
        }],
        "summary": {
            "total": 1, "added": 1, "already_in_campaign": 0, "failed": 0, "suppressed": 0, "skipped": 0,
        },
    }]})
}
