//! What a caller may ask for beside `merge` and `default_region` (docs/api.md, "Options of the main
//! endpoint").

use serde::{Deserialize, Serialize};

/// The options of a submission. None of them is written where it is not asked for. One that the receiver
/// does not know is refused: ignored, a dry run would write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Answer what would happen, and write nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Apply nothing unless every entry can be applied.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all_or_nothing: bool,
    /// Pass over leads that the workspace has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_if_in_workspace: bool,
    /// Pass over leads that are in another campaign of the workspace.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_if_in_other_campaign: bool,
}

impl Options {
    /// Whether nothing was asked for.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
