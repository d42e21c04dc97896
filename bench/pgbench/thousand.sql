-- A thousand leads in one statement, one transaction: look up by phone and by email, insert what is
-- not there, link. No lock, no record of the answer, no second commit: the services do more.
--
-- Given: i (to count from), workspace, campaign. Leads are made within the statement, cheaply; a service would
-- send them as arrays, which costs about the same. Numbers are shuffled as in bench/src/leads.rs.
\set i :i + 1
\set first 4000000000 + :client_id * 500000000 + :i * 1000
WITH shuffled AS (
    SELECT entry, 1000000000 + (x # (x >> 16)) AS x FROM (
        SELECT entry, ((x # (x >> 15)) * 695872825) & 8589934591 AS x FROM (
            SELECT n - :first::bigint AS entry, ((n # (n >> 17)) * 739982445) & 8589934591 AS x
            FROM generate_series(:first::bigint, :first::bigint + 999) AS n OFFSET 0) AS a OFFSET 0) AS b
    OFFSET 0
), fresh AS (
    SELECT encode(int8send(now.ms | entry) || int8send((-9223372036854775808)::bigint | (x << 24)), 'hex')::uuid AS id,
        '+1' || x AS phone, 'katherine.johnson' || x || '@meridian-health.example' AS email, entry::integer AS entry
    FROM (SELECT ((extract(epoch FROM clock_timestamp()) * 1000)::bigint << 16) | 28672 AS ms) AS now, shuffled
    OFFSET 0
), made AS (
    INSERT INTO lead.leads (workspace_id, id, phone, email, first_name, last_name, company_name, title, linkedin_url, submission_id, entry)
    SELECT :workspace::uuid, k.id, k.phone, k.email, 'Katherine', 'Johnson', 'Meridian Health', 'Director of Marketing', NULL, k.id, k.entry
    FROM fresh k
    LEFT JOIN lead.leads p ON p.workspace_id = :workspace::uuid AND p.phone = k.phone
    LEFT JOIN lead.leads e ON e.workspace_id = :workspace::uuid AND e.email = k.email
    WHERE p.id IS NULL AND e.id IS NULL
    RETURNING workspace_id, id, submission_id, entry
)
INSERT INTO campaign.links (workspace_id, campaign_id, lead_id, submission_id, entry)
SELECT workspace_id, :campaign::uuid, id, submission_id, entry FROM made ON CONFLICT DO NOTHING;
