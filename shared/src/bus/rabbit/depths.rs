//! What waits in the queues, for the tools of who runs Rollcall.

use std::str::FromStr;

use lapin::{
    Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable, uri::AMQPUri,
};
use tokio::time::{Instant, timeout_at};

use super::super::{BusError, Queue};

/// How much waits in a queue, and who takes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that nobody has taken yet.
    pub messages: u32,
    /// How many consumers there are.
    pub consumers: u32,
}

/// Looks at all queues, without declaring any; `None` for one that is not there.
///
/// # Errors
/// When the broker is not reached by the deadline.
pub async fn depths(url: &str, deadline: Instant) -> Result<Vec<(Queue, Option<Depth>)>, BusError> {
    let uri = AMQPUri::from_str(url).map_err(BusError::Unavailable)?;
    let asked = timeout_at(deadline, look(uri)).await.map_err(|_| BusError::Timeout)?;
    asked.map_err(|error| BusError::Unavailable(error.to_string()))
}

async fn look(uri: AMQPUri) -> lapin::Result<Vec<(Queue, Option<Depth>)>> {
    let connection = Connection::connect_uri(uri, ConnectionProperties::default()).await?;
    let mut channel = connection.create_channel().await?;
    let mut queues = Vec::new();
    for queue in Queue::ALL {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let name = queue.name().into();
        let depth = match channel.queue_declare(name, options, FieldTable::default()).await {
            Ok(queue) => {
                Some(Depth { messages: queue.message_count(), consumers: queue.consumer_count() })
            }
            // The broker closes a channel on which it was asked for what is not there. If it is
            // the connection that is lost, the next one fails.
            Err(_) => {
                channel = connection.create_channel().await?;
                None
            }
        };
        queues.push((queue, depth));
    }
    // All is known by now; a connection that does not close in good order changes nothing.
    let _ = connection.close(200, "OK".into()).await;
    Ok(queues)
}
