DROP TABLE gateway.idempotency_keys;
