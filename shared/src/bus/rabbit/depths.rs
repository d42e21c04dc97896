//! What waits in the queues, for the tools of operators.

use std::str::FromStr;

use lapin::ConnectionProperties;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    super::{BusError, Queue},
    addresses::Addresses,
    bounded::step,
    connect_to_any,
    topology::{self, Depth},
};

/// Looks at all queues, without declaring any; `None` for one that is not there.
///
/// # Errors
/// When the broker is not reached by the deadline.
pub async fn depths(url: &str, deadline: Instant) -> Result<Vec<(Queue, Option<Depth>)>, BusError> {
    let addresses = Addresses::from_str(url).map_err(BusError::Unavailable)?;
    timeout_at(deadline, look(&addresses)).await.map_err(|_| BusError::Timeout)?
}

async fn look(addresses: &Addresses) -> Result<Vec<(Queue, Option<Depth>)>, BusError> {
    let never = CancellationToken::new();
    let wire = connect_to_any(addresses, ConnectionProperties::default).await?;
    let mut queues = Vec::new();
    for queue in Queue::ALL {
        // A channel for each, as the broker closes one on which it was asked for what is not there. If
        // it is the connection that is lost, opening the next one fails.
        let channel = wire.channel(&never).await?;
        let depth = step("looking at a queue", &never, topology::depth(&channel, queue)).await;
        queues.push((queue, depth.ok()));
    }
    wire.close().await;
    Ok(queues)
}
