//! The tables of keys and workspaces.

diesel::table! {
    gateway.workspaces (id) {
        id -> Uuid,
        name -> Text,
        default_region -> Nullable<Text>,
    }
}

diesel::table! {
    gateway.api_keys (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        name -> Nullable<Text>,
        hash -> Binary,
        hint -> Text,
        scopes -> Array<Text>,
        rate_limit -> Nullable<Integer>,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(api_keys -> workspaces (workspace_id));
diesel::allow_tables_to_appear_in_same_query!(api_keys, workspaces);
