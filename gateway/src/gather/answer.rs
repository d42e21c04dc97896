//! Reading a reply: each submission's part of it, still raw.

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::contract::ErrorBody;
use uuid::Uuid;

use crate::error::ApiError;

/// The results of one submission, copied from the reply as they stand.
pub struct Answered {
    /// The campaign that they are about.
    pub campaign_id: Uuid,
    /// The JSON array of results.
    pub results: Box<RawValue>,
    /// The JSON object that counts them.
    pub summary: Box<RawValue>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

impl Answered {
    /// The JSON that the caller gets, around results that are copied as they came.
    pub fn body(&self) -> String {
        let Self { campaign_id, results, summary, .. } = self;
        let dry_run = if self.dry_run { r#","dry_run":true"# } else { "" };
        format!(
            r#"{{"data":{{"campaign_id":"{campaign_id}","results":{results},"summary":{summary}{dry_run}}}}}"#
        )
    }
}

/// `SubmissionResults` of the contract, without looking into the entries.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    results: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    campaign_id: Option<Uuid>,
    #[serde(borrow)]
    results: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    #[serde(default)]
    dry_run: bool,
    error: Option<ErrorBody>,
}

/// The answers to `count` submissions, in the order in which they were sent.
pub(super) fn read(reply: &[u8], count: usize) -> Vec<Result<Answered, ApiError>> {
    let parts = match serde_json::from_slice::<Reply<'_>>(reply) {
        Ok(reply) if reply.results.len() == count => reply.results,
        Ok(_) | Err(_) => {
            tracing::error!(count, bytes = reply.len(), "a reply was not understood");
            return (0..count).map(|_| Err(ErrorBody::internal().into())).collect();
        }
    };
    parts
        .into_iter()
        .map(|part| match part {
            Part {
                campaign_id: Some(campaign_id),
                results: Some(results),
                summary: Some(summary),
                dry_run,
                error,
            } => {
                let (results, summary) = (results.to_owned(), summary.to_owned());
                let answered = Answered { campaign_id, results, summary, dry_run };
                match error {
                    // It was to be all or nothing, and so nothing.
                    Some(error) => Err(ApiError::from(error).with_results(&answered)),
                    None => Ok(answered),
                }
            }
            Part { error: Some(error), .. } => Err(error.into()),
            Part { .. } => Err(ErrorBody::internal().into()),
        })
        .collect()
}
