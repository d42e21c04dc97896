-- Whom not to contact. No entry of a submission makes, changes or links a lead that has such a phone
-- or email.
CREATE TABLE lead.suppressions (
    workspace_id uuid NOT NULL,
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('phone', 'email')),
    value        text COLLATE "C" NOT NULL,
    reason       text,
    -- Chosen by who asked for it, so that a repetition of the request answers `added` again.
    id           uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, kind, value)
);
-- Ids are in the order of time: the list, newest first.
CREATE UNIQUE INDEX suppressions_id ON lead.suppressions (workspace_id, id);

-- How many contacts a workspace suppresses, kept in the same transactions. The writer looks here
-- first, and no further where there are none.
CREATE TABLE lead.suppressing_workspaces (
    workspace_id uuid PRIMARY KEY,
    contacts     bigint NOT NULL CHECK (contacts >= 0)
);
