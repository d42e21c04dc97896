-- Writes a batch that is presumed to be all new, in one statement: what the writer otherwise sends one by one, in a
-- transaction. Fails with a unique_violation where it is not: a phone or email is another lead's, a submission was
-- answered before, or a workspace suppresses contacts, so that all of this has to be looked at.
--
-- Every statement of it sees what was committed before it began, hence all that the locks' last holders did.
CREATE FUNCTION lead.write_new(
    lock_keys bigint[], workspace_ids uuid[],
    -- As for insert_leads.
    lead_workspaces uuid[], ids uuid[], phones text[], emails text[], first_names text[], last_names text[],
    company_names text[], titles text[], linkedin_urls text[], submission_ids uuid[], entries integer[],
    detailed boolean[],
    company_websites text[], job_descriptions text[], company_sizes text[], custom_variables text[], metadata text[],
    counted_workspaces uuid[], counts bigint[],
    record_workspaces uuid[], record_ids uuid[], fingerprints bytea[], outcomes bytea[]
) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(key) FROM unnest(lock_keys) AS key;
    IF EXISTS (
        SELECT FROM unnest(workspace_ids) AS k (workspace_id)
        JOIN lead.suppressing_workspaces s ON s.workspace_id = k.workspace_id AND s.contacts > 0
    ) THEN
        RAISE unique_violation USING MESSAGE = 'a workspace suppresses contacts';
    END IF;
    PERFORM lead.insert_leads(
        lead_workspaces, ids, phones, emails, first_names, last_names, company_names, titles, linkedin_urls,
        submission_ids, entries, detailed, company_websites, job_descriptions, company_sizes, $18, $19);
    INSERT INTO lead.workspaces AS w (workspace_id, leads) SELECT * FROM unnest(counted_workspaces, counts)
    ON CONFLICT (workspace_id) DO UPDATE SET leads = w.leads + excluded.leads;
    INSERT INTO lead.submissions (workspace_id, id, fingerprint, outcomes)
    SELECT * FROM unnest(record_workspaces, record_ids, $24, $25);
    RETURN now();
END
$$;
