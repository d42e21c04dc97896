-- Leads: one for each phone and one for each email of a workspace (contract section 1).
--
-- Every key holds the workspace, so that the tables can be partitioned by it. Identifiers compare by
-- bytes (COLLATE "C"): it is what the code does, and it is faster.
CREATE TABLE lead.leads (
    workspace_id     uuid NOT NULL,
    -- A UUIDv7: the time in it is when the lead was made.
    id               uuid NOT NULL,
    phone            text COLLATE "C",
    email            text COLLATE "C",
    first_name       text,
    last_name        text,
    company_name     text,
    title            text,
    linkedin_url     text,
    company_website  text,
    job_description  text,
    company_size     text,
    -- Objects of the caller's own making.
    custom_variables jsonb,
    metadata         jsonb,
    -- The submission and entry that made the lead, if one did.
    submission_id    uuid,
    entry            integer,
    -- When a field changed; NULL while none has.
    updated_at       timestamptz,
    CONSTRAINT leads_reachable CHECK (phone IS NOT NULL OR email IS NOT NULL)
);
-- By id, and for lists, newest first. It takes the place of a primary key, and begins with the
-- workspace's hash: an index that begins with the workspace itself would look as good as the right one
-- to the planner where it knows nothing of the table, and then a look-up by phone would read all leads
-- of the workspace.
CREATE UNIQUE INDEX leads_id ON lead.leads (uuid_hash_extended(workspace_id, 0), id);
CREATE UNIQUE INDEX leads_phone ON lead.leads (workspace_id, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX leads_email ON lead.leads (workspace_id, email) WHERE email IS NOT NULL;

-- How many leads a workspace has. Whoever adds or removes leads holds the workspace's lock, so
-- nobody waits for these rows.
CREATE TABLE lead.workspaces (
    workspace_id uuid PRIMARY KEY,
    leads        bigint NOT NULL
) WITH (fillfactor = 50);

-- Leads that were deleted, until the campaign service has forgotten them, too. It is told again and
-- again, because what was resolved before the deletion can still be linked after it.
CREATE TABLE lead.erasures (
    workspace_id uuid NOT NULL,
    lead_id      uuid NOT NULL,
    -- The request that deleted the lead: its repetition is answered as it was.
    request_id   uuid NOT NULL,
    -- How often the campaign service was told.
    told         integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lead_id, workspace_id)
);
CREATE INDEX erasures_due_at ON lead.erasures (due_at);

-- What each submission was answered, so that a replay is answered the same, whatever has become of
-- the leads since. Kept for some days.
CREATE TABLE lead.submissions (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    -- Of the content: the same id with other content is refused.
    fingerprint  bytea NOT NULL,
    -- The JSON array of outcomes, as it was handed on.
    outcomes     bytea NOT NULL,
    resolved_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
-- Compressing costs more than writing here.
ALTER TABLE lead.submissions ALTER COLUMN outcomes SET STORAGE EXTERNAL;
-- Rows arrive in the order of time, which is all that a BRIN index needs; the purge uses it.
CREATE INDEX submissions_resolved_at ON lead.submissions USING brin (resolved_at);
