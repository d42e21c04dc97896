-- Leads: one for each phone and one for each email of a workspace (contract section 1).
--
-- Every key holds the workspace, so that the tables can be partitioned by it. Identifiers compare by
-- bytes (COLLATE "C"): it is what the code does, and it is faster.
CREATE TABLE lead.leads (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    phone         text COLLATE "C",
    email         text COLLATE "C",
    first_name    text,
    last_name     text,
    company_name  text,
    title         text,
    linkedin_url  text,
    -- The submission and entry that made the lead.
    submission_id uuid,
    entry         integer,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    -- The id first: an index that begins with the workspace would look as good as the right one to
    -- the planner where it knows nothing of the table, and then a look-up by phone would read all
    -- leads of the workspace.
    PRIMARY KEY (id, workspace_id),
    CONSTRAINT leads_reachable CHECK (phone IS NOT NULL OR email IS NOT NULL)
);
CREATE UNIQUE INDEX leads_phone ON lead.leads (workspace_id, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX leads_email ON lead.leads (workspace_id, email) WHERE email IS NOT NULL;

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
