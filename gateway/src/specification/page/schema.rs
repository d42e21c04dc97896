//! JSON Schemas on the page, as lists of fields.

use maud::{Markup, html};
use serde_json::Value;

use super::{inline, members, text};

const COMPONENTS: &str = "#/components/schemas/";

/// A type with its description.
pub(super) fn whole(schema: &Value) -> Markup {
    html! {
        @if schema["description"].is_string() { p { (inline(text(&schema["description"]))) } }
        @if schema["properties"].is_object() { (list(schema)) }
        @else if schema["oneOf"].is_array() || schema["anyOf"].is_array() {
            @for one in alternatives(schema) {
                @if one["properties"].is_object() { p { "One of:" } (whole(one)) }
                @else { p { (kind(one)) " " (inline(text(&one["description"]))) } }
            }
        }
        @else { p { (kind(schema)) } }
    }
}

/// The fields of a body. Where it is a type by name, those of the type.
pub(super) fn fields(document: &Value, schema: &Value) -> Markup {
    let schema = resolved(document, &schema["allOf"][0]).unwrap_or(schema);
    let schema = resolved(document, schema).unwrap_or(schema);
    html! {
        @if schema["properties"].is_object() { (list(schema)) }
    }
}

fn list(schema: &Value) -> Markup {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|given| given == name))
    };
    html! {
        dl {
            @for (name, field) in members(&schema["properties"]) {
                dt {
                    code { (name) } " "
                    small { (kind(field)) @if required(name) { " · always" } }
                }
                dd { (inline(text(&field["description"]))) }
            }
        }
    }
}

/// What kind of value, in a few words, with a link where it is a type by name.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(name) = text(&schema["$ref"]).strip_prefix(COMPONENTS) {
        return html! { a href={ "#type-" (name) } { (name) } };
    }
    if !schema["const"].is_null() {
        return html! { code { (text(&schema["const"])) } };
    }
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        name => text(name).to_owned(),
    };
    html! {
        (names)
        @if schema["format"].is_string() { " " (text(&schema["format"])) }
        @if schema["items"].is_object() { " of " (kind(&schema["items"])) }
        @if let Some(longest) = schema["maxLength"].as_u64() { ", at most " (longest) " characters" }
        @for (place, one) in alternatives(schema).enumerate() {
            @if place > 0 { " or " }
            (kind(one))
        }
        @for (place, one) in schema["enum"].as_array().into_iter().flatten().enumerate() {
            @if place == 0 { ": " } @else { ", " }
            code { (text(one)) }
        }
    }
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|name| schema[name].as_array()).flatten()
}

/// The type that a reference names.
fn resolved<'a>(document: &'a Value, schema: &Value) -> Option<&'a Value> {
    let name = text(&schema["$ref"]).strip_prefix(COMPONENTS)?;
    document["components"]["schemas"].get(name)
}
