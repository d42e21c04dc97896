//! What the lead service is asked and answers, by the rules of [`super::lookups`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use super::{Contact, LeadFields, NewSuppression, Range, Warning};

/// What the lead service is asked.
#[derive(Debug, Serialize, Deserialize)]
// Nothing that is asked for may be ignored, as by a service of an earlier release.
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum LeadRequest {
    /// The leads of the workspace among these ids; answers with a list of [`Lead`], absent ones left out.
    Get {
        /// Whose leads.
        workspace_id: Uuid,
        /// Which.
        ids: Vec<Uuid>,
    },
    /// Newest first; answers with [`super::Page`] of [`Lead`].
    List {
        /// Whose leads.
        workspace_id: Uuid,
        /// Only those that pass.
        filter: LeadFilter,
        /// Which part of the list.
        range: Range,
    },
    /// Make a lead; answers with [`ChangedLead`].
    Create {
        /// Whose lead.
        workspace_id: Uuid,
        /// The new lead's id.
        id: Uuid,
        /// Its fields.
        fields: LeadFields,
    },
    /// Change fields of a lead; answers with [`ChangedLead`].
    Change {
        /// Whose lead.
        workspace_id: Uuid,
        /// Which.
        id: Uuid,
        /// What changes.
        fields: LeadFields,
    },
    /// Remove a lead, and its links with it; answers with nothing.
    Delete {
        /// Whose lead.
        workspace_id: Uuid,
        /// Which.
        id: Uuid,
        /// Names this request, so that its repetition is told from another deletion.
        request_id: Uuid,
    },
    /// Suppress contacts; answers with a list that says of each whether it was added.
    Suppress {
        /// Whose list.
        workspace_id: Uuid,
        /// At most [`super::MAX_SUPPRESSIONS`].
        suppressions: Vec<NewSuppression>,
    },
    /// Lift a suppression; answers whether there was one.
    LiftSuppression {
        /// Whose list.
        workspace_id: Uuid,
        /// Of whom.
        contact: Contact,
    },
    /// The suppressions, newest first; answers with [`super::Page`] of [`super::Suppression`].
    Suppressions {
        /// Whose list.
        workspace_id: Uuid,
        /// Only this one.
        contact: Option<Contact>,
        /// Which part of the list.
        range: Range,
    },
}

/// Which leads a list shows: those that pass all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadFilter {
    /// With exactly this phone, in normal form.
    pub phone: Option<String>,
    /// With exactly this email, in normal form.
    pub email: Option<String>,
    /// Made after this moment.
    pub created_after: Option<DateTime<Utc>>,
    /// With all of these words in them.
    pub search: Option<String>,
}

/// A lead after a change.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangedLead {
    /// As it is now.
    pub lead: Lead,
    /// What was ignored in the request.
    pub warnings: Vec<Warning>,
}

/// A lead, as the API shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Lead {
    /// Its id.
    pub id: Uuid,
    /// E.164.
    pub phone: Option<String>,
    /// Lower-case addr-spec.
    pub email: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Employer.
    pub company_name: Option<String>,
    /// Position.
    pub title: Option<String>,
    /// Profile page.
    pub linkedin_url: Option<String>,
    /// The employer's page.
    pub company_website: Option<String>,
    /// What the position is about.
    pub job_description: Option<String>,
    /// The employer's size.
    pub company_size: Option<String>,
    /// The caller's own values, for what is said in calls. Raw, so that numbers stay exact.
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub custom_variables: Option<Box<RawValue>>,
    /// The caller's own values, for its records.
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub metadata: Option<Box<RawValue>>,
    /// How far calling has come.
    pub status: LeadStatus,
    /// Where it came from.
    pub source: LeadSource,
    /// When it was made: the time in its id.
    pub created_at: DateTime<Utc>,
    /// When a field last changed.
    pub updated_at: DateTime<Utc>,
}

/// How far calling has come. Rollcall takes leads in and does not call, so there is one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadStatus {
    /// Not called.
    Pending,
}

/// Where a lead came from. All of Rollcall's doors are its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadSource {
    /// Through the API.
    Api,
}
