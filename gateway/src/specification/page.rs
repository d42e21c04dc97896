//! The specification as a page to read: no script, nothing loaded from elsewhere.

mod operation;
mod schema;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page/style.css");

/// The page, as it is served.
pub struct Page {
    /// It whole.
    pub html: Bytes,
    /// Its Content-Security-Policy: nothing but its own style.
    pub policy: String,
}

impl Page {
    /// The page of an OpenAPI document.
    pub fn of(document: &Value) -> Self {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        Self {
            html: whole(document).into_string().into(),
            policy: format!(
                "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'"
            ),
        }
    }
}

fn whole(document: &Value) -> Markup {
    let title = text(&document["info"]["title"]);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " API" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                nav { (contents(document)) }
                main {
                    h1 { (title) " API " small { (text(&document["info"]["version"])) } }
                    (paragraphs(&document["info"]["description"]))
                    (start(document))
                    @for (path, method, operation) in operations(document) {
                        (operation::section(document, path, method, operation))
                    }
                    h2 id="types" { "Types" }
                    @for (name, schema) in members(&document["components"]["schemas"]) {
                        section id={ "type-" (name) } {
                            h3 { (name) }
                            (schema::whole(schema))
                        }
                    }
                }
            }
        }
    }
}

/// The list of all operations, by what they are about.
fn contents(document: &Value) -> Markup {
    html! {
        @for tag in document["tags"].as_array().into_iter().flatten() {
            h2 { (text(&tag["name"])) }
            ul {
                @for (_, method, operation) in operations(document) {
                    @if operation["tags"][0] == tag["name"] {
                        li { a href={ "#" (text(&operation["operationId"])) } {
                            (text(&operation["summary"])) " " (badge(method))
                        } }
                    }
                }
            }
        }
        ul { li { a href="#types" { "Types" } } }
    }
}

/// What every request has to bring.
fn start(document: &Value) -> Markup {
    html! {
        h2 { "Start" }
        p { "The document itself is at " a href="/openapi.json" { "/openapi.json" }
            ", that of the queue at " a href="/asyncapi.json" { "/asyncapi.json" }
            ". The examples below run in a shell after" }
        pre { "ROLLCALL=http://127.0.0.1:8080\nKEY=rchd_live_…" }
        (paragraphs(&document["components"]["securitySchemes"]["key"]["description"]))
        h3 { "Headers of answers" }
        dl {
            @for (name, header) in members(&document["components"]["headers"]) {
                dt { code { (name) } }
                dd { (inline(text(&header["description"]))) }
            }
        }
    }
}

fn badge(method: &str) -> Markup {
    html! { span class={ "method " (method) } { (method.to_uppercase()) } }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// Path, method and the rest of each operation, in the order of the table of contents.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let tags = document["tags"].as_array();
    let all = || {
        members(&document["paths"]).flat_map(|(path, item)| {
            members(item)
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
    };
    let of_tag = |tag: &Value| {
        let name = tag["name"].clone();
        all().filter(move |(_, _, operation)| operation["tags"][0] == name)
    };
    tags.into_iter().flatten().flat_map(of_tag).collect()
}

/// Text with paragraphs between blank lines.
fn paragraphs(value: &Value) -> Markup {
    html! {
        @for paragraph in text(value).split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            p { (inline(paragraph)) }
        }
    }
}

/// Text in which code stands between backticks.
fn inline(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
