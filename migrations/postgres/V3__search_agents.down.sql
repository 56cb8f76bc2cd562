-- Takes the indexes away and makes the configuration text again. Every value survives; the spelling is jsonb's own
-- (spaces, order of keys, the last of two equal keys), since jsonb doesn't keep the text it was given.

DROP INDEX idx_agents_status_last_activity;
DROP INDEX idx_agents_configuration;

ALTER TABLE agents
    ALTER COLUMN configuration DROP DEFAULT,
    ALTER COLUMN configuration TYPE text USING configuration::text,
    ALTER COLUMN configuration SET DEFAULT '{}';
