//! Whether two requests are the same.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A digest of a request.
pub type Fingerprint = [u8; 32];

/// The digest of method, path and body. Where the body is JSON, neither white space nor the order
/// of an object's fields counts.
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> Fingerprint {
    let mut digest = Digest::new(method, path);
    digest.json(body);
    digest.finish()
}

/// A digest in the making, for a body that is never there whole.
pub struct Digest(Sha256);

impl Digest {
    /// Of a request with this method and path.
    pub fn new(method: &str, path: &str) -> Self {
        let mut digest = Self(Sha256::new());
        digest.part(method.as_bytes());
        digest.part(path.as_bytes());
        digest
    }

    /// Adds a piece of JSON. Neither white space in it nor the order of an object's fields counts.
    pub fn json(&mut self, json: &[u8]) {
        self.part(&canonical(json));
    }

    /// The digest.
    pub fn finish(self) -> Fingerprint {
        self.0.finalize().into()
    }

    fn part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}

/// The body with sorted fields. What cannot be held as a JSON value (numbers beyond all bounds,
/// great depth) counts as it stands.
fn canonical(body: &[u8]) -> Vec<u8> {
    serde_json::from_slice::<Value>(body)
        .and_then(|value| serde_json::to_vec(&value))
        .unwrap_or_else(|_| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meaning_counts() {
        let print = |body: &str| fingerprint("POST", "/p", body.as_bytes());
        let plain = print(r#"{"leads":[{"phone":"+1","email":"a"}],"merge":"fill"}"#);
        assert_eq!(plain, print(r#" {"merge" : "fill", "leads":[{"email":"a","phone":"+1"}]}"#));
        assert_ne!(plain, print(r#"{"leads":[{"phone":"+1","email":"b"}],"merge":"fill"}"#));
        assert_ne!(
            plain,
            fingerprint("POST", "/q", br#"{"leads":[{"phone":"+1","email":"a"}],"merge":"fill"}"#)
        );
        assert_ne!(print("[1e999]"), print("[1e998]"));
        assert_ne!(fingerprint("POST", "/pa", b""), fingerprint("POST", "/p", b"a"));
    }
}
