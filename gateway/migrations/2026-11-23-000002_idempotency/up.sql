-- Idempotency keys, and what their requests were answered (contract section 4).
CREATE TABLE gateway.idempotency_keys (
    workspace_id  uuid NOT NULL,
    key           text COLLATE "C" NOT NULL,
    -- Of method, path and body: the same key with another request is refused.
    fingerprint   bytea NOT NULL,
    -- The submission that the key stands for. A retry submits it again, which answers the same.
    submission_id uuid NOT NULL,
    -- The body of the 200, once there is one.
    answer        text,
    claimed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, key)
);
-- Rows arrive in the order of time, which is all that a BRIN index needs; the purge uses it.
CREATE INDEX idempotency_keys_claimed_at ON gateway.idempotency_keys USING brin (claimed_at);
