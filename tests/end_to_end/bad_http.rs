//! HTTP that no well-behaved client sends: the bad-input matrix.
//!
//! Whatever arrives, the answer is an error of the contract's shape, or, where the framework itself
//! refuses (malformed HTTP), a bare 400, 408 or 431 and a closed connection; never a 5xx, never a
//! panic; and the next caller is served as ever.
//!
//! Covered elsewhere: rows 1-3, 13, 16-19, 35, 54, 80 and 93 in `errors.rs`, 11 in `tenants.rs`,
//! 55-57 and 77 in `contract.rs`, 82, 83, 85 and 87-92 in `replay.rs`, 94 in the gateway's `limits`,
//! 75 and 78 in `leads.rs`, 79 in the tests of concurrency, 95 and 96 in `queue_door.rs`. Rows that do
//! not apply:
//!
//! * 5: keys carry no checksum (the documented form has none); the form alone is checked before any
//!   look-up.
//! * 27, 28: depth is no error where the contract ignores a field, and costs neither stack nor
//!   memory, because such a value is skipped and never built.
//! * 41: compressed bodies are refused unread (`errors.rs`), so there is no bomb to inflate.
//! * 64, 65: nothing to refuse: an email's domain is taken as it is written, IDN or punycode, and only
//!   case is folded (`values.rs`).
//! * 81: a missing `Idempotency-Key` is no error, the header is optional.
//! * 80, "archived" and "deleted": leads may join a campaign of any status; none is ever deleted.

mod bodies;
mod entries;
mod heads;
mod idempotency_keys;
mod json;
pub mod raw;
mod slow;
mod values;
