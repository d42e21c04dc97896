//! JSON objects, one level deep.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of a JSON object in the order in which they came, each value unread. A name that
/// stands twice is there twice.
#[derive(Default)]
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> serde_json::Result<Vec<(String, &str)>> {
        let Members(members) = serde_json::from_str(json)?;
        Ok(members.into_iter().map(|(name, value)| (name, value.get())).collect())
    }

    #[test]
    fn order_and_text_are_kept() {
        let read =
            members(r#" {"b": 1e999, "\u0061":[ 1 ], "b": {"c":"\ud800"}} "#).expect("an object");
        let expected = [("b", "1e999"), ("a", "[ 1 ]"), ("b", r#"{"c":"\ud800"}"#)];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn nothing_else_has_members() {
        assert!(members("{}").expect("an object").is_empty());
        for json in ["[]", "null", "1", "\"{}\"", "{\"a\":1", "{\"\\ud800\":1}", ""] {
            assert!(members(json).is_err(), "{json}");
        }
    }
}
