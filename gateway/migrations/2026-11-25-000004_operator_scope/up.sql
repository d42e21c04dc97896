-- Keys of those who run Rollcall; see gateway/src/scopes.rs.
ALTER TABLE gateway.api_keys
    DROP CONSTRAINT api_keys_scopes_check,
    ADD CONSTRAINT api_keys_scopes_check
        CHECK (cardinality(scopes) > 0 AND scopes <@ '{read,leads:write,admin,operator}');
