-- Campaigns, and which lead is in which. Every key begins with the workspace, so that the tables
-- can be partitioned by it.
CREATE TABLE campaign.campaigns (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    name         text NOT NULL,
    status       text NOT NULL
        CHECK (status IN ('draft', 'active', 'paused', 'completed', 'archived')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);

-- The primary key settles every race. There is no foreign key to the campaign: it would lock the
-- campaign's row once for each link, and campaigns are never deleted.
CREATE TABLE campaign.links (
    workspace_id  uuid NOT NULL,
    campaign_id   uuid NOT NULL,
    lead_id       uuid NOT NULL,
    -- The submission and entry that added the lead, so that a replay of it answers `added` again.
    submission_id uuid NOT NULL,
    entry         integer NOT NULL,
    added_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, campaign_id, lead_id)
);
