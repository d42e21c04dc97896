DROP TABLE lead.submissions;
DROP TABLE lead.erasures;
DROP TABLE lead.workspaces;
DROP TABLE lead.leads;
