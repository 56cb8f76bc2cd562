-- Takes the indexes away; no row changes.

DROP INDEX idx_agents_status_last_activity;
DROP INDEX idx_agents_configuration_team;
DROP INDEX idx_agents_configuration_model;
