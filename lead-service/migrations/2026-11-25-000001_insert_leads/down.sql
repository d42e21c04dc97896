DROP FUNCTION lead.insert_leads;
