-- Inserts leads, given by one array for each column. A function only because of what it says where a phone or
-- email is another lead's: PostgreSQL's own message of that shows them, and writes them into the server's log.
CREATE FUNCTION lead.insert_leads(
    workspace_ids uuid[], ids uuid[], phones text[], emails text[], first_names text[], last_names text[],
    company_names text[], titles text[], linkedin_urls text[], submission_ids uuid[], entries integer[],
    -- Not needed here; the statement that updates leads has the same columns.
    detailed boolean[],
    company_websites text[], job_descriptions text[], company_sizes text[], custom_variables text[], metadata text[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lead.leads (workspace_id, id, phone, email, first_name, last_name, company_name, title,
        linkedin_url, submission_id, entry, company_website, job_description, company_size, custom_variables, metadata)
    SELECT k.workspace_id, k.id, k.phone, k.email, k.first_name, k.last_name, k.company_name, k.title,
        k.linkedin_url, k.submission_id, k.entry, k.company_website, k.job_description, k.company_size,
        k.custom_variables::jsonb, k.metadata::jsonb
    FROM unnest(workspace_ids, ids, phones, emails, first_names, last_names, company_names, titles, linkedin_urls,
        submission_ids, entries, company_websites, job_descriptions, company_sizes, $16, $17)
        AS k (workspace_id, id, phone, email, first_name, last_name, company_name, title, linkedin_url,
            submission_id, entry, company_website, job_description, company_size, custom_variables, metadata);
EXCEPTION WHEN unique_violation THEN
    RAISE unique_violation USING MESSAGE = 'a phone or email is another lead''s';
END
$$;
