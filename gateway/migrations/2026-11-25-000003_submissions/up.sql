-- Big submissions: accepted at once, worked off chunk by chunk, in order. This table is their outbox.
CREATE TABLE gateway.submissions (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    campaign_id  uuid NOT NULL,
    -- A JSON object: the members of the request beside its leads.
    options      text NOT NULL DEFAULT '{}',
    total        integer NOT NULL DEFAULT 0,
    processed    integer NOT NULL DEFAULT 0,
    -- A JSON object: the results so far, counted.
    summary      text NOT NULL,
    -- The chunk whose turn it is.
    next_chunk   integer NOT NULL DEFAULT 0,
    -- Failures to work on it since the last success.
    attempts     integer NOT NULL DEFAULT 0,
    -- When it may be worked on next. Whoever does pushes it into the future, and again while it
    -- takes, so that others take over from one who has died. NULL before acceptance and when done.
    due_at       timestamptz,
    -- When it last had a turn.
    served_at    timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- NULL while it arrives; then nobody sees it.
    accepted_at  timestamptz,
    finished_at  timestamptz
);
CREATE INDEX submissions_workspace ON gateway.submissions (workspace_id, id);
CREATE INDEX submissions_served ON gateway.submissions (workspace_id, served_at);
CREATE INDEX submissions_due ON gateway.submissions (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE gateway.submission_chunks (
    submission_id uuid NOT NULL REFERENCES gateway.submissions (id) ON DELETE CASCADE,
    number        integer NOT NULL,
    -- The id under which it travels: sent again, it is answered again what it was the first time.
    id            uuid NOT NULL,
    -- The place of its first entry in the whole submission.
    first         integer NOT NULL,
    count         integer NOT NULL,
    -- A JSON array: all entries; when it is done, those that failed.
    entries       text NOT NULL,
    failed        integer NOT NULL DEFAULT 0,
    -- When it is done: the JSON array of results, or the error that concerns all of them.
    results       text,
    error         text,
    PRIMARY KEY (submission_id, number)
);
-- Compressing what is soon removed costs more than writing it.
ALTER TABLE gateway.submission_chunks ALTER COLUMN entries SET STORAGE EXTERNAL;

-- Who wants to be told when a submission is finished.
CREATE TABLE gateway.callbacks (
    submission_id uuid PRIMARY KEY REFERENCES gateway.submissions (id) ON DELETE CASCADE,
    workspace_id  uuid NOT NULL,
    url           text NOT NULL,
    status        text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts      integer NOT NULL DEFAULT 0,
    -- When it is to be sent next. NULL before the end of the submission, and when this has ended.
    due_at        timestamptz
);
CREATE INDEX callbacks_due ON gateway.callbacks (due_at) WHERE due_at IS NOT NULL;

-- What callbacks are signed with.
CREATE TABLE gateway.webhook_secrets (
    workspace_id   uuid PRIMARY KEY REFERENCES gateway.workspaces (id),
    secret         bytea NOT NULL,
    -- Signs too, for a while after the change.
    previous       bytea,
    previous_until timestamptz
);
