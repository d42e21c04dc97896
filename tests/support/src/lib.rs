//! Real servers for tests: a database, a virtual host of RabbitMQ, or a whole broker of one's own.
//!
//! `scripts/test.sh` starts the servers and says where they are. Everything made here is unique,
//! so tests run side by side, and is gone when dropped. What cannot be had panics: a test has no
//! better answer.

mod broker;
mod cleanup;
mod cluster;
mod database;
mod eventually;
mod proxy;
mod vhost;

pub use broker::Broker;
pub use cluster::Cluster;
pub use database::TestDatabase;
pub use eventually::eventually;
pub use proxy::{Close, Fault, Moment, Proxy, Way};
pub use vhost::TestVhost;

/// Where a server of this test run is.
fn server(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests by `make test`"))
}

/// A name that no other test uses.
fn unique_name() -> String {
    format!("test_{}", uuid::Uuid::new_v4().simple())
}
