//! The campaign service's tables.

mod campaigns;
mod counts;
mod members;
mod pending;

pub(crate) mod decisions;
pub(crate) mod links;
pub(crate) mod others;
pub(crate) mod removals;

pub use campaigns::{create_campaign, get_campaign, list_campaigns, update_campaign};
pub use counts::{fold, keep_folding};
pub use members::{list_members, members_among};
pub use pending::wait_for_links;
pub use removals::{purge_removals, remove_everywhere, remove_lead};
