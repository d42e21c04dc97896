//! The bus's contract: one suite, held against both implementations, and what only a broker can
//! show.

mod browsing;
mod calls;
mod delivery;
mod fixture;
mod rabbitmq;
mod undone;

/// Makes of each function a test on the memory bus and one on RabbitMQ.
macro_rules! contract {
    ($($subject:ident: $($test:ident),+;)+) => {
        mod on_memory {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                crate::$subject::$test(crate::fixture::memory()).await;
            })+)+
        }
        mod on_rabbitmq {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                crate::$subject::$test(crate::fixture::rabbitmq().await).await;
            })+)+
        }
    };
}

contract! {
    browsing:
        what_is_not_removed_is_given_back_in_order,
        only_what_was_there_at_first_is_shown,
        an_empty_queue_shows_nothing;
    delivery:
        messages_arrive_in_order,
        the_envelope_arrives,
        a_batch_takes_what_is_there,
        a_batch_holds_so_many_messages,
        a_batch_holds_so_many_bytes,
        competing_subscriptions_share,
        waiting_for_a_batch_can_be_given_up,
        closing_ends;
    undone:
        an_acknowledged_batch_is_done,
        what_is_acknowledged_soon_is_done_at_the_end,
        what_is_acknowledged_soon_is_done_while_waiting,
        what_is_acknowledged_soon_holds_up_nothing,
        a_failure_repeats_nothing_that_is_done,
        a_dropped_batch_comes_again,
        a_dropped_subscription_gives_everything_back,
        a_message_that_always_fails_becomes_a_dead_letter,
        a_dead_letter_says_why;
    calls:
        each_call_gets_its_own_reply,
        a_reply_may_come_from_further_down,
        a_call_without_an_answer_ends_at_its_deadline,
        a_request_expires_with_its_caller,
        a_submission_outlives_its_caller,
        late_unknown_and_second_replies_are_dropped;
}
