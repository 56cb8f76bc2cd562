-- Drops the tables and all they hold, children before the parents they point to.

DROP TABLE checkpoints;
DROP TABLE project_tasks;
DROP TABLE projects;
DROP TABLE events;
DROP TABLE configurations;
DROP TABLE pull_requests;
DROP TABLE git_state;
DROP TABLE performance_metrics;
DROP TABLE memory_snapshots;
DROP TABLE agent_messages;
DROP TABLE tasks;
DROP TABLE context_sessions;
DROP TABLE agents;
