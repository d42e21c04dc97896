//! The secret that a key is.

use std::fmt;

use sha2::{Digest, Sha256};

/// How every key begins (contract section 1).
const PREFIX: &str = "rchd_live_";
/// Random bytes in a key; it shows two hex digits for each.
const RANDOM_BYTES: usize = 20;

/// A well-formed key as a caller sent it, not yet known to be anybody's. Its `Debug` hides it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new key from a secure random source.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)?;
        Ok(Self(format!("{PREFIX}{}", hex::encode(random))))
    }

    /// Takes what stands behind `Bearer `. `None` when it cannot be a key, which costs no look-up.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == 2 * RANDOM_BYTES && digits.bytes().all(lower_hex))
            .then(|| Self(text.to_owned()))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Its last four characters, to tell keys apart.
    pub(super) fn hint(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// The whole key, for its holder.
    pub(super) fn reveal(self) -> String {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}…{}", self.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_documented_form_and_are_never_the_same() {
        let (one, other) = (Secret::generate(), Secret::generate());
        let (one, other) = (one.expect("random bytes"), other.expect("random bytes"));
        assert_ne!(one.0, other.0);
        assert_eq!(one.0.len(), "rchd_live_".len() + 40);
        assert!(Secret::parse(&one.0).is_some());
        assert!(!format!("{one:?}").contains(&one.0[10..40]));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_without_a_look_up() {
        let digits = "0123456789abcdef0123456789abcdef01234567";
        assert!(Secret::parse(&format!("rchd_live_{digits}")).is_some());
        for text in [
            String::new(),
            digits.to_owned(),
            format!("rchd_test_{digits}"),
            format!("rchd_live_{digits}0"),
            format!("rchd_live_{digits} "),
            format!("rchd_live_{}", &digits[1..]),
            format!("rchd_live_{}", digits.to_uppercase()),
        ] {
            assert!(Secret::parse(&text).is_none(), "{text:?}");
        }
    }
}
