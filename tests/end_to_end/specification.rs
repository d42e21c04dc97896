//! What is published about the API is what the API does.
//!
//! Beside these tests, every answer that any test gets through [`crate::system::Caller`] is held
//! against the specification: see [`crate::system::conformance`].

mod blanks;
mod examples;
mod page;
mod routes;
mod strangers;
