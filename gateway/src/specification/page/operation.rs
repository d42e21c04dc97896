//! One operation on the page.

use maud::{Markup, html};
use serde_json::Value;

use super::{badge, inline, members, paragraphs, schema, text};

/// All about an operation.
pub(super) fn section(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    html! {
        section id=(text(&operation["operationId"])) {
            h3 { (text(&operation["summary"])) }
            p.route {
                (badge(method)) " " code { (path) }
                @if let Some(scope) = operation["security"][0]["key"][0].as_str() {
                    " " span.scope { "scope " (scope) }
                }
            }
            (paragraphs(&operation["description"]))
            (parameters(operation))
            @for (media_type, content) in members(&operation["requestBody"]["content"]) {
                h4 { "Body " small { (media_type) } }
                (schema::fields(document, &content["schema"]))
            }
            pre { (curl(path, method, operation)) }
            h4 { "Answers" }
            @for (status, response) in members(&operation["responses"]) {
                @if status.starts_with('2') { (answer(document, status, response)) }
            }
            details {
                summary { "Errors" }
                dl {
                    @for (status, response) in members(&operation["responses"]) {
                        @if !status.starts_with('2') {
                            dt { (status) }
                            dd { (inline(text(&response["description"]))) }
                        }
                    }
                }
            }
        }
    }
}

fn parameters(operation: &Value) -> Markup {
    let parameters = operation["parameters"].as_array();
    html! {
        @if parameters.is_some_and(|parameters| !parameters.is_empty()) {
            h4 { "Parameters" }
            dl {
                @for parameter in parameters.into_iter().flatten() {
                    dt {
                        code { (text(&parameter["name"])) } " "
                        small { (text(&parameter["in"])) " · " (schema::kind(&parameter["schema"])) }
                    }
                    dd { (inline(text(&parameter["description"]))) }
                }
            }
        }
    }
}

fn answer(document: &Value, status: &str, response: &Value) -> Markup {
    html! {
        p { strong { (status) } " " (inline(text(&response["description"]))) }
        @for (media_type, content) in members(&response["content"]) {
            details {
                summary { "Example and fields " small { (media_type) } }
                pre { (pretty(&content["example"])) }
                (schema::fields(document, &content["schema"]))
            }
        }
    }
}

/// A line for a shell.
fn curl(path: &str, method: &str, operation: &Value) -> String {
    let mut line = String::from("curl");
    if method != "get" {
        line += &format!(" -X {}", method.to_uppercase());
    }
    // Each id is a variable of the shell.
    let word = |word: &str| match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
        Some(name) => format!("${}", name.to_uppercase()),
        None => word.to_owned(),
    };
    let path: Vec<_> = path.split('/').map(word).collect();
    line += &format!(" \"$ROLLCALL{}\"", path.join("/"));
    if operation["security"].as_array().is_some_and(|keys| !keys.is_empty()) {
        line += " \\\n  -H \"Authorization: Bearer $KEY\"";
    }
    let body = members(&operation["requestBody"]["content"]).next();
    if let Some((media_type, content)) = body {
        let body = pretty(&content["example"]).replace('\'', r"'\''");
        line += &format!(" \\\n  -H 'Content-Type: {media_type}' \\\n  -d '{body}'");
    }
    line
}

/// JSON over several lines, anything else as it is.
fn pretty(example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        json => serde_json::to_string_pretty(json).unwrap_or_default(),
    }
}
