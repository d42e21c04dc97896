//! Asking the lead service and the campaign service.

use std::time::Duration;

use moka::sync::Cache;
use serde::{Serialize, de::DeserializeOwned};
use shared::{
    bus::{Message, Queue, SharedBus, Status, within},
    contract::{Answer, Campaign, CampaignRequest, CampaignStatus, ErrorBody, LeadRequest},
};
use uuid::Uuid;

use crate::{error::ApiError, origin};

/// How long a look-up may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long, and for how many campaigns, it is remembered that they are open.
const CAMPAIGN_REMEMBERED: Duration = Duration::from_secs(60);
const MAX_CAMPAIGNS: u64 = 100_000;

/// The services behind the bus.
pub struct Services {
    bus: SharedBus,
    /// Open campaigns, with their workspaces.
    campaigns: Cache<(Uuid, Uuid), ()>,
}

/// Whether anything can be added to a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CampaignState {
    /// It can, or could a moment ago.
    Open,
    /// It is archived.
    Archived,
}

impl Services {
    /// The services on this bus.
    pub fn new(bus: SharedBus) -> Self {
        let campaigns =
            Cache::builder().max_capacity(MAX_CAMPAIGNS).time_to_live(CAMPAIGN_REMEMBERED).build();
        Self { bus, campaigns }
    }

    /// Asks the campaign service.
    ///
    /// # Errors
    /// What it refuses with; 503 or 504 when it cannot be asked.
    pub async fn campaigns<T: DeserializeOwned>(
        &self,
        request: &CampaignRequest,
    ) -> Result<T, ApiError> {
        self.ask(Queue::CampaignRequests, request).await
    }

    /// Asks the lead service.
    ///
    /// # Errors
    /// What it refuses with; 503 or 504 when it cannot be asked.
    pub async fn leads<T: DeserializeOwned>(&self, request: &LeadRequest) -> Result<T, ApiError> {
        self.ask(Queue::LeadRequests, request).await
    }

    /// Makes sure that the workspace has this campaign, and says whether it is open. One that is
    /// open is remembered briefly; the campaign service's own check, at the time of linking, is the
    /// one that counts.
    ///
    /// # Errors
    /// 404 when it has not.
    pub async fn expect_campaign(
        &self,
        workspace_id: Uuid,
        id: Uuid,
    ) -> Result<CampaignState, ApiError> {
        if self.campaigns.contains_key(&(workspace_id, id)) {
            return Ok(CampaignState::Open);
        }
        let request = CampaignRequest::Get { workspace_id, id };
        let campaign: Campaign = self.campaigns(&request).await?;
        if campaign.status == CampaignStatus::Archived {
            return Ok(CampaignState::Archived);
        }
        self.campaigns.insert((workspace_id, id), ());
        Ok(CampaignState::Open)
    }

    /// Forgets that a campaign is open, because it may be so no more.
    pub fn forget_campaign(&self, workspace_id: Uuid, id: Uuid) {
        self.campaigns.invalidate(&(workspace_id, id));
    }

    /// Whether they can be asked just now.
    pub fn are_reached(&self) -> bool {
        self.bus.status() == Status::Ready
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        queue: Queue,
        request: &impl Serialize,
    ) -> Result<T, ApiError> {
        let unusable = |error: serde_json::Error| {
            tracing::error!(%error, "a service was not understood");
            ApiError::from(ErrorBody::internal())
        };
        let message = Message::new(serde_json::to_vec(request).map_err(unusable)?);
        let message = origin::current().on(message);
        let reply = self.bus.call(queue, message, within(TIMEOUT)).await?;
        let answer: Answer<T> = serde_json::from_slice(&reply).map_err(unusable)?;
        Ok(Result::from(answer)?)
    }
}
