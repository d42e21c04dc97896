-- One lead, as a good service would do it row by row: look up by phone and by email, insert, commit,
-- link. All statements are prepared; each is a round trip.
--
-- Given: i (to count from), workspace, campaign. A lead's number is shuffled as in bench/src/leads.rs. Each
-- client has a lock of its own, as if it wrote to a workspace of its own: none waits for another.
\set i :i + 1
\set n 4000000000 + :client_id * 500000000 + :i
\set x ((:n # (:n >> 17)) * 739982445) & 8589934591
\set x ((:x # (:x >> 15)) * 695872825) & 8589934591
\set x 1000000000 + (:x # (:x >> 16))
BEGIN;
SELECT pg_advisory_xact_lock(:client_id);
SELECT l.workspace_id, l.id, l.phone, l.email, l.first_name, l.last_name, l.company_name, l.title, l.linkedin_url, l.submission_id, l.entry FROM lead.leads l WHERE l.workspace_id = :workspace::uuid AND l.phone = '+1' || :x::bigint;
SELECT l.workspace_id, l.id, l.phone, l.email, l.first_name, l.last_name, l.company_name, l.title, l.linkedin_url, l.submission_id, l.entry FROM lead.leads l WHERE l.workspace_id = :workspace::uuid AND l.email = 'katherine.johnson' || :x::bigint || '@meridian-health.example';
INSERT INTO lead.leads (workspace_id, id, phone, email, first_name, last_name, company_name, title, linkedin_url, submission_id, entry)
SELECT :workspace::uuid, k.id, '+1' || :x::bigint, 'katherine.johnson' || :x::bigint || '@meridian-health.example', 'Katherine', 'Johnson', 'Meridian Health', 'Director of Marketing', NULL, k.id, 0
FROM (SELECT encode(int8send(((extract(epoch FROM clock_timestamp()) * 1000)::bigint << 16) | 28672 | (:i::bigint & 4095)) || int8send((-9223372036854775808)::bigint | (:x::bigint << 24)), 'hex')::uuid AS id) AS k
RETURNING id AS lead_id \gset
COMMIT;
INSERT INTO campaign.links (workspace_id, campaign_id, lead_id, submission_id, entry)
VALUES (:workspace::uuid, :campaign::uuid, :lead_id::uuid, :lead_id::uuid, 0) ON CONFLICT DO NOTHING;
