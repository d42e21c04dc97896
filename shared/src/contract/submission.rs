//! Submissions: what a caller asks for, as it travels to the lead service (contract section 5).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{ErrorBody, ErrorCode, Options};
use crate::{
    entry::LeadEntry,
    origin::{self, MAX_REQUEST_ID, Origin, RequestId},
    traces::TraceContext,
};

/// The most entries one submission may hold (contract section 1).
pub const MAX_LEADS_PER_SUBMISSION: usize = 1_000;

/// The most entries a submission may hold that its caller does not wait for: `Prefer: respond-async`.
pub const MAX_LEADS_PER_BIG_SUBMISSION: usize = 100_000;

/// How the fields of a matched lead follow the request.
// Contract section 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Only empty fields are filled.
    #[default]
    Fill,
    /// Values that are not blank replace what is there.
    Overwrite,
    /// Matched leads stay as they are.
    None,
}

/// One caller's request to add leads to one campaign, read but with its entries still raw.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(description = "A request to add leads to one campaign.")]
// A member that is not known is refused: ignored, a misspelt `dry_run` would write.
#[serde(deny_unknown_fields)]
pub struct Submission<'a> {
    /// Chosen by the publisher; a second submission with the same id is a replay.
    pub id: Uuid,
    /// The workspace whose leads these are.
    pub workspace_id: Uuid,
    /// The campaign to link them to.
    pub campaign_id: Uuid,
    /// What becomes of the fields of matched leads.
    #[serde(default)]
    pub merge: Merge,
    /// ISO 3166 alpha-2 region for phone numbers in national format.
    #[serde(borrow, default)]
    pub default_region: Option<Cow<'a, str>>,
    /// Answer what would happen, and write nothing.
    // Not an [`Options`] flattened: that would keep unknown fields until the end, and so stumble over
    // what is ignored elsewhere.
    #[serde(default)]
    pub dry_run: bool,
    /// Apply nothing unless every entry can be applied.
    #[serde(default)]
    pub all_or_nothing: bool,
    /// Pass over leads that the workspace has.
    #[serde(default)]
    pub skip_if_in_workspace: bool,
    /// Pass over leads that are in another campaign of the workspace.
    #[serde(default)]
    pub skip_if_in_other_campaign: bool,
    /// What the request is called that this comes from: it stands in logs and traces. Visible ASCII.
    #[serde(default, deserialize_with = "origin::read")]
    #[schemars(with = "Option<String>", length(min = 1, max = MAX_REQUEST_ID))]
    pub request_id: Option<RequestId>,
    /// The span that this is part of, by W3C Trace Context; else that of the message's header.
    #[serde(default, deserialize_with = "origin::read")]
    #[schemars(with = "Option<String>")]
    pub traceparent: Option<TraceContext>,
    /// The entries, each to be parsed on its own.
    #[serde(borrow)]
    #[schemars(with = "Vec<LeadEntry>", length(min = 1, max = MAX_LEADS_PER_SUBMISSION))]
    pub leads: Vec<&'a RawValue>,
}

/// A submission as a publisher writes it: the `leads` array is copied as it came.
#[derive(Debug, Serialize)]
pub struct SubmissionToSend<'a> {
    /// See [`Submission::id`].
    pub id: Uuid,
    /// See [`Submission::workspace_id`].
    pub workspace_id: Uuid,
    /// See [`Submission::campaign_id`].
    pub campaign_id: Uuid,
    /// See [`Submission::merge`].
    pub merge: Merge,
    /// See [`Submission::default_region`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_region: Option<&'a str>,
    /// See [`Submission::options`].
    #[serde(flatten)]
    pub options: Options,
    /// See [`Submission::request_id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a RequestId>,
    /// See [`Submission::traceparent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceContext>,
    /// The JSON array of entries.
    pub leads: &'a RawValue,
}

/// The message on `leads.submitted`.
#[derive(Debug, Serialize)]
pub struct SubmissionsToSend<'a> {
    /// At least one.
    pub submissions: Vec<SubmissionToSend<'a>>,
}

/// Why a message as a whole, or one submission in it, cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Unreadable {
    /// The submission's id, where at least that could be read.
    pub submission_id: Option<Uuid>,
    /// Where it comes from, as far as that could be read.
    pub origin: Box<Origin>,
    /// What is wrong with it.
    pub error: ErrorBody,
}

/// The body of a message on `leads.submitted`, with its submissions still raw, so that an unreadable
/// one does not harm its neighbours: see [`Submission::read`].
///
/// # Errors
/// When the body is not `{"submissions": [...]}` with at least one submission.
pub fn read_submissions(body: &[u8]) -> Result<Vec<&RawValue>, ErrorBody> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        submissions: Vec<&'a RawValue>,
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|error| {
        ErrorBody::bad_request(format!("Unreadable message: {}", json_problem(&error)))
    })?;
    if envelope.submissions.is_empty() {
        return Err(ErrorBody::bad_request("submissions must not be empty"));
    }
    Ok(envelope.submissions)
}

/// The body of a message with these submissions.
pub fn write_submissions(submissions: &[&RawValue]) -> Vec<u8> {
    let submissions: Vec<&str> = submissions.iter().map(|raw| raw.get()).collect();
    format!(r#"{{"submissions":[{}]}}"#, submissions.join(",")).into_bytes()
}

impl<'a> Submission<'a> {
    /// Reads one submission of a message.
    ///
    /// # Errors
    /// When it has not the contract's shape, or no entries, or too many.
    pub fn read(raw: &'a RawValue) -> Result<Self, Unreadable> {
        let submission: Self = serde_json::from_str(raw.get()).map_err(|error| {
            let problem = format!("Unreadable submission: {}", json_problem(&error));
            Names::of(raw).unreadable(ErrorBody::bad_request(problem))
        })?;
        let problem = match submission.leads.len() {
            0 => "leads must not be empty".to_owned(),
            1..=MAX_LEADS_PER_SUBMISSION => return Ok(submission),
            _ => format!("at most {MAX_LEADS_PER_SUBMISSION} leads per submission"),
        };
        Err(submission.unreadable(ErrorBody::new(ErrorCode::BadRequest, problem)))
    }

    /// Says that it cannot be worked on.
    pub fn unreadable(&self, error: ErrorBody) -> Unreadable {
        Unreadable { submission_id: Some(self.id), origin: Box::new(self.origin()), error }
    }

    /// Where it comes from, as far as it says so itself.
    pub fn origin(&self) -> Origin {
        Origin { request_id: self.request_id.clone(), trace: self.traceparent }
    }

    /// What else is asked for.
    pub fn options(&self) -> Options {
        Options {
            dry_run: self.dry_run,
            all_or_nothing: self.all_or_nothing,
            skip_if_in_workspace: self.skip_if_in_workspace,
            skip_if_in_other_campaign: self.skip_if_in_other_campaign,
        }
    }
}

/// A parser's error as publishers and logs may be told it: without the offending value, which it
/// repeats for a wrong type, and which may be somebody's phone.
pub fn json_problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if ["missing field", "duplicate field"].iter().any(|harmless| text.starts_with(harmless)) {
        return text;
    }
    if let Some(problem) = unknown_field(&text) {
        return problem;
    }
    let problem = if error.is_data() { "not of the contract's shape" } else { "not valid JSON" };
    format!("{problem} at line {} column {}", error.line(), error.column())
}

/// What serde says of a field that there is not, with the field that was probably meant.
fn unknown_field(text: &str) -> Option<String> {
    /// The longest name that is repeated, in characters.
    const MAX_NAME: usize = 64;
    let (name, expected) = text.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let known = expected.split('`').skip(1).step_by(2);
    let meant = known.into_iter().find(|known| plain(known) == plain(name));
    let name: String = name.escape_debug().take(MAX_NAME).collect();
    Some(match meant {
        Some(meant) => format!("unknown field `{name}`: did you mean `{meant}`?"),
        None => format!("unknown field `{name}`"),
    })
}

/// What names a submission that is otherwise unreadable, so that its publisher can be told.
#[derive(Default, Deserialize)]
struct Names {
    #[serde(default, deserialize_with = "origin::read")]
    id: Option<Uuid>,
    #[serde(default, deserialize_with = "origin::read")]
    request_id: Option<RequestId>,
    #[serde(default, deserialize_with = "origin::read")]
    traceparent: Option<TraceContext>,
}

impl Names {
    fn of(raw: &RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    fn unreadable(self, error: ErrorBody) -> Unreadable {
        let origin = Origin { request_id: self.request_id, trace: self.traceparent };
        Unreadable { submission_id: self.id, origin: Box::new(origin), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-7000-8000-000000000001";

    fn message(submission: &str) -> String {
        format!(r#"{{"submissions":[{submission}]}}"#)
    }

    #[test]
    fn a_bad_submission_leaves_its_neighbour_readable() {
        let body = message(&format!(
            r#"{{"id":"{ID}","workspace_id":"secret"}},
               {{"id":"{ID}","workspace_id":"{ID}","campaign_id":"{ID}","leads":[{{}}, 1]}}"#
        ));
        let read = read_submissions(body.as_bytes()).expect("the envelope is fine");
        let bad = Submission::read(read[0]).expect_err("workspace_id is a number");
        assert!(!bad.error.message.contains("secret"), "{bad}");
        assert_eq!(bad.submission_id, Some(ID.parse().expect("a UUID")));
        let good = Submission::read(read[1]).expect("readable");
        assert_eq!(good.merge, Merge::Fill);
        assert_eq!(good.leads.iter().map(|raw| raw.get()).collect::<Vec<_>>(), ["{}", "1"]);
    }

    #[test]
    fn options_are_read_as_they_are_written() {
        let leads = serde_json::from_str("[{}]").expect("JSON");
        let write = |options| {
            let id = Uuid::nil();
            let (workspace_id, campaign_id, merge, default_region) = (id, id, Merge::None, None);
            let sent = SubmissionToSend {
                id,
                workspace_id,
                campaign_id,
                merge,
                default_region,
                options,
                request_id: None,
                traceparent: None,
                leads,
            };
            serde_json::to_string(&sent).expect("written")
        };
        assert!(!write(Options::default()).contains("false"));
        for bits in 0..16u8 {
            let options = Options {
                dry_run: bits & 1 != 0,
                all_or_nothing: bits & 2 != 0,
                skip_if_in_workspace: bits & 4 != 0,
                skip_if_in_other_campaign: bits & 8 != 0,
            };
            let written = RawValue::from_string(write(options)).expect("JSON");
            assert_eq!(Submission::read(&written).expect("readable").options(), options);
        }
    }

    #[test]
    fn nothing_is_refused_for_where_it_comes_from() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read = |origin: &str, leads: &str| {
            let names = format!(r#""id":"{ID}","workspace_id":"{ID}","campaign_id":"{ID}""#);
            let raw = format!("{{{names},{origin},\"leads\":{leads}}}");
            let raw = RawValue::from_string(raw).expect("JSON");
            match Submission::read(&raw) {
                Ok(submission) => submission.origin(),
                Err(unreadable) => {
                    assert_eq!(unreadable.submission_id, ID.parse().ok());
                    *unreadable.origin
                }
            }
        };
        let told = format!(r#""request_id":"r\u0031","traceparent":"{trace}""#);
        let origin = Origin { request_id: "r1".parse().ok(), trace: trace.parse().ok() };
        for leads in ["[{}]", "[]", "7"] {
            assert_eq!(read(&told, leads), origin);
        }
        for strange in [
            r#""request_id":null,"traceparent":null"#,
            r#""request_id":["r1"],"traceparent":{"a":1}"#,
            r#""request_id":"two words","traceparent":"00-0-0-0""#,
            r#""request_id":"","traceparent":7"#,
        ] {
            assert_eq!(read(strange, "[{}]"), Origin::default(), "{strange}");
        }
    }

    #[test]
    fn a_member_that_is_not_known_is_refused_by_name() {
        let names = format!(r#""id":"{ID}","workspace_id":"{ID}","campaign_id":"{ID}""#);
        for (member, told) in [
            ("dryRun", "unknown field `dryRun`: did you mean `dry_run`?"),
            ("DRY-RUN", "unknown field `DRY-RUN`: did you mean `dry_run`?"),
            ("wait", "unknown field `wait`"),
            ("\\u001b[31m", "unknown field `\\u{1b}[31m`"),
        ] {
            let raw = format!(r#"{{{names},"{member}":true,"leads":[{{}}]}}"#);
            let raw = RawValue::from_string(raw).expect("JSON");
            let refused = Submission::read(&raw).expect_err("refused");
            assert_eq!(refused.error.message, format!("Unreadable submission: {told}"));
            assert_eq!(refused.submission_id, ID.parse().ok());
        }
    }

    #[test]
    fn leads_are_bounded() {
        for (leads, accepted) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
            let entries = vec!["{}"; leads].join(",");
            let body = message(&format!(
                r#"{{"id":"{ID}","workspace_id":"{ID}","campaign_id":"{ID}","leads":[{entries}]}}"#
            ));
            let read = read_submissions(body.as_bytes()).expect("the envelope is fine");
            assert_eq!(Submission::read(read[0]).is_ok(), accepted, "{leads} leads");
        }
    }

    #[test]
    fn what_is_no_envelope_is_refused_whole() {
        for body in
            [&b""[..], b"[]", b"{}", br#"{"submissions":[]}"#, b"\xff", b"{\"submissions\":[{]}"]
        {
            assert!(read_submissions(body).is_err(), "{body:?}");
        }
    }
}
