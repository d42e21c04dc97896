//! The queues, and the lanes that they form.

/// How often a message is delivered again before it becomes a dead letter. RabbitMQ 4's default,
/// set explicitly because 3.x has none
/// (<https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling>).
pub const DELIVERY_LIMIT: u32 = 20;

/// The queues of Rollcall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Submissions for the lead service; the public door (contract section 5).
    Submitted,
    /// Large submissions, on a lane of their own: see [`Lane`].
    SubmittedBulk,
    /// Parts of big submissions, on a lane of their own too.
    SubmittedBackground,
    /// Resolved submissions for the campaign service.
    Resolved,
    /// Large ones.
    ResolvedBulk,
    /// Parts of big ones.
    ResolvedBackground,
    /// Messages that nobody could work on, with the reason in [`REASON_HEADER`].
    DeadLetters,
    /// Look-ups and changes for the lead service; transient.
    LeadRequests,
    /// Look-ups and changes for the campaign service; transient.
    CampaignRequests,
    /// Where releases before 0.2 ask the lead service: a classic queue, which is lost with its node.
    LegacyLeadRequests,
    /// Where they ask the campaign service.
    LegacyCampaignRequests,
}

impl Queue {
    /// All that are in use. The legacy ones only exist while an installation is upgraded.
    pub const ALL: [Self; 9] = [
        Self::Submitted,
        Self::SubmittedBulk,
        Self::SubmittedBackground,
        Self::Resolved,
        Self::ResolvedBulk,
        Self::ResolvedBackground,
        Self::DeadLetters,
        Self::LeadRequests,
        Self::CampaignRequests,
    ];

    /// The queue's name, which is its routing key too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "leads.submitted",
            Self::SubmittedBulk => "leads.submitted.bulk",
            Self::SubmittedBackground => "leads.submitted.background",
            Self::Resolved => "leads.resolved",
            Self::ResolvedBulk => "leads.resolved.bulk",
            Self::ResolvedBackground => "leads.resolved.background",
            Self::DeadLetters => "leads.dead-letters",
            Self::LeadRequests => "lead-service.requests",
            Self::CampaignRequests => "campaign-service.requests",
            Self::LegacyLeadRequests => "lead.requests",
            Self::LegacyCampaignRequests => "campaign.requests",
        }
    }

    /// Whether messages survive a restart of the broker.
    pub fn durable(self) -> bool {
        match self {
            Self::Submitted
            | Self::SubmittedBulk
            | Self::SubmittedBackground
            | Self::Resolved
            | Self::ResolvedBulk
            | Self::ResolvedBackground
            | Self::DeadLetters => true,
            Self::LeadRequests
            | Self::CampaignRequests
            | Self::LegacyLeadRequests
            | Self::LegacyCampaignRequests => false,
        }
    }

    /// The queue that had this one's purpose in releases before 0.2. While an installation is upgraded,
    /// services consume both, and requests go where somebody consumes.
    pub fn legacy(self) -> Option<Self> {
        match self {
            Self::LeadRequests => Some(Self::LegacyLeadRequests),
            Self::CampaignRequests => Some(Self::LegacyCampaignRequests),
            _ => None,
        }
    }

    /// Whether this is a queue of releases before 0.2.
    pub fn is_legacy(self) -> bool {
        matches!(self, Self::LegacyLeadRequests | Self::LegacyCampaignRequests)
    }

    /// Whether a reply to this address would land in one of our own queues. Such a `reply_to` is
    /// refused: the services may write anywhere, their callers may not (contract section 5).
    pub fn is_own(address: &str) -> bool {
        let names = |queue: Self| queue.name() == address;
        Self::ALL.into_iter().any(|queue| names(queue) || queue.legacy().is_some_and(names))
    }
}

/// The ways through the pipeline, each with its queues and workers, so that single rows do not
/// wait behind thousands, and nobody who waits for an answer behind what nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Submissions of few leads; the public door (contract section 5).
    Rows,
    /// Submissions of many.
    Bulk,
    /// Parts of big submissions, which the gateway has accepted and works off.
    Background,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rows, Self::Bulk, Self::Background];

    /// The lane's name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bulk => "bulk",
            Self::Background => "background",
        }
    }

    /// The lane of a submission with so many leads, whose caller waits.
    pub fn of(leads: usize) -> Self {
        /// As many as a batch of single rows under load.
        const ROWS: usize = 100;
        if leads <= ROWS { Self::Rows } else { Self::Bulk }
    }

    /// Where the lane begins.
    pub fn submitted(self) -> Queue {
        match self {
            Self::Rows => Queue::Submitted,
            Self::Bulk => Queue::SubmittedBulk,
            Self::Background => Queue::SubmittedBackground,
        }
    }

    /// Where the campaign service takes it up.
    pub fn resolved(self) -> Queue {
        match self {
            Self::Rows => Queue::Resolved,
            Self::Bulk => Queue::ResolvedBulk,
            Self::Background => Queue::ResolvedBackground,
        }
    }

    /// How many of a service's workers the lane gets, where each of the others gets so many.
    pub fn workers(self, workers: usize) -> usize {
        match self {
            Self::Rows | Self::Bulk => workers,
            Self::Background => 1,
        }
    }
}
