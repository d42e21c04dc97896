//! Reading a reply: each submission's part of it, still raw.

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::contract::ErrorBody;

use crate::error::ApiError;

/// The results of one submission, copied from the reply as they stand.
pub struct Answered {
    /// The JSON array of results.
    pub results: Box<RawValue>,
    /// The JSON object that counts them.
    pub summary: Box<RawValue>,
}

/// `SubmissionResults` of the contract, without looking into the entries.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    results: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    results: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
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
            Part { error: Some(error), .. } => Err(error.into()),
            Part { results: Some(results), summary: Some(summary), .. } => {
                Ok(Answered { results: results.to_owned(), summary: summary.to_owned() })
            }
            Part { .. } => Err(ErrorBody::internal().into()),
        })
        .collect()
}
