//! What is measured: the servers that the script started, and Rollcall's own processes.

mod database;
mod place;
mod processes;
mod rollcall;
mod service;
mod usage;

pub use database::{Database, Fill};
pub use place::Place;
pub use rollcall::{Layout, Rollcall};
pub use usage::{Usage, Watch};
