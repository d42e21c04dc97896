//! The whole writer, over a real PostgreSQL, against the model.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use diesel_async::AsyncPgConnection;
use lead_service::{
    migrate,
    requests::LeadAnswers,
    unit::Unit,
    writer::{Answer, Writer},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use shared::{
    contract::{ErrorCode, LeadRequest, NewSuppression, Outcome, Submission, read_submissions},
    database::Database,
    requests::Answers,
    traces::{Span, Tracer},
    worker::Work,
};
use test_support::TestDatabase;
use uuid::Uuid;

use crate::{
    histories::{Content, Step, WORKSPACES, history},
    model::{Model, new_ids},
    regressions, table,
};

#[test]
fn the_writer_does_what_the_model_does() {
    compare_with_the_model(|writer| writer);
}

/// However often it is wrong.
#[test]
fn a_writer_that_presumes_new_leads_does_the_same() {
    compare_with_the_model(|writer| writer.presuming_after(0));
}

/// Large batches are looked up on two connections.
#[test]
fn a_writer_with_two_connections_does_the_same() {
    compare_with_the_model(|writer| writer.presuming_after(1).in_two_from(0));
}

/// It would remember nothing, so no index would say that its id stands for another submission.
#[tokio::test]
async fn a_dry_run_is_not_presumed_to_be_new() {
    let database = TestDatabase::create().await;
    let pool = Database::new(&database.url(), 1).expect("a URL");
    migrate(&pool).await.expect("migrated");
    let mut writer = Writer::new(pool, Tracer::off()).presuming_after(0);
    let mut json = json!({"id": Uuid::now_v7(), "workspace_id": Uuid::now_v7(),
                          "campaign_id": Uuid::nil(), "leads": [{}]});
    writer.work(&[unit(&json)]).await.expect("the database works");
    json["dry_run"] = json!(true);
    let answers = writer.work(&[unit(&json)]).await.expect("the database works");
    let code = answers[0].as_ref().map_err(|error| error.code);
    assert_eq!(code.err(), Some(ErrorCode::IdempotencyMismatch));
}

fn compare_with_the_model(set_up: fn(Writer) -> Writer) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let database = runtime.block_on(TestDatabase::create());
    let pool = Database::new(&database.url(), 1).expect("a URL");
    runtime.block_on(migrate(&pool)).expect("migrated");
    let connection = runtime.block_on(table::connect(&database.url()));
    // One writer and one table for all: each history has workspaces of its own, and the others'
    // rows must not matter.
    let answers = LeadAnswers {
        database: pool.clone(),
        changes: pool.clone(),
        turns: Default::default(),
        deleted: Arc::default(),
    };
    let shared = RefCell::new((set_up(Writer::new(pool, Tracer::off())), connection));
    TestRunner::new(regressions::config(300, "writer"))
        .run(&history(), |batches| {
            let (writer, connection) = &mut *shared.borrow_mut();
            runtime.block_on(async {
                let mut world = World::default();
                for batch in &batches {
                    world.change_lists(&answers, batch).await?;
                    world.batch(writer, batch).await?;
                    world.compare(connection).await?;
                }
                let workspaces: Vec<_> = world.models.into_keys().collect();
                let remembered = table::remembered(connection, &workspaces).await;
                prop_assert_eq!(remembered, world.made.len() as i64);
                Ok(())
            })
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// What should be in the database after a history.
struct World {
    workspaces: [Uuid; WORKSPACES],
    models: HashMap<Uuid, Model>,
    made: Vec<Made>,
}

/// A submission that was made before.
struct Made {
    id: Uuid,
    workspace_id: Uuid,
    json: Value,
    /// What it has to be answered; `None` until its batch is done.
    outcomes: Option<Vec<Outcome>>,
}

impl Default for World {
    fn default() -> Self {
        let workspaces = std::array::from_fn(|_| Uuid::now_v7());
        Self { workspaces, models: HashMap::new(), made: Vec::new() }
    }
}

/// What a unit of a batch is: the submission at this place, or one that must be refused.
enum Expected {
    Made(usize),
    /// Nothing is made of it.
    Dry(Uuid),
    Mismatch,
}

impl World {
    async fn batch(&mut self, writer: &mut Writer, batch: &[Step]) -> Result<(), TestCaseError> {
        let (mut units, mut expected) = (Vec::new(), Vec::new());
        for step in batch {
            let Some((json, what)) = self.submission(step) else { continue };
            units.push(unit(&json));
            expected.push(what);
        }
        let answers = writer.work(&units).await.expect("the database works");
        prop_assert_eq!(answers.len(), units.len());
        for ((unit, what), answer) in units.iter().zip(expected).zip(answers) {
            match what {
                Expected::Mismatch => {
                    let code = answer.map(|_| ()).map_err(|error| error.code);
                    prop_assert_eq!(code, Err(ErrorCode::IdempotencyMismatch));
                }
                Expected::Made(place) => self.answered(place, unit, &answer)?,
                Expected::Dry(workspace_id) => {
                    let told = outcomes(&answer)?;
                    let model = self.models.entry(workspace_id).or_default();
                    let expected = model.clone().apply_all(unit, &new_ids(&told));
                    prop_assert_eq!(told, expected);
                }
            }
        }
        Ok(())
    }

    /// Suppresses and lifts what a batch says, before its submissions.
    async fn change_lists(
        &mut self,
        answers: &LeadAnswers,
        batch: &[Step],
    ) -> Result<(), TestCaseError> {
        for step in batch {
            let (workspace, request, expected) = match step {
                Step::Suppress(workspace, contacts) => {
                    let workspace_id = self.workspaces[*workspace];
                    let list = &mut self.models.entry(workspace_id).or_default().suppressed;
                    let mut added = Vec::new();
                    let mut suppressions = Vec::new();
                    for (contact, reason) in contacts {
                        let reason = reason.map(str::to_owned);
                        added.push(list.iter().all(|(listed, _)| listed != contact));
                        if added.last() == Some(&true) {
                            list.push((contact.clone(), reason.clone()));
                        }
                        let (id, contact) = (Uuid::now_v7(), contact.clone());
                        suppressions.push(NewSuppression { id, contact, reason });
                    }
                    let request = || LeadRequest::Suppress {
                        workspace_id,
                        suppressions: suppressions.clone(),
                    };
                    // The bus may ask twice; both are told the same.
                    let first = answers
                        .answer(request(), &Span::default())
                        .await
                        .expect("the database works");
                    prop_assert_eq!(first.get(), json!(added).to_string());
                    (workspace_id, request(), json!(added))
                }
                Step::Lift(workspace, contact) => {
                    let workspace_id = self.workspaces[*workspace];
                    let list = &mut self.models.entry(workspace_id).or_default().suppressed;
                    let before = list.len();
                    list.retain(|(listed, _)| listed != contact);
                    let contact = contact.clone();
                    let request = LeadRequest::LiftSuppression { workspace_id, contact };
                    (workspace_id, request, json!(list.len() < before))
                }
                _ => continue,
            };
            let told = answers.answer(request, &Span::default()).await.expect("the database works");
            prop_assert_eq!(told.get(), expected.to_string(), "in {}", workspace);
        }
        Ok(())
    }

    /// The JSON of a step's submission, where it has one.
    fn submission(&mut self, step: &Step) -> Option<(Value, Expected)> {
        let earlier = |place: &prop::sample::Index| place.index(self.made.len());
        Some(match step {
            Step::Suppress(..) | Step::Lift(..) => return None,
            Step::Replay(place) if !self.made.is_empty() => {
                let place = earlier(place);
                (self.made[place].json.clone(), Expected::Made(place))
            }
            Step::Forged(place, content) if !self.made.is_empty() => {
                let first = &self.made[earlier(place)];
                let mut json = self.json(first.id, first.workspace_id, content);
                // Whatever the content, it is another one.
                json["campaign_id"] = json!(Uuid::now_v7());
                (json, Expected::Mismatch)
            }
            Step::Abroad(place) if !self.made.is_empty() => {
                let mut json = self.made[earlier(place)].json.clone();
                json["workspace_id"] = json!(Uuid::now_v7());
                self.make(json)
            }
            Step::Fresh(content) | Step::Forged(_, content) => {
                self.make(self.json(Uuid::now_v7(), self.workspaces[content.workspace], content))
            }
            Step::Replay(_) | Step::Abroad(_) => {
                let nobody = json!({"id": Uuid::now_v7(), "workspace_id": self.workspaces[0],
                                    "campaign_id": Uuid::nil(), "leads": [{}]});
                self.make(nobody)
            }
        })
    }

    fn make(&mut self, json: Value) -> (Value, Expected) {
        let id = |field: &str| json[field].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let (id, workspace_id) = (id("id"), id("workspace_id"));
        if json["dry_run"] == true {
            return (json, Expected::Dry(workspace_id));
        }
        self.made.push(Made { id, workspace_id, json: json.clone(), outcomes: None });
        (json, Expected::Made(self.made.len() - 1))
    }

    fn json(&self, id: Uuid, workspace_id: Uuid, content: &Content) -> Value {
        let ids = |model: &Model| model.leads.iter().map(|lead| lead.id).collect::<Vec<_>>();
        let own = self.models.get(&workspace_id).map(ids).unwrap_or_default();
        let all: Vec<_> = self.models.values().flat_map(ids).collect();
        let leads: Vec<_> = content.entries.iter().map(|entry| entry.json(&own, &all)).collect();
        let mut json = json!({"id": id, "workspace_id": workspace_id, "campaign_id": Uuid::nil(),
                              "merge": content.merge, "leads": leads});
        let options = json!(content.options);
        json.as_object_mut().expect("an object").extend(options.as_object().expect("too").clone());
        json
    }

    /// Holds an answer against the model, which makes leads under the ids that the writer chose.
    fn answered(
        &mut self,
        place: usize,
        unit: &Unit,
        answer: &Answer,
    ) -> Result<(), TestCaseError> {
        let told = outcomes(answer)?;
        let made = &mut self.made[place];
        if made.outcomes.is_none() {
            let model = self.models.entry(made.workspace_id).or_default();
            prop_assert_eq!(told.len(), unit.entries.len());
            made.outcomes = Some(model.apply_all(unit, &new_ids(&told)));
        }
        prop_assert_eq!(made.outcomes.as_ref(), Some(&told));
        Ok(())
    }

    async fn compare(&self, connection: &mut AsyncPgConnection) -> Result<(), TestCaseError> {
        for (workspace_id, model) in &self.models {
            let mut expected = model.leads.clone();
            expected.sort_by_key(|lead| lead.id);
            prop_assert_eq!(table::leads(connection, *workspace_id).await, expected);
        }
        Ok(())
    }
}

fn outcomes(answer: &Answer) -> Result<Vec<Outcome>, TestCaseError> {
    let answer = answer.as_ref().map_err(|error| TestCaseError::fail(error.to_string()))?;
    Ok(serde_json::from_str(answer.outcomes.get()).expect("outcomes"))
}

fn unit(json: &Value) -> Unit {
    let body = json!({"submissions": [json]}).to_string();
    let raw = read_submissions(body.as_bytes()).expect("readable")[0];
    Unit::parse(&Submission::read(raw).expect("readable")).expect("no region")
}
