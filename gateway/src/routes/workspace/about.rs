//! What the specification says of the workspace.

use serde_json::json;

use super::Workspace;
use crate::specification::{Content, Operation};

/// See [`super::show`].
pub fn show() -> Operation {
    let example = json!({"id": "01a207e9-6b12-77d9-b6e3-dece86a4491a", "name": "Acme",
                         "scopes": ["read", "leads:write"]});
    Operation::new("showWorkspace", "Show the key's workspace, and what the key is good for")
        .description("What integrations test a connection with.")
        .answer(200, "The workspace.", [Content::data::<Workspace<'_>>(example)])
}
