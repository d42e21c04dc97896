//! JSON Schemas of the types that callers write and read.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

/// A type by its schema.
pub type Type = fn(&mut SchemaGenerator) -> Schema;

/// The type as a value.
pub fn of<T: JsonSchema>() -> Type {
    SchemaGenerator::subschema_for::<T>
}

/// Gathers the schemas of all types that a document mentions.
pub struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    /// None yet.
    pub fn new() -> Self {
        // Both kinds of documents keep them here.
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            sent: settings.clone().for_deserialize().into_generator(),
            answered: settings.for_serialize().into_generator(),
        }
    }

    /// The schema of what callers send: what has a default may be missing.
    pub fn sent(&mut self, of: Type) -> Value {
        of(&mut self.sent).to_value()
    }

    /// The schema of what callers are answered.
    pub fn answered(&mut self, of: Type) -> Value {
        of(&mut self.answered).to_value()
    }

    /// What the schemas refer to.
    pub fn components(mut self) -> Map<String, Value> {
        let (mut all, answered) =
            (self.sent.take_definitions(true), self.answered.take_definitions(true));
        for (name, schema) in answered {
            let other = all.insert(name.clone(), schema);
            debug_assert!(
                other.is_none_or(|other| other == all[&name]),
                "{name} is both sent and answered, but not in one shape"
            );
        }
        all
    }
}
