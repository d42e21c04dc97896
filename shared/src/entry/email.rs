//! Email addresses in normal form.

use std::fmt;

use email_address::{EmailAddress, Options};

use super::{EntryError, EntryErrorCode, masked};

/// RFC 5321 leaves 254 characters for a forward path without its brackets (contract section 2).
const MAX_CHARS: usize = 254;

/// A valid addr-spec (RFC 5322), trimmed and lower-cased. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// Parses and normalises.
    ///
    /// Domains need a dot: a lead cannot be written to at a host of our own network.
    ///
    /// # Errors
    /// `invalid_email` when it is no addr-spec of at most 254 characters.
    pub fn parse(text: &str) -> Result<Self, EntryError> {
        let normal = text.trim().to_lowercase();
        let options =
            Options::default().without_display_text().without_domain_literal().with_required_tld();
        if normal.chars().count() > MAX_CHARS
            || normal.contains('\0')
            || EmailAddress::parse_with_options(&normal, options).is_err()
        {
            return Err(EntryError::field(
                EntryErrorCode::InvalidEmail,
                "email",
                "email must be a valid address of at most 254 characters",
            ));
        }
        Ok(Self(normal))
    }

    /// Takes back what [`Email::parse`] made, as the database holds it.
    pub fn from_stored(normal: String) -> Self {
        Self(normal)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn normal_form() {
        for (given, expected) in [
            ("ann@example.com", "ann@example.com"),
            ("  Ann.B+x@Example.COM\t", "ann.b+x@example.com"),
            ("\"ann b\"@example.com", "\"ann b\"@example.com"),
        ] {
            assert_eq!(Email::parse(given).expect(given).as_str(), expected);
        }
    }

    #[test]
    fn refused() {
        let long = format!("{}@{}.com", "a".repeat(64), "b".repeat(63).repeat(4));
        for given in [
            "ann",
            "@example.com",
            "ann@",
            "a@b@example.com",
            "ann@localhost",
            "ann@[127.0.0.1]",
            "Ann <ann@example.com>",
            "ann@exam ple.com",
            "a\0@example.com",
            "ann@.com",
            &long,
        ] {
            assert!(Email::parse(given).is_err(), "{given:?}");
        }
    }

    /// Other limits are met either way.
    #[test]
    fn the_longest() {
        let of = |last: usize| {
            let label = "b".repeat(63);
            format!("{}@{label}.{label}.{}.com", "a".repeat(64), "b".repeat(last))
        };
        assert_eq!(of(57).len(), MAX_CHARS);
        assert_eq!(Email::parse(&of(57)).expect("accepted").as_str(), of(57));
        assert!(Email::parse(&of(58)).is_err());
    }

    #[test]
    fn debug_hides_it() {
        let email = Email::parse("ann@example.com").expect("valid");
        assert_eq!(format!("{email:?}"), "a…(15)");
    }

    proptest! {
        /// What was accepted once is its own normal form.
        #[test]
        fn parsing_is_idempotent(text in "\\PC{0,12}@[a-zA-Z.]{0,12}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
            }
        }
    }
}
