//! Random histories: batches of submissions about few phones and emails, so that they meet.

use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::*,
    sample::select,
};
use serde_json::{Map, Value, json};
use shared::contract::{Contact, Merge, Options};
use uuid::Uuid;

/// Workspaces of one history.
pub const WORKSPACES: usize = 3;

/// One submission of a batch.
#[derive(Clone, Debug)]
pub enum Step {
    /// A new one.
    Fresh(Content),
    /// The same as an earlier one, from this batch or another: the place among all before.
    Replay(prop::sample::Index),
    /// An earlier one's id with other content.
    Forged(prop::sample::Index, Content),
    /// An earlier one's id in a workspace that is none of the history's.
    Abroad(prop::sample::Index),
    /// Contacts to be suppressed, before the batch.
    Suppress(usize, Vec<(Contact, Option<&'static str>)>),
    /// A contact that may be contacted again, before the batch.
    Lift(usize, Contact),
}

/// What a submission asks for.
#[derive(Clone, Debug)]
pub struct Content {
    pub workspace: usize,
    pub merge: Merge,
    pub options: Options,
    pub entries: Vec<Entry>,
}

/// An entry before the ids of leads are known.
#[derive(Clone, Debug)]
pub struct Entry {
    lead: Option<NamedLead>,
    phone: Option<u8>,
    email: Option<u8>,
    first_name: Option<&'static str>,
    title: Option<&'static str>,
    company_size: Option<&'static str>,
    metadata: Option<&'static str>,
    unknown_field: bool,
}

/// A lead that an entry names.
#[derive(Clone, Debug)]
enum NamedLead {
    /// One of the workspace's.
    Own(prop::sample::Index),
    /// One of all workspaces', most of them foreign.
    Any(prop::sample::Index),
    /// Nobody's.
    Nobody,
}

impl Entry {
    /// The entry as JSON, given the ids of the leads of its workspace and of all.
    pub fn json(&self, own: &[Uuid], all: &[Uuid]) -> Value {
        let mut entry = Map::new();
        let pick = |place: &prop::sample::Index, ids: &[Uuid]| {
            if ids.is_empty() { Uuid::nil() } else { ids[place.index(ids.len())] }
        };
        if let Some(lead) = &self.lead {
            let id = match lead {
                NamedLead::Own(place) => pick(place, own),
                NamedLead::Any(place) => pick(place, all),
                NamedLead::Nobody => Uuid::nil(),
            };
            entry.insert("lead_id".to_owned(), json!(id));
        }
        let mut put = |field: &str, value: Option<String>| {
            if let Some(value) = value {
                entry.insert(field.to_owned(), json!(value));
            }
        };
        // Other spellings of the same, and a phone that is none.
        put("phone", self.phone.map(phone));
        put("email", self.email.map(|n| format!("Lead{n}@Example.com")));
        put("first_name", self.first_name.map(str::to_owned));
        put("title", self.title.map(str::to_owned));
        put("company_size", self.company_size.map(str::to_owned));
        put("shoe_size", self.unknown_field.then(|| "43".to_owned()));
        if let Some(metadata) = self.metadata {
            entry.insert("metadata".to_owned(), metadata.parse().expect("JSON"));
        }
        Value::Object(entry)
    }
}

/// Objects that meet, and values that a careless reader would change.
const METADATA: [&str; 6] = [
    r#"{"a": 9007199254740993, "b": null}"#,
    r#"{"a": 1.50, "c": {"z": [true, "\u00e9\n\"", 1e2], "b": null}}"#,
    r#"{"b": "", "d": -0.0}"#,
    r#"{"a": null, "b": 2}"#,
    "{}",
    "[1]",
];

fn phone(n: u8) -> String {
    match n {
        0 => "555-0100".to_owned(),
        1 => "+1 (555) 000-0001".to_owned(),
        n => format!("+1555000000{n}"),
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    use prop::sample::Index;
    let lead = prop_oneof![
        6 => any::<Index>().prop_map(NamedLead::Own),
        1 => any::<Index>().prop_map(NamedLead::Any),
        1 => Just(NamedLead::Nobody),
    ];
    let phone = prop_oneof![20 => 1..5u8, 1 => Just(0)];
    (
        weighted(0.2, lead),
        of(phone),
        of(0..4u8),
        of(select(vec!["Ann", "Ben", " "])),
        weighted(0.2, select(vec!["CEO", "CTO"])),
        weighted(0.1, select(vec!["1-10", "11-50"])),
        weighted(0.2, select(METADATA.to_vec())),
        prop::bool::weighted(0.05),
    )
        .prop_map(
            |(lead, phone, email, first_name, title, company_size, metadata, unknown_field)| {
                Entry {
                    lead,
                    phone,
                    email,
                    first_name,
                    title,
                    company_size,
                    metadata,
                    unknown_field,
                }
            },
        )
}

fn content() -> impl Strategy<Value = Content> {
    let merge = select(vec![Merge::Fill, Merge::Overwrite, Merge::None]);
    (0..WORKSPACES, merge, options(), vec(entry(), 1..5)).prop_map(
        |(workspace, merge, options, entries)| Content { workspace, merge, options, entries },
    )
}

/// Any combination of options, most often none.
pub fn options() -> impl Strategy<Value = Options> {
    let option = || prop::bool::weighted(0.25);
    (option(), option(), option(), option()).prop_map(|(dry, all, workspace, campaign)| Options {
        dry_run: dry,
        all_or_nothing: all,
        skip_if_in_workspace: workspace,
        skip_if_in_other_campaign: campaign,
    })
}

fn contact() -> impl Strategy<Value = Contact> {
    prop_oneof![
        (1..5u8).prop_map(|n| Contact::Phone(format!("+1555000000{n}"))),
        (0..4u8).prop_map(|n| Contact::Email(format!("lead{n}@example.com"))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    use prop::sample::Index;
    prop_oneof![
        12 => content().prop_map(Step::Fresh),
        4 => any::<Index>().prop_map(Step::Replay),
        1 => (any::<Index>(), content()).prop_map(|(place, content)| Step::Forged(place, content)),
        1 => any::<Index>().prop_map(Step::Abroad),
        1 => (0..WORKSPACES, vec((contact(), of(Just("asked"))), 1..3))
            .prop_map(|(workspace, contacts)| Step::Suppress(workspace, contacts)),
        1 => (0..WORKSPACES, contact()).prop_map(|(workspace, it)| Step::Lift(workspace, it)),
    ]
}

/// Batches, in order.
pub fn history() -> impl Strategy<Value = Vec<Vec<Step>>> {
    vec(vec(step(), 1..6), 1..6)
}
