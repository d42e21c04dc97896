-- Campaigns, and which lead is in which. Every key begins with the workspace, so that the tables
-- can be partitioned by it.
CREATE TABLE campaign.campaigns (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    name         text NOT NULL,
    status       text NOT NULL
        CHECK (status IN ('draft', 'active', 'paused', 'completed', 'archived')),
    -- Since when nothing may be added.
    archived_at  timestamptz CHECK ((status = 'archived') = (archived_at IS NOT NULL)),
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
    -- Whether it was added after having been removed: an earlier mark may stand in `removals`.
    readded       boolean NOT NULL DEFAULT false,
    added_at      timestamptz NOT NULL DEFAULT now(),
    -- Set when the lead was taken out of the campaign. The row stays for some days, so that a late
    -- replay of what had added the lead does not put it back.
    removed_at    timestamptz,
    PRIMARY KEY (workspace_id, campaign_id, lead_id)
);

-- What was taken out, with the mark that the link had then. Kept for some days.
CREATE TABLE campaign.removals (
    workspace_id  uuid NOT NULL,
    campaign_id   uuid NOT NULL,
    lead_id       uuid NOT NULL,
    submission_id uuid NOT NULL,
    entry         integer NOT NULL,
    -- Chosen by who asked for the removal, so that asking twice is the same removal.
    id            uuid NOT NULL,
    removed_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, lead_id, submission_id)
);
-- Rows arrive in the order of time, which is all that a BRIN index needs; the purge uses it.
CREATE INDEX removals_removed_at ON campaign.removals USING brin (removed_at);

-- How many leads are in each campaign: the sum of both tables. Whatever changes links inserts the
-- difference in the same statement, so that nobody waits for anybody's row; a background job folds
-- differences into counts, in one statement too. So every snapshot tells the exact number.
CREATE TABLE campaign.link_counts (
    workspace_id uuid NOT NULL,
    campaign_id  uuid NOT NULL,
    leads        bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id)
);
CREATE TABLE campaign.link_deltas (
    workspace_id uuid NOT NULL,
    campaign_id  uuid NOT NULL,
    leads        bigint NOT NULL
);
CREATE INDEX link_deltas_campaign ON campaign.link_deltas (workspace_id, campaign_id);

-- Campaigns, each with the number of its leads.
CREATE VIEW campaign.counted_campaigns AS
SELECT c.workspace_id, c.id, c.name, c.status, c.created_at,
       (coalesce(n.leads, 0) + coalesce((
           SELECT sum(d.leads) FROM campaign.link_deltas d
           WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.id
       ), 0))::bigint AS leads
FROM campaign.campaigns c
LEFT JOIN campaign.link_counts n ON n.workspace_id = c.workspace_id AND n.campaign_id = c.id;
