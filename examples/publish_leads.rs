//! Publishes leads to Rollcall's queue, as one submission, and prints what became of each.
//!
//! The submission's id comes from the work itself, so that whoever does the work a second time
//! publishes the same submission, and gets the same answer:
//!
//!     publish_leads SUBMISSION_ID < leads.ndjson

use std::{env, io, time::Duration};

use anyhow::{Context, bail, ensure};
use futures_util::StreamExt;
use lapin::{
    BasicProperties, Confirmation, Connection, ConnectionProperties,
    options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions},
    types::FieldTable,
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const ATTEMPTS: u32 = 6;
/// How long an attempt may take, from the connection to the results.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where RabbitMQ delivers replies without a queue of one's own.
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// Publishes a submission until its results are known. That it may arrive more than once does no
/// harm: it is known by its `id`.
async fn submit(amqp_url: &str, submission: &Value) -> anyhow::Result<Value> {
    for attempt in 1..=ATTEMPTS {
        let problem = match timeout(PATIENCE, publish(amqp_url, submission)).await {
            Ok(Ok(outcome)) => return Ok(outcome),
            Ok(Err(problem)) => problem,
            Err(elapsed) => elapsed.into(),
        };
        eprintln!("attempt {attempt}: {problem:#}");
        sleep(Duration::from_secs(1 << attempt.min(4))).await;
    }
    bail!("not answered after {ATTEMPTS} attempts")
}

/// Publishes a submission once and waits for its results.
async fn publish(amqp_url: &str, submission: &Value) -> anyhow::Result<Value> {
    let id = submission["id"].as_str().context("an id")?;
    let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let unacknowledged = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut replies = channel
        .basic_consume(REPLY_TO.into(), "".into(), unacknowledged, FieldTable::default())
        .await?;

    let mandatory = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default()
        .with_delivery_mode(2) // persistent
        .with_content_type("application/json".into())
        .with_correlation_id(id.into())
        .with_reply_to(REPLY_TO.into());
    let body = json!({ "submissions": [submission] }).to_string();
    let published = channel
        .basic_publish(
            "leads".into(),
            "leads.submitted".into(),
            mandatory,
            body.as_bytes(),
            properties,
        )
        .await?;
    // Acknowledged and handed back means that there was no queue to put it into.
    let confirmation = published.await?;
    ensure!(confirmation == Confirmation::Ack(None), "not taken: {confirmation:?}");

    let reply = replies.next().await.context("the channel was closed")??;
    let mut reply: Value = serde_json::from_slice(&reply.data)?;
    connection.close(200, "OK".into()).await?;
    Ok(reply["results"][0].take())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let id = env::args().nth(1).context("usage: publish_leads SUBMISSION_ID < leads.ndjson")?;
    let leads: Result<Vec<Value>, _> = io::stdin().lines().map(parse).collect();
    let submission = json!({
        "id": id,
        "workspace_id": env::var("ROLLCALL_WORKSPACE")?,
        "campaign_id": env::var("ROLLCALL_CAMPAIGN")?,
        "leads": leads?,
    });
    let outcome = submit(&env::var("AMQP_URL")?, &submission).await?;
    if let Some(error) = outcome.get("error") {
        bail!("refused: {error}");
    }
    for result in outcome["results"].as_array().context("results")? {
        println!("{result}");
    }
    Ok(())
}

fn parse(line: io::Result<String>) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&line?)?)
}
