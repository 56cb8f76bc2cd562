-- Finds agents by what their configuration holds, and by status and last activity.
--
-- SQLite has no index over a whole JSON document as PostgreSQL's GIN is; an index on an expression serves the
-- queries that write the same expression. So the keys that are searched for have one each.

-- For json_extract(configuration, '$.model') = 'large'.
CREATE INDEX idx_agents_configuration_model ON agents (json_extract(configuration, '$.model'));

-- For json_extract(configuration, '$.team') = 'payments'.
CREATE INDEX idx_agents_configuration_team ON agents (json_extract(configuration, '$.team'));

-- For "the idle agents, longest idle first".
CREATE INDEX idx_agents_status_last_activity ON agents (status, last_activity);
