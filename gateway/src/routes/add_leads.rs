//! `POST /v1/campaigns/{id}/leads`: the main job.

pub mod about;

use std::{borrow::Cow, str::FromStr, time::Instant};

use actix_web::{HttpRequest, HttpResponse, http::header::ContentType, web::Data};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::{
    contract::{
        ErrorBody, ErrorCode, MAX_LEADS_PER_BIG_SUBMISSION, MAX_LEADS_PER_SUBMISSION, Merge,
        Options,
    },
    entry::{LeadEntry, Region},
};
use uuid::Uuid;

use crate::{
    auth::Caller,
    error::{ApiError, REPLAYED},
    extract::{Authenticated, Body, Id},
    gather::{Answered, Submission},
    idempotency::{Claim, IdempotencyKey, fingerprint},
    origin,
    services::CampaignState,
    state::State,
};

/// Adds leads to a campaign and answers what became of each.
pub async fn add(
    state: Data<State>,
    caller: Authenticated,
    campaign: Id,
    http: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let begun = Instant::now();
    let added = add_to(&state, &caller, campaign, &http, body).await;
    caller.activity.answered(begun.elapsed(), added.is_err());
    added
}

async fn add_to(
    state: &State,
    caller: &Caller,
    Id(campaign_id): Id,
    http: &HttpRequest,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let workspace_id = caller.workspace_id;
    let key = IdempotencyKey::of(http.headers())?;
    let request = AddLeads::parse(&body)?;
    // A dry run leaves no trace, so it has nothing to fear from a repetition.
    let key = key.filter(|_| !request.options.dry_run);
    expect_open(state, workspace_id, campaign_id, key.as_ref()).await?;
    let mut submission = request.into_submission(Uuid::now_v7(), workspace_id, campaign_id);
    submission.default_region = submission.default_region.or_else(|| caller.default_region.clone());
    let Some(key) = key else {
        let answered = submit(state, submission).await?;
        tally(caller, &answered);
        return Ok(answer(answered.body(), false));
    };
    // The older prefix leads to the same place.
    let path = format!("/v1/campaigns/{campaign_id}/leads");
    let fingerprint = fingerprint("POST", &path, &body);
    let claim = state.idempotency.claim(workspace_id, &key, fingerprint, submission.id).await?;
    let replayed = claim != Claim::First;
    match claim {
        Claim::Answered(body) => return Ok(answer(body, replayed)),
        Claim::Twin(id) => submission.id = id,
        Claim::First => {}
    }
    let answered = submit(state, submission).await;
    let answered = answered.map_err(|error| error.repeating(replayed))?;
    if !replayed {
        tally(caller, &answered);
    }
    let body = answered.body();
    state.idempotency.remember(workspace_id, &key, &body).await?;
    Ok(answer(body, replayed))
}

/// Refuses early what would come to nothing, so that no lead is made for it. What was answered
/// before the campaign was archived is answered again.
pub(crate) async fn expect_open(
    state: &State,
    workspace_id: Uuid,
    campaign_id: Uuid,
    key: Option<&IdempotencyKey>,
) -> Result<(), ApiError> {
    let campaign = state.services.expect_campaign(workspace_id, campaign_id).await?;
    let replay = match (campaign, key) {
        (CampaignState::Open, _) => return Ok(()),
        (CampaignState::Archived, None) => false,
        (CampaignState::Archived, Some(key)) => state.idempotency.knows(workspace_id, key).await?,
    };
    if replay { Ok(()) } else { Err(ErrorBody::campaign_archived().into()) }
}

/// Counts the leads of a first answer.
fn tally(caller: &Caller, answered: &Answered) {
    match serde_json::from_str(answered.summary.get()) {
        Ok(summary) if !answered.dry_run => caller.activity.settled(&summary),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "a summary was not understood"),
    }
}

async fn submit(state: &State, submission: Submission) -> Result<Answered, ApiError> {
    let (workspace_id, campaign_id) = (submission.workspace_id, submission.campaign_id);
    let answered = state.gatherer.submit(submission).await;
    if answered.as_ref().is_err_and(|error| error.code() == ErrorCode::CampaignArchived) {
        // The next request is refused early.
        state.services.forget_campaign(workspace_id, campaign_id);
    }
    answered
}

fn answer(body: String, replayed: bool) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if replayed {
        response.insert_header(REPLAYED);
    }
    response.content_type(ContentType::json()).body(body)
}

/// The submission that a body asks for: HTTP, as the fuzzers see it.
///
/// # Errors
/// What the caller would be told.
pub fn submission_of(body: &[u8]) -> Result<Submission, ApiError> {
    Ok(AddLeads::parse(body)?.into_submission(Uuid::nil(), Uuid::nil(), Uuid::nil()))
}

/// The request, valid as far as the gateway looks: the entries are the lead service's business.
#[derive(Debug)]
pub(crate) struct AddLeads {
    pub(crate) leads: Box<RawValue>,
    pub(crate) count: usize,
    pub(crate) merge: Merge,
    pub(crate) default_region: Option<String>,
    pub(crate) options: Options,
}

/// What is asked for.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AddLeads")]
struct Fields<'a> {
    /// The entries: each is judged on its own. At most 1,000, unless the caller does not wait.
    #[serde(borrow)]
    #[schemars(with = "Vec<LeadEntry>", length(min = 1, max = MAX_LEADS_PER_BIG_SUBMISSION))]
    leads: Option<&'a RawValue>,
    /// What becomes of the fields of a lead that is there already.
    #[serde(borrow)]
    #[schemars(with = "Option<Merge>")]
    merge: Option<&'a RawValue>,
    /// ISO 3166 alpha-2 region for phone numbers in national format.
    #[serde(borrow)]
    #[schemars(with = "Option<String>")]
    default_region: Option<&'a RawValue>,
    /// Answer what would happen, and write nothing.
    #[serde(borrow)]
    #[schemars(with = "Option<bool>")]
    dry_run: Option<&'a RawValue>,
    /// Apply nothing unless every entry can be applied: else `400`, with the results in `data`.
    #[serde(borrow)]
    #[schemars(with = "Option<bool>")]
    all_or_nothing: Option<&'a RawValue>,
    /// Pass over leads that the workspace has.
    #[serde(borrow)]
    #[schemars(with = "Option<bool>")]
    skip_if_in_workspace: Option<&'a RawValue>,
    /// Pass over leads that are in another campaign of the workspace.
    #[serde(borrow)]
    #[schemars(with = "Option<bool>")]
    skip_if_in_other_campaign: Option<&'a RawValue>,
}

impl AddLeads {
    pub(crate) fn into_submission(
        self,
        id: Uuid,
        workspace_id: Uuid,
        campaign_id: Uuid,
    ) -> Submission {
        Submission {
            id,
            origin: origin::current(),
            workspace_id,
            campaign_id,
            merge: self.merge,
            default_region: self.default_region,
            options: self.options,
            leads: self.leads,
            count: self.count,
        }
    }

    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let invalid = || ApiError::bad_request("Invalid JSON body");
        let fields: Fields<'_> = serde_json::from_slice(body).map_err(|_| invalid())?;
        // A sequence would be taken for the fields in their order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(invalid());
        }
        let leads = fields.leads.ok_or_else(|| ApiError::bad_request("leads is required"))?;
        Ok(Self {
            count: count(leads)?,
            leads: leads.to_owned(),
            merge: option(fields.merge)?.map_or(Ok(Merge::default()), merge)?,
            default_region: option(fields.default_region)?.map(region).transpose()?,
            options: Options {
                dry_run: flag(fields.dry_run, "dry_run")?,
                all_or_nothing: flag(fields.all_or_nothing, "all_or_nothing")?,
                skip_if_in_workspace: flag(fields.skip_if_in_workspace, "skip_if_in_workspace")?,
                skip_if_in_other_campaign: flag(
                    fields.skip_if_in_other_campaign,
                    "skip_if_in_other_campaign",
                )?,
            },
        })
    }
}

/// How many entries a JSON array holds, where it may hold as many.
fn count(leads: &RawValue) -> Result<usize, ApiError> {
    let entries: Vec<&RawValue> = serde_json::from_str(leads.get())
        .map_err(|_| ApiError::bad_request("leads must be an array"))?;
    match entries.len() {
        0 => Err(ApiError::bad_request("leads must not be empty")),
        count if count <= MAX_LEADS_PER_SUBMISSION => Ok(count),
        _ => Err(ApiError::bad_request(format!(
            "leads may hold {MAX_LEADS_PER_SUBMISSION} entries at most; \
             with the header Prefer: respond-async, {MAX_LEADS_PER_BIG_SUBMISSION}"
        ))),
    }
}

/// An option that is on or off.
fn flag(raw: Option<&RawValue>, name: &str) -> Result<bool, ApiError> {
    match raw.map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::bad_request(format!("{name} must be true or false"))),
    }
}

/// An optional string.
fn option(raw: Option<&RawValue>) -> Result<Option<Cow<'_, str>>, ApiError> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get())
        .map_err(|_| ApiError::bad_request("merge and default_region must be strings"))
}

fn merge(name: Cow<'_, str>) -> Result<Merge, ApiError> {
    match &*name {
        "fill" => Ok(Merge::Fill),
        "overwrite" => Ok(Merge::Overwrite),
        "none" => Ok(Merge::None),
        _ => Err(ApiError::bad_request("merge must be fill, overwrite or none")),
    }
}

fn region(code: Cow<'_, str>) -> Result<String, ApiError> {
    match Region::from_str(&code) {
        Ok(_) => Ok(code.into_owned()),
        Err(()) => Err(ApiError::bad_request("default_region must be an ISO 3166 alpha-2 code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entries_stay_as_they_came() {
        let leads = r#"[{"phone" : "+1" , "x":1e999}, 7]"#;
        let body = format!(r#" {{"other": [], "leads": {leads}, "merge": "none"}} "#);
        let request = AddLeads::parse(body.as_bytes()).expect("valid");
        assert_eq!(request.leads.get(), leads);
        assert_eq!((request.count, request.merge), (2, Merge::None));
        assert!(request.options.is_plain());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let many = format!(r#"{{"leads":[{}]}}"#, vec!["{}"; 1_001].join(","));
        for (body, told) in [
            ("", "Invalid JSON body"),
            ("{", "Invalid JSON body"),
            (r#"{"leads":[{}]}{}"#, "Invalid JSON body"),
            ("\u{feff}{}", "Invalid JSON body"),
            ("[]", "Invalid JSON body"),
            (r#"[[{}], "fill", "US"]"#, "Invalid JSON body"),
            ("7", "Invalid JSON body"),
            ("null", "Invalid JSON body"),
            (r#"{"leads":[{}],"leads":[{}]}"#, "Invalid JSON body"),
            ("{}", "leads is required"),
            (r#"{"leads":null}"#, "leads"),
            (r#"{"leads":{}}"#, "leads must be an array"),
            (r#"{"leads":[]}"#, "leads must not be empty"),
            (r#"{"leads":[{}],"merge":"both"}"#, "merge"),
            (r#"{"leads":[{}],"merge":7}"#, "merge"),
            (r#"{"leads":[{}],"default_region":"Texas"}"#, "default_region"),
            (r#"{"leads":[{}],"dry_run":"true"}"#, "dry_run must be true or false"),
            (r#"{"leads":[{}],"all_or_nothing":1}"#, "all_or_nothing"),
            (r#"{"leads":[{}],"skip_if_in_workspace":{}}"#, "skip_if_in_workspace"),
            (r#"{"leads":[{}],"skip_if_in_other_campaign":[]}"#, "skip_if_in_other_campaign"),
            (&many, "1000"),
        ] {
            let error = AddLeads::parse(body.as_bytes()).expect_err(body).to_string();
            assert!(error.contains(told), "{body}: {error}");
        }
        assert!(AddLeads::parse(b"{\"leads\":[\"\xff\"]}").is_err());
    }
}
