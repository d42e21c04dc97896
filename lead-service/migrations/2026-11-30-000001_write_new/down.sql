DROP FUNCTION lead.write_new;
