//! Callbacks: telling a caller's server that a submission is finished, after the Standard Webhooks
//! specification (<https://github.com/standard-webhooks/standard-webhooks>).
//!
//! Callers choose where we connect to, so [`Guard`] keeps them out of our own network.

pub mod delivery;
pub mod secrets;
pub(crate) mod store;

mod address;
mod client;
mod guard;

pub use guard::{Guard, Refusal, Target};
