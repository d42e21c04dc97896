//! Which submissions are linked in one transaction.

use std::collections::{HashMap, HashSet};

use shared::contract::ErrorBody;
use uuid::Uuid;

use crate::linker::{Key, Unit};

/// Campaigns times leads that are looked through in one statement, which takes a second or two, and in
/// one transaction. There is no index of links by lead, which would cost every link that is added
/// (docs/performance.md), so each campaign of the workspace is asked for each lead.
pub(super) const PROBES: usize = 1_000_000;
const MAX_PROBES: usize = 5 * PROBES;
/// Submissions, and so workspaces to lock, of one transaction.
const MAX_UNITS: usize = 100;

/// Cuts the submissions into those that can be linked together, or says why one cannot be.
pub(super) fn rounds<'r, 'u>(
    units: &'r [&'u Unit],
    campaigns: &HashMap<Uuid, usize>,
) -> Vec<Result<&'r [&'u Unit], ErrorBody>> {
    let mut rounds = Vec::new();
    let mut rest = units;
    while let Some(first) = rest.first() {
        let (mut leads, mut probes) = (HashSet::new(), 0);
        let mut joins = |unit: &Unit| {
            let own: HashSet<_> =
                keys(unit).map(|(_, (workspace, _, lead))| (workspace, lead)).collect();
            probes += self::probes(unit, campaigns);
            let joins = unit.options.dry_run == first.options.dry_run
                && probes <= MAX_PROBES
                && leads.is_disjoint(&own);
            leads.extend(own);
            joins
        };
        let count = rest.iter().take(MAX_UNITS).take_while(|unit| joins(unit)).count();
        let (round, others) = rest.split_at(count.max(1));
        rest = others;
        rounds.push(affordable(first, campaigns).map(|()| round));
    }
    rounds
}

/// How many links are looked for on behalf of a submission.
fn probes(unit: &Unit, campaigns: &HashMap<Uuid, usize>) -> usize {
    let campaigns = campaigns.get(&unit.workspace_id).copied().unwrap_or_default();
    if unit.options.skip_if_in_other_campaign { keys(unit).count() * campaigns } else { 0 }
}

/// Refuses a submission that would hold up everybody else. A single lead is never refused.
fn affordable(unit: &Unit, campaigns: &HashMap<Uuid, usize>) -> Result<(), ErrorBody> {
    let leads = keys(unit).count();
    let probes = probes(unit, campaigns);
    if leads <= 1 || probes <= MAX_PROBES {
        return Ok(());
    }
    let campaigns = probes / leads;
    let most = (MAX_PROBES / campaigns).max(1);
    Err(ErrorBody::bad_request(format!(
        "With {campaigns} campaigns in the workspace, skip_if_in_other_campaign takes {most} leads \
         at once at the most"
    )))
}

/// The entries that name a lead to link, by their places.
pub(super) fn keys(unit: &Unit) -> impl Iterator<Item = (usize, Key)> {
    unit.entries().enumerate().filter_map(|(entry, (_, key))| Some((entry, key?)))
}

#[cfg(test)]
mod tests {
    use shared::{
        contract::{Options, Outcome, Resolved},
        origin::Origin,
    };

    use super::*;

    /// A submission of this workspace about these leads.
    fn unit(workspace: u128, leads: &[u128], dry_run: bool) -> Unit {
        let lead = |lead: &u128| {
            let (lead_id, created, matched_by, conflict) =
                (Uuid::from_u128(*lead), false, None, None);
            let (kept, warnings) = (vec![], vec![]);
            Outcome::Lead(Resolved { lead_id, created, matched_by, conflict, kept, warnings })
        };
        Unit {
            id: Uuid::nil(),
            origin: Origin::default(),
            workspace_id: Uuid::from_u128(workspace),
            campaign_id: Uuid::nil(),
            resolved_at: chrono::DateTime::UNIX_EPOCH,
            options: Options { dry_run, skip_if_in_other_campaign: true, ..Options::default() },
            refs: vec![],
            outcomes: leads.iter().map(lead).collect(),
        }
    }

    /// The sizes of the rounds; `None` for a submission that is refused.
    fn sizes(units: &[Unit], campaigns: usize) -> Vec<Option<usize>> {
        let campaigns = (0..9).map(|workspace| (Uuid::from_u128(workspace), campaigns)).collect();
        let units: Vec<_> = units.iter().collect();
        rounds(&units, &campaigns).into_iter().map(|r| r.ok().map(<[_]>::len)).collect()
    }

    #[test]
    fn those_without_a_common_lead_go_together() {
        let units = [
            unit(1, &[1, 1, 2], false),
            unit(1, &[3], false),
            // The same id elsewhere is another lead.
            unit(2, &[1], false),
            unit(1, &[4, 3], false),
            unit(1, &[4], true),
            unit(1, &[5], true),
            unit(1, &[6], false),
        ];
        assert_eq!(sizes(&units, 10), [Some(3), Some(1), Some(2), Some(1)]);
        let many: Vec<_> = (0..250).map(|lead| unit(1, &[lead], false)).collect();
        assert_eq!(sizes(&many, 10), [Some(100), Some(100), Some(50)]);
        assert_eq!(sizes(&[], 10), []);
    }

    #[test]
    fn what_would_hold_up_everybody_is_refused() {
        let units = [unit(1, &[1, 2, 3], false), unit(1, &[4], false), unit(1, &[5, 6], false)];
        assert_eq!(sizes(&units, MAX_PROBES / 6), [Some(3)]);
        assert_eq!(sizes(&units, MAX_PROBES / 3), [Some(1), Some(2)]);
        assert_eq!(sizes(&units, MAX_PROBES / 2), [None, Some(1), Some(1)]);
        // One lead alone is never too many.
        assert_eq!(sizes(&units, 2 * MAX_PROBES), [None, Some(1), None]);
        let campaigns = HashMap::from([(Uuid::from_u128(1), MAX_PROBES / 2)]);
        let told = affordable(&units[0], &campaigns).expect_err("refused").message;
        assert!(told.contains("takes 2 leads"), "{told}");
    }
}
