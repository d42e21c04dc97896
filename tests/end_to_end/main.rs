//! Rollcall as its callers see it: over HTTP, on real servers.

mod bad_http;
mod big_submissions;
mod callbacks;
mod campaigns;
mod command;
mod concurrency;
mod console;
mod contract;
mod counts;
mod crash_only;
mod crash_points;
mod crashes;
mod database_failures;
mod dead_letters;
mod dice;
mod documentation;
mod errors;
mod histories;
mod history;
mod intake;
mod keys;
mod late_replays;
mod leads;
mod load;
mod member_search;
mod mixed_versions;
mod neighbours;
mod options;
mod plans;
mod processes;
mod queue_door;
mod recipes;
mod replay;
mod specification;
mod stopping;
mod suppressions;
mod system;
mod tables;
mod tenants;

/// Makes a test of each function, on RabbitMQ and on the bus within the process.
macro_rules! on_both_buses {
    ($($name:ident),+ $(,)?) => {
        mod on_rabbitmq {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::system::System::on_rabbitmq().await).await;
                }
            )+
        }
        mod in_process {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::system::System::in_process().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_buses;
