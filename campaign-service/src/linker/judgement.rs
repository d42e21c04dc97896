//! Who added which link, and what a late replay is told: pure.
//!
//! A submission gets the same answer however often it comes, and adds nothing the second time,
//! whatever became of the campaign meanwhile. Its marks tell what it added: they stand in the links
//! and, where those were removed, in the removals. What it did not add, it had found. So a removed
//! link is added again only by a submission that was resolved after the removal, and an archived
//! campaign still answers a submission that was resolved before and finds all its leads there.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use shared::contract::ErrorBody;
use uuid::Uuid;

use super::{CampaignKey, Key, Linked, Mark, Unit};

/// A link, as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub mark: Mark,
    /// When the lead was taken out; it is in the campaign where this is `None`.
    pub removed_at: Option<DateTime<Utc>>,
    /// Whether it was removed and added again before.
    pub readded: bool,
}

/// A removed link that is to be added again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Readded {
    pub mark: Mark,
    /// When it was removed, to tell if somebody else changes it meanwhile.
    pub removed_at: DateTime<Utc>,
    /// Whether the submission has added other links, and so is to be finished even if the campaign
    /// was archived this very moment.
    pub begun: bool,
}

/// What is known of a batch's campaigns and links.
#[derive(Default)]
pub(super) struct Known {
    /// The campaigns that exist, with since when they are archived.
    pub campaigns: HashMap<CampaignKey, Option<DateTime<Utc>>>,
    pub links: HashMap<Key, Link>,
    /// The marks of links that were removed, as far as they were in doubt.
    pub removed: HashSet<(Key, Mark)>,
}

/// What becomes of a batch.
#[derive(Debug)]
pub(super) struct Judgement {
    /// One for each unit.
    pub linked: Vec<Linked>,
    /// Links to add again before the batch is looked at once more.
    pub readded: BTreeMap<Key, Readded>,
    /// Whether this is the end of it.
    pub settled: bool,
}

impl Link {
    /// One that was added just now.
    pub(super) fn added((key, mark): (&Key, &Mark)) -> (Key, Self) {
        (*key, Self { mark: *mark, removed_at: None, readded: false })
    }

    /// When it was removed, where the unit came after that and may add it again.
    fn free_for(&self, unit: &Unit) -> Option<DateTime<Utc>> {
        let since = self.removed_at.filter(|removed_at| *removed_at < unit.resolved_at);
        since.filter(|_| self.mark.0 != unit.id)
    }
}

impl Known {
    /// Links that these submissions may have added before they were removed.
    pub(super) fn doubts(&self, units: &[Unit]) -> Vec<(Key, Uuid)> {
        let mut doubts = Vec::new();
        for unit in units {
            for (key, link) in self.links_of(unit) {
                let had_others = link.is_some_and(|link| {
                    (link.readded || link.removed_at.is_some())
                        && link.mark.0 != unit.id
                        && link.free_for(unit).is_none()
                });
                if had_others {
                    doubts.push((key, unit.id));
                }
            }
        }
        doubts
    }

    /// What each unit is answered.
    pub(super) fn judge(&self, units: &[Unit]) -> Judgement {
        let mut judgement =
            Judgement { linked: Vec::new(), readded: BTreeMap::new(), settled: true };
        for unit in units {
            let linked = match self.campaigns.get(&unit.campaign()) {
                None => Err(ErrorBody::not_found("Campaign")),
                Some(Some(archived_at)) if !self.came_before(unit, *archived_at) => {
                    Err(ErrorBody::campaign_archived())
                }
                Some(archived) => Ok(self.judge_entries(unit, archived.is_none(), &mut judgement)),
            };
            judgement.linked.push(linked);
        }
        judgement
    }

    /// Whether the unit was linked before its campaign was archived, or might as well have been: it
    /// added something, or it came before and there is nothing to add.
    fn came_before(&self, unit: &Unit, archived_at: DateTime<Utc>) -> bool {
        let nothing_to_add = || {
            self.links_of(unit).all(|(_, link)| link.is_some_and(|l| l.free_for(unit).is_none()))
        };
        self.begun(unit) || (unit.resolved_at <= archived_at && nothing_to_add())
    }

    /// Whether the unit has added a link.
    fn begun(&self, unit: &Unit) -> bool {
        self.links_of(unit).any(|(_, link)| link.is_some_and(|link| link.mark.0 == unit.id))
    }

    fn links_of(&self, unit: &Unit) -> impl Iterator<Item = (Key, Option<&Link>)> {
        let keys = unit.entries().filter_map(|(_, key)| key);
        keys.map(|key| (key, self.links.get(&key)))
    }

    /// Whether each entry added its link, now or earlier.
    fn judge_entries(&self, unit: &Unit, is_open: bool, judgement: &mut Judgement) -> Vec<bool> {
        let mut added = Vec::with_capacity(unit.outcomes.len());
        for (mark, key) in unit.entries() {
            let link = key.and_then(|key| Some((key, self.links.get(&key)?)));
            added.push(match (key, link) {
                (None, _) => false,
                // It was removed, and is forgotten since a moment ago: it can be added like a new
                // one, while the campaign is open.
                (Some(_), None) => {
                    judgement.settled &= !is_open;
                    false
                }
                (_, Some((_, link))) if link.mark.0 == unit.id => link.mark == mark,
                (_, Some((key, link))) => {
                    if let Some(removed_at) = link.free_for(unit) {
                        judgement.settled = false;
                        let readded = || Readded { mark, removed_at, begun: self.begun(unit) };
                        judgement.readded.entry(key).or_insert_with(readded);
                    }
                    self.removed.contains(&(key, mark))
                }
            });
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        contract::{ErrorCode, Options, Outcome, Resolved},
        origin::Origin,
    };

    use super::*;

    const CAMPAIGN: CampaignKey = (Uuid::nil(), Uuid::max());

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a time")
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn key(lead: u128) -> Key {
        (CAMPAIGN.0, CAMPAIGN.1, id(lead))
    }

    /// A submission that was resolved at this second, about these leads.
    fn unit(submission: u128, second: i64, leads: &[u128]) -> Unit {
        let lead = |lead: &u128| {
            let (created, matched_by, conflict) = (false, None, None);
            let (kept, warnings) = (vec![], vec![]);
            let lead_id = id(*lead);
            Outcome::Lead(Resolved { lead_id, created, matched_by, conflict, kept, warnings })
        };
        Unit {
            id: id(submission),
            origin: Origin::default(),
            workspace_id: CAMPAIGN.0,
            campaign_id: CAMPAIGN.1,
            resolved_at: at(second),
            options: Options::default(),
            refs: vec![],
            outcomes: leads.iter().map(lead).collect(),
        }
    }

    fn known(archived: Option<i64>, links: &[(u128, Link)], removed: &[(u128, Mark)]) -> Known {
        Known {
            campaigns: HashMap::from([(CAMPAIGN, archived.map(at))]),
            links: links.iter().map(|(lead, link)| (key(*lead), *link)).collect(),
            removed: removed.iter().map(|(lead, mark)| (key(*lead), *mark)).collect(),
        }
    }

    fn link(submission: u128, entry: i32, removed: Option<i64>) -> Link {
        Link { mark: (id(submission), entry), removed_at: removed.map(at), readded: false }
    }

    fn settled(judgement: Judgement) -> Vec<Linked> {
        assert!(judgement.settled && judgement.readded.is_empty(), "{judgement:?}");
        judgement.linked
    }

    #[test]
    fn marks_tell_who_added() {
        let known = known(None, &[(1, link(7, 0, None)), (2, link(8, 1, None))], &[]);
        let units = [unit(7, 1, &[1, 1, 2]), unit(8, 2, &[1, 2])];
        let expected = [Ok(vec![true, false, false]), Ok(vec![false, true])];
        assert_eq!(settled(known.judge(&units)), expected);
        assert_eq!(known.doubts(&units), []);
    }

    #[test]
    fn a_removed_link_is_added_again_only_by_who_came_later() {
        // Lead 1 was added by 7, found by 8, and removed at 10.
        let removed = known(None, &[(1, link(7, 0, Some(10)))], &[(1, (id(7), 0))]);
        let before = [unit(7, 1, &[1, 1]), unit(8, 10, &[1])];
        let expected = [Ok(vec![true, false]), Ok(vec![false])];
        assert_eq!(settled(removed.judge(&before)), expected);
        assert_eq!(removed.doubts(&before), [(key(1), id(8))]);

        let later = removed.judge(&[unit(9, 11, &[1]), unit(10, 12, &[1])]);
        let readded = Readded { mark: (id(9), 0), removed_at: at(10), begun: false };
        assert_eq!(later.readded, BTreeMap::from([(key(1), readded)]));
        assert!(!later.settled);

        // Once 9 has added it, 7 is still told what it was, and 8 and 10 that it is there.
        let again = Link { readded: true, ..link(9, 0, None) };
        let known = known(None, &[(1, again)], &[(1, (id(7), 0))]);
        let units = [unit(7, 1, &[1, 1]), unit(8, 10, &[1]), unit(9, 11, &[1]), unit(10, 12, &[1])];
        let told = settled(known.judge(&units));
        let expected = [vec![true, false], vec![false], vec![true], vec![false]];
        assert_eq!(told, expected.map(Ok));
        let doubts = [(key(1), id(7)), (key(1), id(7)), (key(1), id(8)), (key(1), id(10))];
        assert_eq!(known.doubts(&units), doubts);
    }

    #[test]
    fn an_archived_campaign_answers_replays_alone() {
        // Lead 1 was added by 7; lead 2 too and then removed at 5; archived at 10.
        let links = [(1, link(7, 0, None)), (2, link(7, 1, Some(5)))];
        let known = known(Some(10), &links, &[(2, (id(7), 1))]);
        let linked = settled(known.judge(&[
            unit(7, 1, &[1, 2]),
            // It found both there.
            unit(8, 4, &[1, 2]),
            // It came when lead 2 was out, and was not linked in time.
            unit(9, 6, &[1, 2]),
            unit(10, 6, &[3]),
            // It came too late, whatever it asks for.
            unit(11, 11, &[1]),
            unit(12, 11, &[]),
        ]));
        assert_eq!(linked[..2], [Ok(vec![true, true]), Ok(vec![false, false])]);
        for refused in &linked[2..] {
            let refused = refused.as_ref().expect_err("archived");
            assert_eq!(refused.code, ErrorCode::CampaignArchived);
        }
    }

    #[test]
    fn what_has_begun_is_finished() {
        // Archived between adding lead 1 and adding lead 2 again.
        let links = [(1, link(7, 0, None)), (2, link(6, 0, Some(5)))];
        let judgement = known(Some(10), &links, &[]).judge(&[unit(7, 9, &[1, 2])]);
        let readded = Readded { mark: (id(7), 1), removed_at: at(5), begun: true };
        assert_eq!(judgement.readded, BTreeMap::from([(key(2), readded)]));
        assert!(judgement.linked[0].is_ok());
    }

    #[test]
    fn a_forgotten_link_is_added_while_the_campaign_is_open() {
        let links = [(1, link(7, 0, None))];
        let units = [unit(7, 9, &[1, 2])];
        assert!(!known(None, &links, &[]).judge(&units).settled);
        assert_eq!(settled(known(Some(10), &links, &[]).judge(&units)), [Ok(vec![true, false])]);
    }

    #[test]
    fn no_campaign_is_not_found() {
        let judgement = Known::default().judge(&[unit(7, 1, &[1])]);
        let refused = settled(judgement).remove(0).expect_err("no campaign");
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
}
