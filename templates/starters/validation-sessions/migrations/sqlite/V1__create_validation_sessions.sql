-- Validation sessions: one system is compared with another, and this is what was found.
--
-- A session owns its results, these their discrepancies, and all of it goes with the session (CASCADE): none of it means
-- anything alone. SQLite does so only on connections that set PRAGMA foreign_keys = on.
--
-- The keys begin with the session, since files number what they hold anew in each session; so the index of a primary
-- key serves the foreign key that it begins with, and no other index is needed for it.
--
-- STRICT tables take no text in an INTEGER column. A boolean is 0 or 1, and JSON is text that must parse; the CHECK by itself
-- says which column is which, and an import goes by it. Times are ISO 8601 with their zone, in UTC where this database writes
-- them itself. `details` is what a file had beyond the columns.

CREATE TABLE validation_sessions (
    id             TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    name           TEXT,
    environment    TEXT NOT NULL DEFAULT 'default' CHECK (environment <> ''),
    source_system  TEXT NOT NULL CHECK (source_system <> ''), -- what is taken for right
    target_system  TEXT NOT NULL CHECK (target_system <> ''), -- what is compared with it
    status         TEXT NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    requested_by   TEXT,
    fidelity_score REAL CHECK (fidelity_score BETWEEN 0 AND 1), -- 1 is: no difference; NULL: not judged yet
    options        TEXT CHECK (json_valid(options)),
    details        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    created_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    started_at     TEXT,
    completed_at   TEXT
) STRICT;

CREATE INDEX validation_sessions_status_created_at ON validation_sessions (status, created_at);

CREATE TABLE validation_results (
    session_id  TEXT NOT NULL REFERENCES validation_sessions (id) ON DELETE CASCADE,
    id          TEXT NOT NULL CHECK (id <> ''), -- as its session numbers it
    check_name  TEXT NOT NULL CHECK (check_name <> ''),
    category    TEXT,
    status      TEXT NOT NULL CHECK (status IN ('passed', 'failed', 'warning', 'error', 'skipped')),
    score       REAL CHECK (score BETWEEN 0 AND 1),
    message     TEXT,
    duration_ms INTEGER CHECK (duration_ms >= 0),
    evidence    TEXT CHECK (json_valid(evidence)), -- an array
    details     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    checked_at  TEXT,
    PRIMARY KEY (session_id, id)
) STRICT;

-- How did this check do over all sessions?
CREATE INDEX validation_results_check_name_status ON validation_results (check_name, status);

CREATE TABLE discrepancies (
    session_id     TEXT NOT NULL,
    result_id      TEXT NOT NULL,
    position       INTEGER NOT NULL CHECK (position >= 0), -- within the result, from 0
    reference      TEXT, -- the id that the file gives it; not every one has one
    kind           TEXT NOT NULL CHECK (kind <> ''),
    severity       TEXT NOT NULL DEFAULT 'medium' CHECK (severity IN ('critical', 'high', 'medium', 'low', 'info')),
    status         TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'fixed', 'false_positive')),
    component      TEXT,
    description    TEXT,
    expected       TEXT CHECK (json_valid(expected)), -- any value
    actual         TEXT CHECK (json_valid(actual)),
    recommendation TEXT,
    details        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    PRIMARY KEY (session_id, result_id, position),
    FOREIGN KEY (session_id, result_id) REFERENCES validation_results (session_id, id) ON DELETE CASCADE
) STRICT;

-- What is open, the worst first?
CREATE INDEX discrepancies_status_severity ON discrepancies (status, severity);

CREATE TABLE validation_metrics (
    session_id  TEXT NOT NULL REFERENCES validation_sessions (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL CHECK (position >= 0), -- the line of the session's file, from 0
    name        TEXT NOT NULL CHECK (name <> ''),
    value       REAL, -- NULL: it could not be measured
    unit        TEXT,
    tags        TEXT CHECK (json_valid(tags)), -- an object
    details     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    recorded_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (session_id, position)
) STRICT;

-- How did this metric go over time?
CREATE INDEX validation_metrics_name_recorded_at ON validation_metrics (name, recorded_at);

CREATE TABLE behavioral_test_results (
    session_id      TEXT NOT NULL REFERENCES validation_sessions (id) ON DELETE CASCADE,
    scenario        TEXT NOT NULL CHECK (scenario <> ''),
    title           TEXT,
    passed          INTEGER CHECK (passed IN (0, 1)), -- NULL: not run to its end
    input           TEXT CHECK (json_valid(input)),
    expected_output TEXT CHECK (json_valid(expected_output)),
    actual_output   TEXT CHECK (json_valid(actual_output)),
    steps           TEXT CHECK (json_valid(steps)), -- an array
    error           TEXT,
    duration_ms     INTEGER CHECK (duration_ms >= 0),
    details         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    executed_at     TEXT,
    PRIMARY KEY (session_id, scenario)
) STRICT;

-- How did this scenario do over all sessions?
CREATE INDEX behavioral_test_results_scenario_executed_at ON behavioral_test_results (scenario, executed_at);
