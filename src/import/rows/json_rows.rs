//! The rows of an NDJSON or JSON file.

use std::borrow::Cow;

use serde_json::value::RawValue;
use shared::entry::{Members, OBJECT_FIELDS};

use super::{
    Row,
    json_text::{Lines, Value, Values},
};
use crate::import::{
    mapping::{ERROR_COLUMN, Entry, Mapping, ROW_COLUMN},
    source::Input,
};

/// Reads row by row.
pub struct JsonRows {
    text: Text,
    mapping: Mapping,
}

enum Text {
    Lines(Lines),
    Values(Values),
}

impl JsonRows {
    /// One object a line.
    pub(super) fn lines(input: Input, mapping: Mapping) -> Self {
        Self { text: Text::Lines(Lines::new(input)), mapping }
    }

    /// An array of objects, or one object after the other.
    pub(super) fn values(input: Input, mapping: Mapping) -> Self {
        Self { text: Text::Values(Values::new(input)), mapping }
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Option<Row>> {
        let next = match &mut self.text {
            Text::Lines(lines) => lines.next(),
            Text::Values(values) => values.next(),
        };
        Ok(next?.map(|value| row(&mut self.mapping, &value)))
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }
}

fn row(mapping: &mut Mapping, (line, text): &Value) -> Row {
    let line = *line;
    let Ok(Members(fields)) = serde_json::from_str(text) else {
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let problem = if valid { "the row is no JSON object" } else { "the row is not valid JSON" };
        let row = serde_json::Value::from(text.trim());
        let original = format!("\"{ROW_COLUMN}\":{row}");
        return Row { line, entry: Err(problem.to_owned()), original };
    };
    let entry = Ok(entry(mapping, &fields));
    let kept = fields.iter().filter(|(name, _)| name != ERROR_COLUMN);
    let kept = kept.map(|(name, value)| {
        // Line breaks stand between tokens alone.
        let value = value.get().replace(['\n', '\r'], " ");
        format!("{}:{value}", serde_json::Value::from(name.as_str()))
    });
    Row { line, entry, original: kept.collect::<Vec<_>>().join(",") }
}

fn entry(mapping: &mut Mapping, fields: &[(String, &RawValue)]) -> String {
    let mut cells = Vec::new();
    for (name, value) in fields {
        match serde_json::from_str(value.get()) {
            Ok(Members(members)) if OBJECT_FIELDS.contains(&name.as_str()) => {
                let member = |(member, value)| (Cow::from(format!("{name}.{member}")), value);
                cells.extend(members.into_iter().map(member));
            }
            _ => cells.push((Cow::from(name), *value)),
        }
    }
    let columns: Vec<_> = cells.iter().map(|(name, _)| mapping.find_or_add(name)).collect();
    let cells = columns.into_iter().zip(cells);
    let cells = cells.filter(|(_, (_, value))| !is_blank(value));
    let placed = cells.filter_map(|(column, (_, value))| Some((mapping.place(column?)?, value)));
    let mut placed: Vec<_> = placed.collect();
    placed.sort_by_key(|((_, rank), _)| *rank);
    let mut entry = Entry::default();
    for ((target, _), value) in placed {
        entry.offer(target, value.get());
    }
    entry.to_json()
}

fn is_blank(value: &RawValue) -> bool {
    let text = value.get();
    text == "null"
        || text.strip_prefix('"').is_some_and(|text| text.trim_end_matches('"').trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Result<String, String>, String) {
        let mut mapping = Mapping::new(vec!["tier=custom_variables.plan".parse().expect("a map")]);
        let row = row(&mut mapping, &(1, text.to_owned()));
        (row.entry, row.original)
    }

    #[test]
    fn an_object() {
        let (entry, original) = read(
            "{\"Mobile\": \"+1\", \"phone\": \"\", \"E-mail\": 1e999, \"x\": [1,\n2], \"rollcall_error\": \"old\",
              \"custom_variables\": {\"a\": {\"b\": 1}}, \"tier\": true}",
        );
        let expected =
            r#"{"email":1e999,"phone":"+1","custom_variables":{"plan":true,"a":{"b": 1}}}"#;
        assert_eq!(entry, Ok(expected.to_owned()));
        let expected = concat!(
            r#""Mobile":"+1","phone":"","E-mail":1e999,"x":[1, 2],"#,
            r#""custom_variables":{"a": {"b": 1}},"tier":true"#
        );
        assert_eq!(original, expected);
    }

    #[test]
    fn what_is_no_object() {
        let (entry, original) = read("[1]");
        assert!(entry.is_err_and(|error| error.contains("object")));
        assert_eq!(original, r#""rollcall_row":"[1]""#);
        assert!(read("{\"a\":").0.is_err_and(|error| error.contains("valid")));
    }
}
