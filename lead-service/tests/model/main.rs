//! The lead service against the plainest model of what it has to do.

mod histories;
#[allow(clippy::module_inception)]
mod model;
mod regressions;
mod resolve;
mod table;
mod violation;
mod writer;
