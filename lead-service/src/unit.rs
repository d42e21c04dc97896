//! A submission, parsed: the unit of work.

use std::str::FromStr;

use sha2::{Digest, Sha256};
use shared::{
    contract::{ErrorBody, Merge, Options, Submission},
    entry::{EntryError, LeadEntry, Region},
    origin::Origin,
    worker::Submitted,
};
use uuid::Uuid;

/// A submission whose entries have been parsed, each valid or rejected.
#[derive(Debug)]
pub struct Unit {
    /// The submission's id.
    pub id: Uuid,
    /// Where it comes from.
    pub origin: Origin,
    /// Its workspace.
    pub workspace_id: Uuid,
    /// The campaign to link to.
    pub campaign_id: Uuid,
    /// What becomes of fields of matched leads.
    pub merge: Merge,
    /// What else was asked for.
    pub options: Options,
    /// What the caller calls the entries, in their order; ends with the last that has a name.
    pub refs: Vec<Option<String>>,
    /// The entries, in the request's order.
    pub entries: Vec<Result<LeadEntry, EntryError>>,
    /// Says whether another submission with this id has the same content.
    pub fingerprint: [u8; 32],
}

impl Unit {
    /// Parses the entries of a submission.
    ///
    /// # Errors
    /// When `default_region` is no region.
    pub fn parse(submission: &Submission<'_>) -> Result<Self, ErrorBody> {
        let region = submission
            .default_region
            .as_deref()
            .map(|code| Region::from_str(code).map_err(|()| unknown_region()))
            .transpose()?;
        let mut refs = Vec::new();
        let mut entries = Vec::with_capacity(submission.leads.len());
        for raw in &submission.leads {
            let (reference, entry) = LeadEntry::parse_with_ref(raw, region);
            if reference.is_some() {
                refs.resize(entries.len(), None);
                refs.push(reference);
            }
            entries.push(entry);
        }
        Ok(Self {
            id: submission.id,
            origin: submission.origin(),
            workspace_id: submission.workspace_id,
            campaign_id: submission.campaign_id,
            merge: submission.merge,
            options: submission.options(),
            fingerprint: fingerprint(submission, &entries, &refs),
            refs,
            entries,
        })
    }

    /// Whether an entry brings details.
    pub fn has_details(&self) -> bool {
        self.entries.iter().flatten().any(|entry| entry.details.is_some())
    }
}

impl Submitted for Unit {
    fn id(&self) -> Uuid {
        self.id
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn unknown_region() -> ErrorBody {
    ErrorBody::bad_request("default_region must be an ISO 3166 alpha-2 code")
}

/// A digest of what the submission means, not of how its JSON is written. Each part carries its
/// length, so that no two contents flow together.
fn fingerprint(
    submission: &Submission<'_>,
    entries: &[Result<LeadEntry, EntryError>],
    refs: &[Option<String>],
) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut part = |bytes: Option<&[u8]>| {
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        digest.update(length.to_le_bytes());
        digest.update(bytes.unwrap_or_default());
    };
    part(Some(submission.campaign_id.as_bytes()));
    let options = submission.options();
    part(Some(&[
        submission.merge as u8,
        options.dry_run.into(),
        options.all_or_nothing.into(),
        options.skip_if_in_workspace.into(),
        options.skip_if_in_other_campaign.into(),
    ]));
    part(Some(&refs.len().to_le_bytes()));
    refs.iter().for_each(|reference| part(reference.as_ref().map(|text| text.as_bytes())));
    for entry in entries {
        match entry {
            Ok(entry) => {
                part(entry.lead_id.as_ref().map(|id| &id.as_bytes()[..]));
                part(entry.phone.as_ref().map(|phone| phone.as_str().as_bytes()));
                part(entry.email.as_ref().map(|email| email.as_str().as_bytes()));
                entry.profile.0.iter().for_each(|value| part(value.as_ref().map(|v| v.as_bytes())));
                if let Some(details) = &entry.details {
                    details
                        .texts
                        .iter()
                        .for_each(|value| part(value.as_ref().map(|v| v.as_bytes())));
                    let objects =
                        details.objects.each_ref().map(|object| Some(object.as_ref()?.to_json()));
                    objects.iter().for_each(|json| part(json.as_ref().map(|json| json.as_bytes())));
                }
            }
            Err(error) => part(Some(error.message.as_bytes())),
        }
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::contract::read_submissions;

    use super::*;

    fn unit(changes: serde_json::Value) -> Unit {
        let id = Uuid::from_u128(1);
        let mut submission = json!({
            "id": id, "workspace_id": id, "campaign_id": id,
            "leads": [{"phone": "+15551234567", "first_name": "Ann"}, {"phone": "x"}],
        });
        for (key, value) in changes.as_object().expect("an object") {
            submission[key] = value.clone();
        }
        let body = json!({"submissions": [submission]}).to_string();
        let read = read_submissions(body.as_bytes()).expect("readable");
        let submission = Submission::read(read[0]).expect("readable");
        Unit::parse(&submission).expect("a region or none")
    }

    #[test]
    fn the_fingerprint_follows_the_meaning() {
        let plain = unit(json!({}));
        let same = [
            json!({"merge": "fill"}),
            json!({"leads": [{"title": " ", "first_name": "Ann", "phone": "+1 555 123 4567"}, {"phone": "y"}]}),
            json!({"leads": [{"phone": "+15551234567", "first_name": "Ann", "metadata": {}, "company_size": null}, {"phone": "x"}]}),
        ];
        for changes in same {
            assert_eq!(unit(changes.clone()).fingerprint, plain.fingerprint, "{changes}");
        }
        let other = [
            json!({"merge": "none"}),
            json!({"campaign_id": Uuid::from_u128(2)}),
            json!({"dry_run": true}),
            json!({"all_or_nothing": true}),
            json!({"skip_if_in_workspace": true}),
            json!({"skip_if_in_other_campaign": true}),
            json!({"leads": [{"phone": "+15551234567", "first_name": "Ann", "ref": "a"}, {"phone": "x"}]}),
            json!({"leads": [{"phone": "+15551234567", "first_name": "Ann"}, {"phone": "x", "ref": "a"}]}),
            json!({"leads": [{"phone": "+15551234567", "first_name": "Ann"}]}),
            json!({"leads": [{"phone": "+15551234567", "last_name": "Ann"}, {"phone": "x"}]}),
            json!({"leads": [{"phone": "x"}, {"phone": "+15551234567", "first_name": "Ann"}]}),
            json!({"leads": [{"phone": "+15551234567", "first_name": "Ann", "company_size": "5"}, {"phone": "x"}]}),
            json!({"leads": [{"phone": "+15551234567", "first_name": "Ann", "metadata": {"a": 1}}, {"phone": "x"}]}),
            json!({"leads": [{"phone": "+15551234567", "first_name": "Ann", "metadata": {"a": "1"}}, {"phone": "x"}]}),
        ];
        for changes in other {
            assert_ne!(unit(changes.clone()).fingerprint, plain.fingerprint, "{changes}");
        }
    }

    #[test]
    fn an_unknown_region_refuses_the_submission() {
        let body = json!({"submissions": [{
            "id": Uuid::nil(), "workspace_id": Uuid::nil(), "campaign_id": Uuid::nil(),
            "default_region": "Texas", "leads": [{}],
        }]});
        let body = body.to_string();
        let read = read_submissions(body.as_bytes()).expect("readable");
        let submission = Submission::read(read[0]).expect("readable");
        assert!(Unit::parse(&submission).is_err());
    }
}
