-- Drops the tables and all they hold, children before the parents they point to.

DROP TABLE configurations;
DROP TABLE security_audits;
DROP TABLE performance_metrics;
DROP TABLE cross_session_patterns;
DROP TABLE memories;
DROP TABLE observations;
DROP TABLE actions;
DROP TABLE goals;
DROP TABLE action_selectors;
DROP TABLE learning_systems;
DROP TABLE decisions;
DROP TABLE sessions;
