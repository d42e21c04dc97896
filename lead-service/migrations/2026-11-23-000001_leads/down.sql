DROP TABLE lead.submissions;
DROP TABLE lead.leads;
