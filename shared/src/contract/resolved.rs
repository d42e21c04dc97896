//! What the lead service hands on: which lead each entry became. Internal to Rollcall.

use std::borrow::Cow;

use chrono::{DateTime, Utc, serde::ts_microseconds_option};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{ErrorBody, Options};
use crate::{
    entry::{EntryError, Identifier},
    origin::{self, RequestId},
    traces::TraceContext,
};

/// The message on `leads.resolved`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResolvedSubmissions<'a> {
    /// One for each submission of the message that they came in.
    #[serde(borrow)]
    pub submissions: Vec<ResolvedSubmission<'a>>,
}

/// One submission after the lead service: either its entries' outcomes or why it failed whole.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResolvedSubmission<'a> {
    /// The submission's id, where it could be read.
    pub id: Option<Uuid>,
    /// Nil when `error` is set.
    #[serde(default)]
    pub workspace_id: Uuid,
    /// Nil when `error` is set.
    #[serde(default)]
    pub campaign_id: Uuid,
    /// The request that it comes from.
    #[serde(default, deserialize_with = "origin::read", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The span in which the lead service handed it on.
    #[serde(default, deserialize_with = "origin::read", skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceContext>,
    /// What was asked for beside.
    #[serde(default, skip_serializing_if = "Options::is_plain")]
    pub options: Options,
    /// What the caller calls its entries, in their order; may end before them.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub refs: Cow<'a, [Option<String>]>,
    /// The JSON array of [`Outcome`]s in the request's order, exactly as it was recorded.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<&'a RawValue>,
    /// When they were decided, which a replay does not change. What was removed from the campaign
    /// later, or archived, was not so when this submission came.
    #[serde(default, with = "ts_microseconds_option", skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<DateTime<Utc>>,
    /// Set when the submission failed as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// What became of one entry in the lead service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It names this lead.
    Lead(Resolved),
    /// It was rejected and nothing of it was written.
    Rejected(EntryError),
    /// It is about somebody who must not be contacted; nothing of it was written.
    Suppressed(Suppressed),
    /// The workspace has this lead, and the submission passes over those.
    Skipped(Resolved),
    /// It could be applied, but another entry could not, and it was to be all or nothing.
    NotApplied,
}

impl Outcome {
    /// Whether the entry cannot be applied: enough to refuse a submission that is all or nothing.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Rejected(_) | Self::Suppressed(_) => true,
            Self::Lead(_) | Self::Skipped(_) | Self::NotApplied => false,
        }
    }
}

/// Why somebody must not be contacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// Which identifier is suppressed: the entry's, or that of the lead that it names.
    pub field: Identifier,
    /// Why, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The lead that an entry was resolved to (contract section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The lead to link.
    pub lead_id: Uuid,
    /// Whether this entry made the lead.
    pub created: bool,
    /// By what the lead was found; `None` when it was created.
    pub matched_by: Option<Identifier>,
    /// An identifier of the entry that belongs to another lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Identifiers where the lead keeps another value than the entry brought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Identifier>,
    /// What was ignored in the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// An identifier of the entry that belongs to another lead than the one linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// Which identifier.
    pub field: Identifier,
    /// Whose it is; `null` for a lead that a dry run would make.
    pub lead_id: Option<Uuid>,
}

/// Something in an entry that was ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Always `unknown_field`, so far.
    pub code: WarningCode,
    /// The field's name, shortened where it is very long.
    pub field: String,
}

/// Why something was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// There is no field of this name.
    UnknownField,
}
