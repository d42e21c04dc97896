//! What a column can become.

use std::{fmt, str::FromStr};

use shared::entry::{
    OBJECT_FIELDS,
    columns::{EMAIL, LEAD_ID, PHONE, SYNONYMS, fields, plain},
};

/// What a column becomes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A field of the lead.
    Field(&'static str),
    /// What one of [`OBJECT_FIELDS`] has under this name, such as `custom_variables.plan`.
    Member(&'static str, String),
}

/// How a column came to its target; the smaller counts more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// By `--map`.
    Given,
    /// It has the target's own name.
    OwnName,
    /// It has a name that is known to mean the same.
    Synonym,
}

impl Target {
    /// What a column of this name is, and how sure that is.
    pub fn of_column(name: &str) -> Option<(Self, Rank)> {
        if let Some(member) = Self::member(name.trim()) {
            return Some((member, Rank::OwnName));
        }
        if name.trim().eq_ignore_ascii_case(LEAD_ID) {
            return Some((Self::Field(LEAD_ID), Rank::OwnName));
        }
        let name = plain(name);
        if let Some(field) = fields().find(|field| *field != LEAD_ID && plain(field) == name) {
            return Some((Self::Field(field), Rank::OwnName));
        }
        let known = |(_, synonyms): &&(_, &[&str])| synonyms.iter().any(|it| plain(it) == name);
        let (field, _) = SYNONYMS.iter().find(known)?;
        Some((Self::Field(field), Rank::Synonym))
    }

    fn member(name: &str) -> Option<Self> {
        let (object, name) = name.split_once('.').filter(|(_, name)| !name.is_empty())?;
        let object = OBJECT_FIELDS.into_iter().find(|known| *known == object)?;
        Some(Self::Member(object, name.to_owned()))
    }

    /// Whether it tells which lead is meant.
    pub fn identifies(&self) -> bool {
        [LEAD_ID, PHONE, EMAIL].map(Self::Field).contains(self)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let field = fields().find(|field| *field == name).map(Self::Field);
        field.or_else(|| Self::member(name)).ok_or_else(|| {
            let mut known: Vec<_> = fields().map(str::to_owned).collect();
            known.extend(OBJECT_FIELDS.map(|object| format!("{object}.NAME")));
            format!("no field {name:?}; there are {}", known.join(", "))
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Member(object, name) => write!(f, "{object}.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn synonyms_are_of_real_fields_and_mean_one_thing() {
        let mut seen = HashSet::new();
        for name in fields() {
            assert!(seen.insert(plain(name)), "{name}");
        }
        for (field, synonyms) in &SYNONYMS {
            assert_eq!(field.parse(), Ok(Target::Field(field)));
            for synonym in *synonyms {
                assert!(seen.insert(plain(synonym)), "{synonym} stands twice");
            }
        }
    }

    #[test]
    fn columns() {
        let of = |name| Target::of_column(name).map(|(target, _)| target.to_string());
        for (name, field) in [
            ("Phone Number", "phone"),
            ("MOBILE", "phone"),
            ("e-mail", "email"),
            ("firstName", "first_name"),
            (" Organisation ", "company_name"),
            ("LinkedIn URL", "linkedin_url"),
            ("lead_id", "lead_id"),
            ("custom_variables.Plan B", "custom_variables.Plan B"),
            ("metadata.a.b", "metadata.a.b"),
        ] {
            assert_eq!(of(name).as_deref(), Some(field), "{name}");
        }
        for name in ["Lead ID", "Company Phone", "Notes", "", "-", "custom_variables."] {
            assert_eq!(of(name), None, "{name}");
        }
        assert!("phone number".parse::<Target>().expect_err("no field").contains("linkedin_url"));
    }

    proptest! {
        /// However somebody writes a known name, it is known; the field's own name is surest.
        #[test]
        fn writing_does_not_matter(
            field in 0..SYNONYMS.len(),
            which in 0..100_usize,
            upper in any::<u64>(),
            filling in "[ _-]{0,3}",
        ) {
            let (field, synonyms) = SYNONYMS[field];
            let names: Vec<_> = std::iter::once(&field).chain(synonyms).collect();
            let name = names[which % names.len()];
            let written: String = name.chars().enumerate().flat_map(|(place, c)| {
                let upper = (upper >> (place % 64)) & 1 == 1;
                let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                std::iter::once(c).chain(filling.chars())
            }).collect();
            let rank = if *name == field { Rank::OwnName } else { Rank::Synonym };
            prop_assert_eq!(Target::of_column(&written), Some((Target::Field(field), rank)));
        }

        #[test]
        fn no_name_is_too_odd(name in any::<String>()) {
            Target::of_column(&name);
        }
    }
}
