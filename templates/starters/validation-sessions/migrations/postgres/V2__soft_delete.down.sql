-- Rows that are marked as deleted are as all others again: clean up first what is meant to go (`liftlock cleanup`).

DROP INDEX validation_sessions_deleted_at;
DROP INDEX validation_results_deleted_at;
DROP INDEX discrepancies_deleted_at;
DROP INDEX validation_metrics_deleted_at;
DROP INDEX behavioral_test_results_deleted_at;

DROP INDEX validation_sessions_status_created_at_live;
CREATE INDEX validation_sessions_status_created_at ON validation_sessions (status, created_at);
DROP INDEX validation_results_check_name_status_live;
CREATE INDEX validation_results_check_name_status ON validation_results (check_name, status);
DROP INDEX discrepancies_status_severity_live;
CREATE INDEX discrepancies_status_severity ON discrepancies (status, severity);

ALTER TABLE validation_sessions DROP COLUMN reason;
ALTER TABLE validation_sessions DROP COLUMN deleted_by;
ALTER TABLE validation_sessions DROP COLUMN deleted_at;

ALTER TABLE validation_results DROP COLUMN reason;
ALTER TABLE validation_results DROP COLUMN deleted_by;
ALTER TABLE validation_results DROP COLUMN deleted_at;

ALTER TABLE discrepancies DROP COLUMN reason;
ALTER TABLE discrepancies DROP COLUMN deleted_by;
ALTER TABLE discrepancies DROP COLUMN deleted_at;

ALTER TABLE validation_metrics DROP COLUMN reason;
ALTER TABLE validation_metrics DROP COLUMN deleted_by;
ALTER TABLE validation_metrics DROP COLUMN deleted_at;

ALTER TABLE behavioral_test_results DROP COLUMN reason;
ALTER TABLE behavioral_test_results DROP COLUMN deleted_by;
ALTER TABLE behavioral_test_results DROP COLUMN deleted_at;
