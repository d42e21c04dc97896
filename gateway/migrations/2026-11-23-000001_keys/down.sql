DROP TABLE gateway.api_keys;
DROP TABLE gateway.workspaces;
