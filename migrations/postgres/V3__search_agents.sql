-- Finds agents by what their configuration holds, and by status and last activity.
--
-- jsonb makes the configuration a value that can be indexed, and refuses text that isn't JSON: if a row holds such
-- text, this migration fails and changes nothing. The table is rewritten under a lock.

ALTER TABLE agents
    ALTER COLUMN configuration DROP DEFAULT,
    ALTER COLUMN configuration TYPE jsonb USING configuration::jsonb,
    ALTER COLUMN configuration SET DEFAULT '{}';

-- For configuration @> '{"model": "large"}', configuration ? 'model' and their kin.
CREATE INDEX idx_agents_configuration ON agents USING gin (configuration);

-- For "the idle agents, longest idle first".
CREATE INDEX idx_agents_status_last_activity ON agents (status, last_activity);
