//! The fields of a lead beside its identifiers.

use std::fmt;

use super::masked;

/// A field of the [`Profile`]: its name in JSON and in the database, and its bound.
#[derive(Debug, PartialEq, Eq)]
pub struct ProfileField {
    /// Its name.
    pub name: &'static str,
    /// The most characters it may hold (contract section 2).
    pub max_chars: usize,
}

/// All profile fields, in the order of the contract and of every SQL statement.
pub const PROFILE_FIELDS: [ProfileField; 5] = [
    ProfileField { name: "first_name", max_chars: 255 },
    ProfileField { name: "last_name", max_chars: 255 },
    ProfileField { name: "company_name", max_chars: 255 },
    ProfileField { name: "title", max_chars: 255 },
    ProfileField { name: "linkedin_url", max_chars: 2_048 },
];

/// A lead's profile: one optional value for each of [`PROFILE_FIELDS`], never blank.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile(pub [Option<String>; PROFILE_FIELDS.len()]);

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Masked<'a>(&'a str);
        impl fmt::Debug for Masked<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                masked(self.0, f)
            }
        }
        f.debug_map()
            .entries(
                PROFILE_FIELDS
                    .iter()
                    .zip(&self.0)
                    .filter_map(|(field, value)| Some((field.name, Masked(value.as_ref()?)))),
            )
            .finish()
    }
}
