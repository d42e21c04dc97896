//! The JSON of a lead's fields, as the published specifications describe it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::{DETAIL_FIELDS, LeadEntry, OBJECT_FIELDS, PROFILE_FIELDS, parse::REF};
use crate::contract::{LeadFields, NewSuppression};

impl JsonSchema for LeadEntry {
    fn schema_name() -> Cow<'static, str> {
        "LeadEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let id = json!({"type": ["string", "null"], "description": "A lead of the workspace, by its id: this decides."});
        let reference = json!({
            "type": ["string", "null"],
            "maxLength": REF.max_chars,
            "description": "What the caller calls the entry: told again in its result.",
        });
        object(
            "A lead by at least one of phone, email and lead_id. Each entry is judged on its own: one that is not as \
             described here is answered by an error in its place.",
            [("lead_id", id), ("ref", reference)],
        )
    }
}

impl JsonSchema for LeadFields {
    fn schema_name() -> Cow<'static, str> {
        "LeadFields".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let region = json!({
            "type": ["string", "null"],
            "description": "ISO 3166 alpha-2 region for a phone in national format.",
        });
        object("The fields of a lead.", [("default_region", region)])
    }
}

impl JsonSchema for NewSuppression {
    fn schema_name() -> Cow<'static, str> {
        "NewSuppression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text =
            |description: &str| json!({"type": ["string", "null"], "description": description});
        json_schema!({
            "type": "object",
            "description": "Either a phone or an email. One that is not as described here is answered by an error \
                            in its place.",
            "properties": {
                "phone": text("E.164; national formats with a default_region."),
                "email": text("An addr-spec, at most 254 characters; case does not matter."),
                "reason": text("Why, in at most 255 characters."),
            },
        })
    }
}

/// An object with the fields of a lead and others.
fn object<const N: usize>(description: &str, others: [(&str, Value); N]) -> Schema {
    let text = |description: &str| json!({"type": ["string", "null"], "description": description});
    let mut properties: Map<_, _> =
        others.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    properties.insert("phone".to_owned(), text("E.164; national formats with a default_region."));
    properties.insert(
        "email".to_owned(),
        text("An addr-spec, at most 254 characters; case does not matter."),
    );
    for field in PROFILE_FIELDS.iter().chain(&DETAIL_FIELDS) {
        let schema = json!({"type": ["string", "null"], "maxLength": field.max_chars});
        properties.insert(field.name.to_owned(), schema);
    }
    for field in OBJECT_FIELDS {
        let schema = json!({
            "type": ["object", "null", "string"],
            "description": "An object of the caller's own, at most 16 KiB; a string must be blank.",
        });
        properties.insert(field.to_owned(), schema);
    }
    json_schema!({"type": "object", "description": description, "properties": properties})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use schemars::schema_for;

    use super::*;
    use crate::entry::columns::{LEAD_ID, fields};

    /// And nothing else, under the names that generated clients know.
    #[test]
    fn all_that_is_read_is_described() {
        let lead = || fields().chain(OBJECT_FIELDS);
        let lead_alone = lead().filter(|field| *field != LEAD_ID).chain(["default_region"]);
        for (schema, name, read) in [
            (schema_for!(LeadEntry), "LeadEntry", lead().chain([REF.name]).collect()),
            (schema_for!(LeadFields), "LeadFields", lead_alone.collect()),
            (schema_for!(NewSuppression), "NewSuppression", ["phone", "email", "reason"].into()),
        ] {
            assert_eq!(schema.get("title"), Some(&json!(name)));
            let described = schema.get("properties").and_then(Value::as_object).expect(name);
            let described: BTreeSet<_> = described.keys().map(String::as_str).collect();
            assert_eq!(described, read, "{name}");
        }
    }
}
