//! The messages that travel between caller, gateway and services (contract sections 1, 2 and 5).
//!
//! ```text
//! caller ──Submissions──▶ lead service ──ResolvedSubmissions──▶ campaign service ──SubmissionResults──▶ caller
//! ```

mod error;
mod lead_fields;
mod leads;
mod lookups;
mod options;
mod resolved;
mod results;
mod submission;
mod suppressions;

pub use error::{ErrorBody, ErrorCode};
pub use lead_fields::LeadFields;
pub use leads::{ChangedLead, Lead, LeadFilter, LeadRequest, LeadSource, LeadStatus};
pub use lookups::{Answer, Campaign, CampaignLead, CampaignRequest, CampaignStatus, Page, Range};
pub use options::Options;
pub use resolved::{
    Conflict, Outcome, Resolved, ResolvedSubmission, ResolvedSubmissions, Suppressed, Warning,
    WarningCode,
};
pub use results::{EntryResult, EntryStatus, SubmissionResult, SubmissionResults, Summary};
pub use submission::{
    MAX_LEADS_PER_BIG_SUBMISSION, MAX_LEADS_PER_SUBMISSION, Merge, Submission, SubmissionToSend,
    SubmissionsToSend, Unreadable, json_problem, read_submissions, write_submissions,
};
pub use suppressions::{Contact, MAX_SUPPRESSIONS, NewSuppression, Suppression};
