-- What was decided on submissions that pass over leads of other campaigns, so that a replay is
-- answered the same, whatever has become of the links since. Kept for some days.
CREATE TABLE campaign.decisions (
    workspace_id  uuid NOT NULL,
    submission_id uuid NOT NULL,
    -- The places of the entries that were passed over, as a JSON array.
    skipped       text NOT NULL,
    decided_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, submission_id)
);
-- Rows arrive in the order of time, which is all that a BRIN index needs; the purge uses it.
CREATE INDEX decisions_decided_at ON campaign.decisions USING brin (decided_at);
