//! What more than one service of Rollcall speaks: the messages of the contract, the parsing of
//! lead entries, the bus, settings, telemetry and database plumbing.
//!
//! A service's own business (deduplication, links, HTTP) never lives here.

pub mod admin;
pub mod bus;
pub mod contract;
pub mod crash;
pub mod database;
pub mod dead_letters;
pub mod entry;
pub mod http_client;
pub mod metrics;
pub mod origin;
pub mod pipeline;
pub mod process;
pub mod purge;
pub mod requests;
pub mod service;
pub mod settings;
pub mod supervisor;
pub mod telemetry;
pub mod traces;
pub mod worker;
pub mod workspace_turns;
