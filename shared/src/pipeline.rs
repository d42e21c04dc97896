//! What both halves of the pipeline do the same way: batch by batch they commit, hand on and await
//! the confirms, and acknowledge.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{BatchLimit, Bus, BusError, Message, Queue, stays_away, within},
    crash,
    metrics::StageMetrics,
};

/// What one batch may hold: enough to spread a commit over thousands of leads, little enough that
/// a batch stays a matter of some hundred milliseconds, and its arrays some megabytes.
const LIMIT: BatchLimit = BatchLimit { messages: 500, bytes: 1 << 20 };

/// How long a batch is held whose results the broker does not take, as under a memory alarm. Giving
/// it back would count against its messages, and gain nothing. RabbitMQ takes back what is held for
/// 30 minutes (<https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout>).
const HOLD: Duration = Duration::from_secs(20 * 60);

/// How long it is still held once the service is to stop.
const PARTING: Duration = Duration::from_secs(10);
/// The same while the broker is away.
const PARTING_AWAY: Duration = Duration::from_secs(3);

/// A stage of the pipeline.
#[async_trait]
pub trait Stage: Send {
    /// Where its work is measured.
    fn metrics(&self) -> &StageMetrics;

    /// Carries out what the messages ask for, and hands on what follows from it. The messages are
    /// acknowledged then; otherwise they are delivered again, and the repetition must hand on the
    /// same.
    ///
    /// # Errors
    /// When that was not possible, or it was stopped before the end.
    async fn handle(
        &mut self,
        messages: &[Message],
        stop: &CancellationToken,
    ) -> Result<(), BusError>;
}

/// Works on what arrives on a queue, until stopped.
pub async fn run(mut stage: impl Stage, bus: &dyn Bus, queue: Queue, stop: CancellationToken) {
    let mut subscription = bus.subscribe(queue, LIMIT);
    while let Some(mut batch) = stop.run_until_cancelled(subscription.next_batch()).await {
        let begun = Instant::now();
        let (messages, put_off) = batch.at_work();
        crash::poison(messages);
        let handled = tokio::select! {
            biased;
            handled = stage.handle(messages, &stop) => handled,
            never = put_off => match never {},
        };
        let done = match handled {
            Ok(()) => batch.ack_soon().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => stage.metrics().done(begun),
            Err(error) => tracing::warn!(%error, "a batch will be delivered again"),
        }
    }
    subscription.flush().await;
}

/// Hands on the results of a batch by a deadline that outlasts alarms of the broker; sooner where
/// the service is to stop.
///
/// # Errors
/// Those of `handing_on`, and [`BusError::Timeout`] when there was no more time.
pub async fn hold<F>(
    bus: &dyn Bus,
    stop: &CancellationToken,
    handing_on: impl FnOnce(Instant) -> F,
) -> Result<(), BusError>
where
    F: Future<Output = Result<(), BusError>>,
{
    let parting = async {
        stop.cancelled().await;
        tokio::select! {
            () = sleep(PARTING) => {}
            () = stays_away(bus, PARTING_AWAY) => {}
        }
    };
    tokio::select! {
        done = handing_on(within(HOLD)) => done,
        () = parting => Err(BusError::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinHandle;

    use super::*;
    use crate::bus::{Lane, SharedBus, Subscription, memory::MemoryBus};

    /// Hands each message on as it is.
    struct Forwarder(SharedBus, StageMetrics);

    #[async_trait]
    impl Stage for Forwarder {
        fn metrics(&self) -> &StageMetrics {
            &self.1
        }

        async fn handle(
            &mut self,
            messages: &[Message],
            stop: &CancellationToken,
        ) -> Result<(), BusError> {
            let bus = self.0.clone();
            hold(&*bus, stop, |deadline| async move {
                for message in messages {
                    self.0.publish(Queue::Resolved, message.clone(), deadline).await?;
                }
                Ok(())
            })
            .await
        }
    }

    /// A bus that takes no more on the queue behind, and a stage that has a message for it.
    async fn blocked() -> (SharedBus, CancellationToken, JoinHandle<()>) {
        let bus: SharedBus = Arc::new(MemoryBus::new());
        let full = Message::new(vec![0; 64 << 20]);
        bus.publish(Queue::Resolved, full, within(HOLD)).await.expect("taken");
        bus.publish(Queue::Submitted, Message::new("1"), within(HOLD)).await.expect("taken");
        let stop = CancellationToken::new();
        let stage = Forwarder(bus.clone(), StageMetrics::of("lead", Lane::Rows));
        let (its_bus, stopped) = (bus.clone(), stop.clone());
        let running = tokio::spawn(async move {
            run(stage, &*its_bus, Queue::Submitted, stopped).await;
        });
        (bus, stop, running)
    }

    async fn take(subscription: &mut dyn Subscription) -> Message {
        let batch = subscription.next_batch().await;
        let message = batch.messages()[0].clone();
        batch.ack().await.expect("acknowledged");
        message
    }

    /// The message behind the one that was in the way, once that is gone.
    async fn behind(bus: &SharedBus) -> Message {
        let one = BatchLimit { messages: 1, bytes: 1 };
        let mut resolved = bus.subscribe(Queue::Resolved, one);
        take(&mut *resolved).await;
        take(&mut *resolved).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_broker_uses_up_no_deliveries() {
        let (bus, _stop, _running) = blocked().await;
        sleep(HOLD - Duration::from_secs(1)).await;
        assert_eq!(behind(&bus).await.redeliveries, 0);
    }

    /// The broker would take it back by itself.
    #[tokio::test(start_paused = true)]
    async fn a_batch_is_not_held_for_ever() {
        let (bus, _stop, _running) = blocked().await;
        sleep(HOLD + Duration::from_secs(1)).await;
        assert_eq!(behind(&bus).await.redeliveries, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_quick_all_the_same() {
        let (bus, stop, running) = blocked().await;
        sleep(Duration::from_secs(60)).await;
        assert!(!running.is_finished());
        let told = Instant::now();
        stop.cancel();
        running.await.expect("no panic");
        assert_eq!(told.elapsed(), PARTING);
        let mut submitted = bus.subscribe(Queue::Submitted, LIMIT);
        assert_eq!(take(&mut *submitted).await.redeliveries, 1);
    }

    /// What was begun when the service was told to stop is finished where that is possible.
    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_what_is_nearly_done() {
        let (bus, stop, running) = blocked().await;
        sleep(Duration::from_secs(60)).await;
        stop.cancel();
        sleep(PARTING / 2).await;
        assert_eq!(behind(&bus).await.redeliveries, 0);
        running.await.expect("no panic");
        assert_eq!(bus.depth(Queue::Submitted, within(HOLD)).await, Ok(0));
    }
}
