//! The `rollcall` command, as people type it.

mod dialects;
mod import;
mod lookups;
mod problems;
mod resume;
mod secure;
mod terminal;
pub mod workplace;
