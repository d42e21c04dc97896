-- Workspaces, and the keys that open them.
CREATE TABLE gateway.workspaces (
    id             uuid PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    -- ISO 3166 alpha-2: phones in this country's national format are accepted.
    default_region text CHECK (default_region ~ '^[A-Z]{2}$'),
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gateway.api_keys (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES gateway.workspaces (id),
    name         text,
    -- SHA-256 of the whole key. The key holds 160 random bits, so it needs no salt and no slow hash.
    hash         bytea NOT NULL UNIQUE,
    -- Its last four characters, to tell keys apart.
    hint         text NOT NULL,
    -- What the key is good for; see gateway/src/scopes.rs.
    scopes       text[] NOT NULL
        CHECK (cardinality(scopes) > 0 AND scopes <@ '{read,leads:write,admin}'),
    -- Requests per minute; NULL for the gateway's default, 0 for no limit.
    rate_limit   integer CHECK (rate_limit >= 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_workspace ON gateway.api_keys (workspace_id);
