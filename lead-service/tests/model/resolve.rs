//! `resolve` against the model.

use lead_service::{
    resolve::{Directory, Lead, Mark},
    unit::Unit,
};
use proptest::prelude::*;
use shared::{
    contract::{Contact, Merge},
    entry::{Details, Email, EntryError, JsonObject, LeadEntry, Phone, Profile},
};
use uuid::Uuid;

use crate::{
    histories::options,
    model::{Model, new_ids},
    regressions,
};

/// Few phones and emails, so that they meet.
fn phone() -> impl Strategy<Value = Phone> {
    (0..5u8).prop_map(|n| Phone::parse(&format!("+1555000000{n}"), None).expect("valid"))
}

fn email() -> impl Strategy<Value = Email> {
    (0..5u8).prop_map(|n| Email::parse(&format!("lead{n}@example.com")).expect("valid"))
}

fn lead_id() -> impl Strategy<Value = Uuid> {
    (0..12u128).prop_map(Uuid::from_u128)
}

fn entry() -> impl Strategy<Value = LeadEntry> {
    use prop::option::{of, weighted};
    let name = of(prop::sample::select(vec!["Ann", "Ben"]));
    (weighted(0.15, lead_id()), of(phone()), of(email()), name, weighted(0.4, details()))
        .prop_filter("an entry has an identifier", |(id, phone, email, ..)| {
            id.is_some() || phone.is_some() || email.is_some()
        })
        .prop_map(|(lead_id, phone, email, name, details)| LeadEntry {
            lead_id,
            phone,
            email,
            profile: Profile([name.map(str::to_owned), None, None, None, None]),
            details: details.map(Box::new),
            warnings: vec![],
        })
}

/// At least one text or object. Some objects are so full that no two of them go together.
fn details() -> impl Strategy<Value = Details> {
    use prop::option::of;
    let size = of(prop::sample::select(vec!["1-10", "11-50"]).prop_map(str::to_owned));
    let value = prop::sample::select(vec!["1", "2", "null", r#"" ""#, r#"{"a":null}"#]);
    let small = prop::collection::btree_map("[a-c]", value, 1..4).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(key, v)| format!(r#""{key}":{v}"#)).collect();
        format!("{{{}}}", members.join(","))
    });
    let full = prop::sample::select(vec!["x", "y"]).prop_map(|prefix| {
        let members: Vec<_> = (0..100).map(|n| format!(r#""{prefix}{n}":{n}"#)).collect();
        format!("{{{}}}", members.join(","))
    });
    let object = prop_oneof![8 => small, 1 => full]
        .prop_map(|json| JsonObject::from_stored(&json).expect("an object with keys"));
    (size, of(object.clone()), of(object))
        .prop_map(|(size, variables, metadata)| Details {
            texts: [None, None, size],
            objects: [variables, metadata],
        })
        .prop_filter("there is something", |details| *details != Details::default())
}

fn merge() -> impl Strategy<Value = Merge> {
    prop::sample::select(vec![Merge::Fill, Merge::Overwrite, Merge::None])
}

fn history(entries: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(LeadEntry, Merge)>> {
    prop::collection::vec((entry(), merge()), entries)
}

/// Entries by which the first leads take each other's phones and emails, as soon as they are free.
fn exchange() -> impl Strategy<Value = Vec<(LeadEntry, Merge)>> {
    use prop::option::of;
    let entry = (0..3_u128, of(phone()), of(email())).prop_map(|(id, phone, email)| {
        let lead_id = Some(Uuid::from_u128(id));
        (LeadEntry { lead_id, phone, email, ..LeadEntry::default() }, Merge::Overwrite)
    });
    prop::collection::vec(entry, 2..12)
}

/// An entry as it comes out of parsing, now and then a bad one.
fn parsed() -> impl Strategy<Value = Result<LeadEntry, EntryError>> {
    prop_oneof![
        12 => entry().prop_map(Ok),
        1 => Just(Err(EntryError::missing_identifier())),
    ]
}

fn suppressed() -> impl Strategy<Value = Vec<(Contact, Option<String>)>> {
    let contact = prop_oneof![
        phone().prop_map(|phone| Contact::from(&phone)),
        email().prop_map(|email| Contact::from(&email)),
    ];
    let reason = prop::option::of(Just("asked".to_owned()));
    prop::collection::btree_map(contact, reason, 0..3).prop_map(|map| map.into_iter().collect())
}

fn mark(entry: usize) -> Mark {
    Mark { submission_id: Uuid::from_u128(77), entry: entry as i32 }
}

/// Ids in the order of creation, so that entries can name leads to come.
fn ids(from: &Model) -> impl Iterator<Item = Uuid> + use<> {
    (from.leads.len() as u128..).map(Uuid::from_u128)
}

proptest! {
    #![proptest_config(regressions::config(2_000, "resolve"))]

    /// A batch over leads that are stored already gives the model's outcomes and the model's leads.
    #[test]
    fn a_batch_is_its_entries_one_by_one(
        before in history(0..8),
        batch in prop_oneof![3 => history(1..12), 1 => exchange()],
    ) {
        let mut model = Model::default();
        for (n, (entry, merge)) in before.iter().enumerate() {
            let id = ids(&model).next().expect("endless");
            model.apply(entry, *merge, Mark { submission_id: Uuid::nil(), entry: n as i32 }, id);
        }
        let stored = model.leads.clone();
        let mut directory = Directory::default();
        stored.iter().cloned().for_each(|lead| directory.add(lead));

        for (n, (entry, merge)) in batch.iter().enumerate() {
            let id = ids(&model).next().expect("endless");
            let expected = model.apply(entry, *merge, mark(n), id);
            prop_assert_eq!(directory.resolve(entry, *merge, mark(n), || id), expected);
        }
        prop_assert_eq!(written(stored, &directory), Ok(model.leads));
    }

    /// A whole submission, with every combination of options, beside suppressed contacts.
    #[test]
    fn a_submission_is_what_its_options_ask_for(
        before in history(0..8),
        suppressed in suppressed(),
        entries in prop::collection::vec(parsed(), 1..8),
        merge in merge(),
        options in options(),
    ) {
        let mut model = Model::default();
        for (n, (entry, merge)) in before.iter().enumerate() {
            let id = ids(&model).next().expect("endless");
            model.apply(entry, *merge, Mark { submission_id: Uuid::nil(), entry: n as i32 }, id);
        }
        let stored = model.leads.clone();
        let mut directory = Directory::default();
        stored.iter().cloned().for_each(|lead| directory.add(lead));
        for (contact, reason) in suppressed {
            directory.suppress(contact.clone(), reason.clone());
            model.suppressed.push((contact, reason));
        }

        let unit = Unit {
            id: mark(0).submission_id,
            origin: Default::default(),
            workspace_id: Uuid::nil(),
            campaign_id: Uuid::nil(),
            merge,
            options,
            refs: vec![],
            entries,
            fingerprint: [0; 32],
        };
        let told = directory.apply(&unit, Uuid::now_v7);
        prop_assert_eq!(&told, &model.apply_all(&unit, &new_ids(&told)));
        prop_assert_eq!(written(stored, &directory), Ok(model.leads));
    }

    /// An entry that is delivered again, with nothing between, claims its lead again and changes
    /// nothing.
    #[test]
    fn a_created_lead_is_claimed_again(entry in entry(), merge in merge()) {
        let mut directory = Directory::default();
        let first = directory.resolve(&entry, merge, mark(0), || Uuid::from_u128(500));
        let again = directory.resolve(&entry, merge, mark(0), || Uuid::from_u128(501));
        prop_assert_eq!(first, again);
    }
}

/// Carries out the changes row by row, as the database does, refusing any step that breaks a
/// unique index.
fn written(mut stored: Vec<Lead>, directory: &Directory) -> Result<Vec<Lead>, String> {
    let changes = directory.changes();
    for parked in &changes.parked {
        let lead = stored.iter_mut().find(|lead| lead.id == parked.id).ok_or("parked nobody")?;
        if parked.phone {
            lead.phone = None;
        }
        if parked.email {
            lead.email = None;
        }
    }
    for lead in &changes.updated {
        *stored.iter_mut().find(|old| old.id == lead.id).ok_or("updated nobody")? = (*lead).clone();
        unique(&stored)?;
    }
    for lead in &changes.created {
        stored.push((*lead).clone());
        unique(&stored)?;
    }
    Ok(stored)
}

fn unique(leads: &[Lead]) -> Result<(), String> {
    for (place, lead) in leads.iter().enumerate() {
        for other in &leads[..place] {
            if lead.phone.is_some() && lead.phone == other.phone {
                return Err(format!("two leads with phone {:?}", lead.phone));
            }
            if lead.email.is_some() && lead.email == other.email {
                return Err(format!("two leads with email {:?}", lead.email));
            }
        }
    }
    Ok(())
}
