//! Look-ups and changes that travel as request-reply on `lead-service.requests` and `campaign-service.requests`.
//!
//! Every request may be carried out twice with the same effect, because the bus repeats a request
//! whose reply was lost. Ids of new things are therefore chosen by the asker.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ErrorBody;

/// The reply to any request: what was asked for, or why not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    /// What was asked for.
    Ok(T),
    /// Why not; meant for the caller.
    Error(ErrorBody),
}

impl<T> From<Result<T, ErrorBody>> for Answer<T> {
    fn from(result: Result<T, ErrorBody>) -> Self {
        result.map_or_else(Self::Error, Self::Ok)
    }
}

impl<T> From<Answer<T>> for Result<T, ErrorBody> {
    fn from(answer: Answer<T>) -> Self {
        match answer {
            Answer::Ok(value) => Ok(value),
            Answer::Error(error) => Err(error),
        }
    }
}

/// Which rows of a list are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The most rows to answer with.
    pub limit: i64,
    /// How many rows to pass over.
    pub offset: i64,
    /// Only rows behind the one with this id, in the order of the list.
    pub after: Option<Uuid>,
}

/// One page of a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows of this page.
    pub data: Vec<T>,
    /// How many rows all pages hold.
    pub total: i64,
    /// Whether there may be more than `total` says, because counting them all would take too long.
    #[serde(default)]
    pub total_is_capped: bool,
    /// The id of this page's last row, where more rows follow.
    pub next: Option<Uuid>,
}

impl Range {
    /// The most rows to ask a table for: one more than wanted tells whether more follow.
    pub fn look_ahead(&self) -> i64 {
        self.limit + 1
    }

    /// The page of these rows, which were asked for by [`Range::look_ahead`].
    pub fn page<T>(&self, mut rows: Vec<T>, total: i64, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let wanted = usize::try_from(self.limit).unwrap_or_default();
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = rows.last().filter(|_| more).map(id);
        Page { data: rows, total, total_is_capped: false, next }
    }
}

/// What the campaign service is asked.
#[derive(Debug, Serialize, Deserialize)]
// Nothing that is asked for may be ignored, as by a service of an earlier release.
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum CampaignRequest {
    /// Make a campaign; answers with [`Campaign`].
    Create {
        /// Whose campaign.
        workspace_id: Uuid,
        /// The new campaign's id.
        id: Uuid,
        /// Its name.
        name: String,
        /// Its first status.
        status: CampaignStatus,
    },
    /// Change what is given; answers with [`Campaign`].
    Update {
        /// Whose campaign.
        workspace_id: Uuid,
        /// Which.
        id: Uuid,
        /// Its new name.
        name: Option<String>,
        /// Its new status.
        status: Option<CampaignStatus>,
    },
    /// Answers with [`Campaign`].
    Get {
        /// Whose campaign.
        workspace_id: Uuid,
        /// Which.
        id: Uuid,
    },
    /// Newest first; answers with [`Page`] of [`Campaign`].
    List {
        /// Whose campaigns.
        workspace_id: Uuid,
        /// Only those with this status.
        status: Option<CampaignStatus>,
        /// Only those with this text in their name, whatever its case.
        search: Option<String>,
        /// Which part of the list.
        range: Range,
    },
    /// The links of a campaign, oldest lead first; answers with [`Page`] of [`CampaignLead`].
    Leads {
        /// Whose campaign.
        workspace_id: Uuid,
        /// Which.
        id: Uuid,
        /// Which part of the list.
        range: Range,
    },
    /// Those of these leads that are in a campaign; answers with a list of [`CampaignLead`].
    LeadsAmong {
        /// Whose campaign.
        workspace_id: Uuid,
        /// Which.
        id: Uuid,
        /// The leads.
        lead_ids: Vec<Uuid>,
    },
    /// Take a lead out of a campaign; answers with `null`.
    Remove {
        /// Whose campaign.
        workspace_id: Uuid,
        /// Which.
        id: Uuid,
        /// The lead.
        lead_id: Uuid,
        /// The removal's own id: the same again is the same removal.
        removal_id: Uuid,
    },
    /// Take leads out of all campaigns, because they were deleted; answers with nothing.
    ForgetLeads {
        /// Whose leads.
        workspace_id: Uuid,
        /// Which.
        lead_ids: Vec<Uuid>,
    },
}

/// A campaign, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Campaign {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its state.
    pub status: CampaignStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// How many leads are in it.
    pub leads: i64,
}

/// The states of a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// Being prepared.
    Draft,
    /// Calling.
    #[default]
    Active,
    /// Halted for now.
    Paused,
    /// Done.
    Completed,
    /// Put away.
    Archived,
}

impl FromStr for CampaignStatus {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.as_str() == name).ok_or(())
    }
}

impl CampaignStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Active, Self::Paused, Self::Completed, Self::Archived];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Archived => "archived",
        }
    }
}

/// A lead's link to a campaign.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CampaignLead {
    /// The lead.
    pub lead_id: Uuid,
    /// When it was linked.
    pub added_at: DateTime<Utc>,
}
