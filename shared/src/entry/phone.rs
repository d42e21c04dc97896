//! Phone numbers in normal form.

use std::{fmt, str::FromStr};

use phonenumber::{Mode, country};

use super::{EntryError, EntryErrorCode, masked};

/// The longest text worth looking at: E.164 with generous punctuation.
const MAX_BYTES: usize = 64;

/// An E.164 number: `+`, then 7 to 15 digits, the first not 0. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

/// A country whose national phone format is accepted (ISO 3166 alpha-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(country::Id);

impl Region {
    /// The two-letter code, in capitals.
    pub fn code(&self) -> &str {
        self.0.as_ref()
    }
}

impl FromStr for Region {
    type Err = ();

    /// Reads a two-letter code, in either case.
    fn from_str(code: &str) -> Result<Self, ()> {
        country::Id::from_str(&code.to_ascii_uppercase()).map(Self).map_err(|_| ())
    }
}

impl Phone {
    /// Parses and normalises: spaces, dots, dashes and parentheses are dropped, a leading `00`
    /// stands for `+` (contract section 2).
    ///
    /// A number without `+` is read in the national format of `region`; without a region it is
    /// refused, because a country is never guessed.
    ///
    /// # Errors
    /// `invalid_phone` when it is no E.164 number.
    pub fn parse(text: &str, region: Option<Region>) -> Result<Self, EntryError> {
        Self::normalise(text, region).ok_or_else(|| {
            EntryError::field(
                EntryErrorCode::InvalidPhone,
                "phone",
                if region.is_some() {
                    "phone must be E.164 or a valid number of the default region"
                } else {
                    "phone must be E.164, such as +15551234567"
                },
            )
        })
    }

    fn normalise(text: &str, region: Option<Region>) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let bare: String = text.chars().filter(|&c| !is_punctuation(c)).collect();
        let international = match bare.strip_prefix("00") {
            Some(rest) => format!("+{rest}"),
            None => bare,
        };
        if is_e164(&international) {
            return Some(Self(international));
        }
        let national =
            !international.is_empty() && international.bytes().all(|byte| byte.is_ascii_digit());
        let Region(country) = region.filter(|_| national)?;
        let number = phonenumber::parse(Some(country), &international).ok()?;
        let e164 = number.format().mode(Mode::E164).to_string();
        (number.is_valid() && is_e164(&e164)).then_some(Self(e164))
    }

    /// Takes back what [`Phone::parse`] made, as the database holds it.
    pub fn from_stored(normal: String) -> Self {
        Self(normal)
    }

    /// The number, with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(&self.0, f)
    }
}

/// White space, dots, parentheses, and the dashes that people and spreadsheets put into numbers.
fn is_punctuation(c: char) -> bool {
    c.is_whitespace() || matches!(c, '.' | '(' | ')' | '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// ITU-T E.164 as the contract takes it: ASCII digits only.
fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn normal_form() {
        for given in [
            "+15128675309",
            " +1 (512) 867-5309 ",
            "001 512.867.5309",
            "+1\u{a0}512\u{2013}867\u{2013}5309",
        ] {
            assert_eq!(Phone::parse(given, None).expect(given).as_str(), "+15128675309");
        }
    }

    #[test]
    fn refused_without_a_region() {
        for given in [
            "5128675309",
            "+",
            "+1",
            "+123456",
            "+1234567890123456",
            "+0123456789",
            "0000000000",
            "-",
            "anonymous",
            "+1512867530x",
            "+1512867５309",
            "+1 512 867 5309 x12",
            "++15128675309",
            "+1\u{0}5128675309",
            &"1".repeat(100),
        ] {
            assert!(Phone::parse(given, None).is_err(), "{given:?}");
        }
    }

    #[test]
    fn limits_are_inclusive() {
        assert!(Phone::parse("+1234567", None).is_ok());
        assert!(Phone::parse("+123456789012345", None).is_ok());
        assert!(Phone::parse(&format!("{:1$}", "+1234567", MAX_BYTES), None).is_ok());
        assert!(Phone::parse(&format!("{:1$}", "+1234567", MAX_BYTES + 1), None).is_err());
    }

    #[test]
    fn a_region_reads_its_national_format_and_no_nonsense() {
        let region = |code: &str| Some(code.parse::<Region>().expect(code));
        let parse = |text, code| Phone::parse(text, region(code)).map(|phone| phone.0);
        assert_eq!(parse("(512) 867-5309", "us").as_deref(), Ok("+15128675309"));
        assert_eq!(parse("030 901820", "DE").as_deref(), Ok("+4930901820"));
        assert_eq!(parse("+4930901820", "US").as_deref(), Ok("+4930901820"));
        let nonsense =
            ["12", "0", "00", "", "0000000000", "123-456-7890", "512-FLOWERS", "٥١٢٨٦٧٥٣٠٩"];
        for nonsense in nonsense {
            assert!(Phone::parse(nonsense, region("US")).is_err(), "{nonsense}");
        }
        assert_eq!("us".parse::<Region>().as_ref().map(Region::code), Ok("US"));
        assert!("XX".parse::<Region>().is_err());
        assert!("USA".parse::<Region>().is_err());
    }

    #[test]
    fn debug_hides_it() {
        let phone = Phone::parse("+15128675309", None).expect("valid");
        assert_eq!(format!("{phone:?}"), "+…(12)");
    }

    proptest! {
        /// What was accepted once is its own normal form, whatever the region.
        #[test]
        fn parsing_is_idempotent(text in "(\\+|00)?[0-9 ().-]{0,20}|\\PC{0,20}", local in any::<bool>()) {
            let region = local.then(|| "US".parse().expect("a region"));
            if let Ok(phone) = Phone::parse(&text, region) {
                prop_assert!(is_e164(phone.as_str()));
                prop_assert_eq!(Phone::parse(phone.as_str(), None), Ok(phone));
            }
        }
    }
}
