DROP TABLE gateway.webhook_secrets;
DROP TABLE gateway.callbacks;
DROP TABLE gateway.submission_chunks;
DROP TABLE gateway.submissions;
