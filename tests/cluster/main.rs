//! A cluster of three brokers, each of which is lost in turn: killed, stopped, frozen. Callers notice no more
//! than `lost_nodes` allows; nothing is lost, nothing is added twice.

#[path = "../end_to_end/dice.rs"]
#[allow(dead_code, reason = "used by other test binaries")]
mod dice;
#[path = "../end_to_end/history.rs"]
#[allow(dead_code, reason = "used by other test binaries")]
mod history;
#[path = "../end_to_end/processes.rs"]
#[allow(dead_code, reason = "used by other test binaries")]
mod processes;
#[path = "../end_to_end/system.rs"]
#[allow(dead_code, reason = "used by other test binaries")]
mod system;
#[path = "../end_to_end/tables.rs"]
#[allow(dead_code, reason = "used by other test binaries")]
mod tables;

mod fleet;
mod lost_nodes;
mod observed;
