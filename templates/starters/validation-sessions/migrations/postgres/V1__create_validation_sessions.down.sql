-- Drops the tables and all they hold, children before the parents they point to.

DROP TABLE behavioral_test_results;
DROP TABLE validation_metrics;
DROP TABLE discrepancies;
DROP TABLE validation_results;
DROP TABLE validation_sessions;
