DROP TABLE lead.suppressing_workspaces;
DROP TABLE lead.suppressions;
