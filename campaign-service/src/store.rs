//! The campaign service's tables.

mod campaigns;
pub(crate) mod links;

pub(crate) use campaigns::existing_campaigns;
pub use campaigns::{create_campaign, get_campaign, list_campaigns};
pub use links::list_links;
