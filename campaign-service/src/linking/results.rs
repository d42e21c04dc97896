//! What a submission's caller is told, entry by entry (contract section 2).

use std::collections::HashSet;

use shared::contract::{
    EntryResult, EntryStatus, ErrorBody, Outcome, Resolved, SubmissionResult, Summary,
};
use uuid::Uuid;

use crate::linker::{Placement, Unit};

/// The results of a submission whose leads have been linked, or have not, as it was asked for.
pub(super) fn of(unit: &Unit, placement: &Placement) -> SubmissionResult {
    let tried = tried(unit);
    let mut summary = Summary::default();
    let entries = unit.outcomes.iter().enumerate();
    let results = entries
        .map(|(index, outcome)| {
            let mut result = entry_result(index, outcome, placement, &tried);
            result.reference = unit.refs.get(index).cloned().flatten();
            summary.count(result.status);
            result
        })
        .collect();
    let (submission_id, campaign_id) = (unit.id, unit.campaign_id);
    let dry_run = unit.options.dry_run;
    if unit.options.all_or_nothing && unit.outcomes.iter().any(Outcome::is_failure) {
        let failures = summary.failed + summary.suppressed;
        let error = ErrorBody::bad_request(format!(
            "Nothing was applied, because {failures} of {} leads cannot be",
            summary.total
        ));
        return SubmissionResult::Refused {
            submission_id,
            campaign_id,
            error,
            results,
            summary,
            dry_run,
        };
    }
    SubmissionResult::Done { submission_id, campaign_id, results, summary, dry_run }
}

/// The leads that a dry run would make: their ids stand for nothing and are not told.
fn tried(unit: &Unit) -> HashSet<Uuid> {
    if !unit.options.dry_run {
        return HashSet::new();
    }
    let made = unit.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Lead(lead) if lead.created => Some(lead.lead_id),
        _ => None,
    });
    made.collect()
}

fn entry_result(
    index: usize,
    outcome: &Outcome,
    placement: &Placement,
    tried: &HashSet<Uuid>,
) -> EntryResult {
    let skipped = |lead, reason: &'static str| EntryResult {
        reason: Some(reason.into()),
        ..about(index, EntryStatus::Skipped, lead, tried)
    };
    match outcome {
        Outcome::Lead(lead) if placement.is_skipped(index) => skipped(lead, "in_other_campaign"),
        Outcome::Lead(lead) => {
            let added = placement.added[index];
            let status = if added { EntryStatus::Added } else { EntryStatus::AlreadyInCampaign };
            about(index, status, lead, tried)
        }
        Outcome::Skipped(lead) => skipped(lead, "in_workspace"),
        Outcome::Rejected(error) => {
            EntryResult { error: Some(error.clone()), ..bare(index, EntryStatus::Error) }
        }
        Outcome::Suppressed(suppressed) => EntryResult {
            field: Some(suppressed.field),
            reason: suppressed.reason.clone().map(Into::into),
            ..bare(index, EntryStatus::Suppressed)
        },
        Outcome::NotApplied => bare(index, EntryStatus::NotApplied),
    }
}

/// The result of an entry that names a lead.
fn about(index: usize, status: EntryStatus, lead: &Resolved, tried: &HashSet<Uuid>) -> EntryResult {
    let told = |id: &Uuid| Some(*id).filter(|id| !tried.contains(id));
    let mut conflict = lead.conflict.clone();
    if let Some(conflict) = &mut conflict {
        conflict.lead_id = conflict.lead_id.as_ref().and_then(told);
    }
    EntryResult {
        lead_id: Some(told(&lead.lead_id)),
        created: Some(lead.created),
        matched_by: Some(lead.matched_by),
        conflict,
        kept: lead.kept.clone(),
        warnings: lead.warnings.clone(),
        ..bare(index, status)
    }
}

fn bare(index: usize, status: EntryStatus) -> EntryResult {
    EntryResult {
        index,
        reference: None,
        lead_id: None,
        status,
        created: None,
        matched_by: None,
        conflict: None,
        kept: vec![],
        warnings: vec![],
        field: None,
        reason: None,
        error: None,
    }
}
