//! The queue as a public door (contract section 5): whatever an internal service publishes, it gets
//! its answer or leaves a trace, and harms nobody.
//!
//! Replays of a submission are in `replay.rs`; what RabbitMQ itself refuses closes the publisher's
//! channel and is nothing that a service of ours sees.

mod alarm;
mod archived;
pub mod door;
pub mod permissions;
mod poison;
mod properties;
mod refused;
mod submissions;
