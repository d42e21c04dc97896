//! What the specification says of keys.

use serde_json::{Value, json};

use super::{CreatedKey, Fields};
use crate::{
    keys::KeyListing,
    specification::{Content, Operation},
};

fn example() -> Value {
    json!({
        "id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "name": "Clay",
        "hint": "9f3c",
        "scopes": ["leads:write"],
        "rate_limit": 600,
        "created_at": "2026-11-25T09:30:00Z",
        "last_used_at": null,
        "revoked_at": null,
    })
}

/// See [`super::list`].
pub fn list() -> Operation {
    Operation::new("listKeys", "List keys")
        .description("Newest first, revoked ones too.")
        .paging()
        .answer(200, "A page of keys.", [Content::page::<KeyListing>(example())])
}

/// See [`super::create`].
pub fn create() -> Operation {
    let body = json!({"name": "Clay", "scopes": ["leads:write"], "rate_limit": 600});
    let mut created = example();
    created["key"] = json!("rchd_live_0123456789abcdef0123456789abcdef01239f3c");
    Operation::new("createKey", "Make a key").body(Content::json::<Fields>(body)).answer(
        201,
        "The key, shown this once.",
        [Content::data::<CreatedKey>(created)],
    )
}

/// See [`super::revoke`].
pub fn revoke() -> Operation {
    Operation::new("revokeKey", "Revoke a key")
        .description("Closes it for good, the caller's own too.")
        .answer(204, "Revoked.", [])
}
