-- Drops the tables and all they hold, children before the parents they point to.

DROP TABLE reports;
DROP TABLE aggregated_results;
DROP TABLE golden_branches;
DROP TABLE certifications;
DROP TABLE policy_decisions;
DROP TABLE policy_validations;
DROP TABLE llm_outputs;
DROP TABLE config_deltas;
DROP TABLE context_bundles;
DROP TABLE validation_runs;
