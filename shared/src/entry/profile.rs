//! The fields of a lead beside its identifiers.

use std::fmt;

use super::{JsonObject, OBJECT_FIELDS, masked};

/// A field of the [`Profile`]: its name in JSON and in the database, and its bound.
#[derive(Debug, PartialEq, Eq)]
pub struct ProfileField {
    /// Its name.
    pub name: &'static str,
    /// The most characters it may hold (contract section 2).
    pub max_chars: usize,
}

/// The profile fields, in the order of the contract and of every SQL statement.
pub const PROFILE_FIELDS: [ProfileField; 5] = [
    ProfileField { name: "first_name", max_chars: 255 },
    ProfileField { name: "last_name", max_chars: 255 },
    ProfileField { name: "company_name", max_chars: 255 },
    ProfileField { name: "title", max_chars: 255 },
    ProfileField { name: "linkedin_url", max_chars: 2_048 },
];

/// The text fields of the [`Details`], in the order of every SQL statement.
pub const DETAIL_FIELDS: [ProfileField; 3] = [
    ProfileField { name: "company_website", max_chars: 2_048 },
    ProfileField { name: "job_description", max_chars: 10_000 },
    ProfileField { name: "company_size", max_chars: 255 },
];

/// A lead's profile: one optional value for each of [`PROFILE_FIELDS`], never blank.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile(pub [Option<String>; PROFILE_FIELDS.len()]);

/// What few entries bring, and what can be large. The pipeline reads and writes it only where an entry
/// brings some.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// One optional value for each of [`DETAIL_FIELDS`], never blank.
    pub texts: [Option<String>; DETAIL_FIELDS.len()],
    /// One optional object for each of [`OBJECT_FIELDS`].
    pub objects: [Option<JsonObject>; OBJECT_FIELDS.len()],
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(shown(&PROFILE_FIELDS, &self.0)).finish()
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = OBJECT_FIELDS.iter().zip(&self.objects);
        f.debug_map()
            .entries(shown(&DETAIL_FIELDS, &self.texts))
            .entries(objects.filter_map(|(name, object)| Some((name, object.as_ref()?))))
            .finish()
    }
}

/// A text as logs may show it.
struct Masked<'a>(&'a str);

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(self.0, f)
    }
}

fn shown<'a>(
    fields: &'a [ProfileField],
    values: &'a [Option<String>],
) -> impl Iterator<Item = (&'static str, Masked<'a>)> {
    fields
        .iter()
        .zip(values)
        .filter_map(|(field, value)| Some((field.name, Masked(value.as_ref()?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_them() {
        let text = |text: &str| Some(text.to_owned());
        let profile = Profile([text("Ann"), None, None, text("CEO"), None]);
        assert_eq!(format!("{profile:?}"), r#"{"first_name": A…(3), "title": C…(3)}"#);
        let metadata = JsonObject::from_stored(r#"{"secret":"secret"}"#);
        let details = Details { texts: [None, None, text("11-50")], objects: [None, metadata] };
        assert_eq!(format!("{details:?}"), r#"{"company_size": 1…(5), "metadata": {…}(1)}"#);
    }
}
