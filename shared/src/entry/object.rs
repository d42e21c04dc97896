//! JSON objects of the caller's own making, kept exactly.
//!
//! `serde_json` would read numbers as `f64` and so round 2^53 + 1. Here every value stays text: it is
//! checked against bounds, and written in one form, the one that PostgreSQL's `jsonb` keeps.

mod canonical;

use std::{collections::BTreeMap, fmt};

use serde_json::value::RawValue;

use super::{EntryError, EntryErrorCode};
use canonical::{MAX_BYTES, MAX_KEYS, Problem, canonical, checked_members, members};

/// The names of the fields that hold such objects, in the order of every SQL statement.
pub const OBJECT_FIELDS: [&str; 2] = ["custom_variables", "metadata"];

/// How much longer than [`MAX_BYTES`] an object may be as it came, with white space and escapes.
const MAX_PADDING: usize = 8;

/// An object, never empty: its keys, each with its value as compact JSON. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonObject(BTreeMap<String, String>);

impl JsonObject {
    /// Parses the object of a field. `None` where it is blank: `null`, `""`, white space, or `{}`.
    ///
    /// # Errors
    /// `invalid_field` when it is no object, or one that is out of bounds or cannot be kept exactly.
    pub fn parse(field: &'static str, raw: &RawValue) -> Result<Option<Self>, EntryError> {
        if is_blank(raw.get()) {
            return Ok(None);
        }
        Self::read(raw).map_err(|problem| problem.of(field))
    }

    fn read(raw: &RawValue) -> Result<Option<Self>, Problem> {
        if !raw.get().starts_with('{') {
            return Err(Problem::NoObject);
        }
        if raw.get().len() > MAX_BYTES * MAX_PADDING {
            return Err(Problem::TooLarge);
        }
        let mut object = BTreeMap::new();
        for (key, value) in checked_members(raw)? {
            object.insert(key, canonical(value, 1)?);
        }
        let object = Self(object);
        object.bounded()?;
        Ok(Some(object).filter(|object| !object.0.is_empty()))
    }

    /// Takes back what the database holds. Values beyond today's bounds are kept as they stand.
    pub fn from_stored(json: &str) -> Option<Self> {
        let members = members(serde_json::from_str(json).ok()?).ok()?;
        let member = |(key, value): (String, &RawValue)| {
            (key, canonical(value, 1).unwrap_or_else(|_| value.get().to_owned()))
        };
        let object: BTreeMap<_, _> = members.into_iter().map(member).collect();
        Some(Self(object)).filter(|object| !object.0.is_empty())
    }

    /// The object as compact JSON.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.bytes());
        let mut before = '{';
        for (key, value) in &self.0 {
            json.push(before);
            json.push_str(&canonical::string(key));
            json.push(':');
            json.push_str(value);
            before = ',';
        }
        json.push('}');
        json
    }

    /// Lets these values join. `follows` says of a key that is there whether it may be replaced, given
    /// whether it has a value; a blank replaces nothing.
    pub fn merge(&mut self, brought: &Self, follows: impl Fn(bool) -> bool) {
        for (key, value) in &brought.0 {
            match self.0.get_mut(key) {
                None => {
                    self.0.insert(key.clone(), value.clone());
                }
                Some(has) if !is_blank(value) && follows(!is_blank(has)) => has.clone_from(value),
                Some(_) => {}
            }
        }
    }

    /// Sets these keys, and removes those whose new value is `null`. `None` when nothing is left.
    #[must_use]
    pub fn patched(mut self, changes: &Self) -> Option<Self> {
        for (key, value) in &changes.0 {
            if value == "null" {
                self.0.remove(key);
            } else {
                self.0.insert(key.clone(), value.clone());
            }
        }
        Some(self).filter(|object| !object.0.is_empty())
    }

    /// The object without the keys whose value is `null`; `None` when nothing is left.
    #[must_use]
    pub fn without_nulls(mut self) -> Option<Self> {
        self.0.retain(|_, value| value != "null");
        Some(self).filter(|object| !object.0.is_empty())
    }

    /// Refuses what grew beyond the bounds by joining.
    ///
    /// # Errors
    /// `invalid_field` when the object has too many keys or bytes.
    pub fn check(&self, field: &'static str) -> Result<(), EntryError> {
        self.bounded().map_err(|problem| problem.of(field))
    }

    fn bounded(&self) -> Result<(), Problem> {
        if self.0.len() > MAX_KEYS {
            Err(Problem::TooManyKeys)
        } else if self.bytes() > MAX_BYTES {
            Err(Problem::TooLarge)
        } else {
            Ok(())
        }
    }

    /// The length of [`JsonObject::to_json`], but for what keys need in escapes.
    fn bytes(&self) -> usize {
        let member = |(key, value): (&String, &String)| key.len() + value.len() + 4;
        1 + self.0.iter().map(member).sum::<usize>()
    }
}

/// Whether a value is blank (contract section 2).
fn is_blank(json: &str) -> bool {
    json == "null"
        || (json.starts_with('"')
            && serde_json::from_str::<String>(json).is_ok_and(|text| text.trim().is_empty()))
}

impl Problem {
    fn of(self, field: &'static str) -> EntryError {
        let problem = format!("{field} {self}");
        EntryError::field(EntryErrorCode::InvalidField, field, problem)
    }
}

impl fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{…}}({})", self.0.len())
    }
}

#[cfg(test)]
mod tests;
