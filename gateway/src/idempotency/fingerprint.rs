//! Whether two requests are the same.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A digest of a request.
pub type Fingerprint = [u8; 32];

/// The digest of method, path and body. Where the body is JSON, neither white space nor the order
/// of an object's fields counts.
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> Fingerprint {
    let mut digest = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), &canonical(body)] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
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
