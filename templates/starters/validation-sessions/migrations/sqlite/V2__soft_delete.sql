-- Rows can be marked as deleted: `deleted_at` says when, `deleted_by` who, `reason` why; NULL is: not deleted.
--
-- Queries of what is not deleted say so (`WHERE deleted_at IS NULL`), and use the indexes that end with `_live`; those
-- that end with `_deleted_at` find what may go for good. All of them are partial, so that none serves a foreign key: the
-- database looks for all rows that refer to a parent, deleted ones among them. The primary keys do that as before.
--
-- Nothing is marked along with a session: what belongs to a deleted session is deleted by it.

ALTER TABLE validation_sessions ADD COLUMN deleted_at TEXT;
ALTER TABLE validation_sessions ADD COLUMN deleted_by TEXT CHECK (deleted_by IS NULL OR deleted_at IS NOT NULL);
ALTER TABLE validation_sessions ADD COLUMN reason TEXT CHECK (reason IS NULL OR deleted_at IS NOT NULL);

ALTER TABLE validation_results ADD COLUMN deleted_at TEXT;
ALTER TABLE validation_results ADD COLUMN deleted_by TEXT CHECK (deleted_by IS NULL OR deleted_at IS NOT NULL);
ALTER TABLE validation_results ADD COLUMN reason TEXT CHECK (reason IS NULL OR deleted_at IS NOT NULL);

ALTER TABLE discrepancies ADD COLUMN deleted_at TEXT;
ALTER TABLE discrepancies ADD COLUMN deleted_by TEXT CHECK (deleted_by IS NULL OR deleted_at IS NOT NULL);
ALTER TABLE discrepancies ADD COLUMN reason TEXT CHECK (reason IS NULL OR deleted_at IS NOT NULL);

ALTER TABLE validation_metrics ADD COLUMN deleted_at TEXT;
ALTER TABLE validation_metrics ADD COLUMN deleted_by TEXT CHECK (deleted_by IS NULL OR deleted_at IS NOT NULL);
ALTER TABLE validation_metrics ADD COLUMN reason TEXT CHECK (reason IS NULL OR deleted_at IS NOT NULL);

ALTER TABLE behavioral_test_results ADD COLUMN deleted_at TEXT;
ALTER TABLE behavioral_test_results ADD COLUMN deleted_by TEXT CHECK (deleted_by IS NULL OR deleted_at IS NOT NULL);
ALTER TABLE behavioral_test_results ADD COLUMN reason TEXT CHECK (reason IS NULL OR deleted_at IS NOT NULL);

-- Nobody lists deleted sessions, results and discrepancies by their state: the partial ones take the place of the whole.
DROP INDEX validation_sessions_status_created_at;
CREATE INDEX validation_sessions_status_created_at_live ON validation_sessions (status, created_at) WHERE deleted_at IS NULL;
DROP INDEX validation_results_check_name_status;
CREATE INDEX validation_results_check_name_status_live ON validation_results (check_name, status) WHERE deleted_at IS NULL;
DROP INDEX discrepancies_status_severity;
CREATE INDEX discrepancies_status_severity_live ON discrepancies (status, severity) WHERE deleted_at IS NULL;

CREATE INDEX validation_sessions_deleted_at ON validation_sessions (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX validation_results_deleted_at ON validation_results (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX discrepancies_deleted_at ON discrepancies (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX validation_metrics_deleted_at ON validation_metrics (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX behavioral_test_results_deleted_at ON behavioral_test_results (deleted_at) WHERE deleted_at IS NOT NULL;
