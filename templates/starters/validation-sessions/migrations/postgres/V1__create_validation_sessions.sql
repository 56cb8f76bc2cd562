-- Validation sessions: one system is compared with another, and this is what was found.
--
-- A session owns its results, these their discrepancies, and all of it goes with the session (CASCADE): none of it means
-- anything alone.
--
-- The keys begin with the session, since files number what they hold anew in each session; so the index of a primary
-- key serves the foreign key that it begins with, and no other index is needed for it.
--
-- `details` is what a file had beyond the columns.

CREATE TABLE validation_sessions (
    id             text NOT NULL PRIMARY KEY CHECK (id <> ''),
    name           text,
    environment    text NOT NULL DEFAULT 'default' CHECK (environment <> ''),
    source_system  text NOT NULL CHECK (source_system <> ''), -- what is taken for right
    target_system  text NOT NULL CHECK (target_system <> ''), -- what is compared with it
    status         text NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    requested_by   text,
    fidelity_score double precision CHECK (fidelity_score BETWEEN 0 AND 1), -- 1 is: no difference; NULL: not judged yet
    options        jsonb,
    details        jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    completed_at   timestamptz
);

CREATE INDEX validation_sessions_status_created_at ON validation_sessions (status, created_at);

CREATE TABLE validation_results (
    session_id  text NOT NULL REFERENCES validation_sessions (id) ON DELETE CASCADE,
    id          text NOT NULL CHECK (id <> ''), -- as its session numbers it
    check_name  text NOT NULL CHECK (check_name <> ''),
    category    text,
    status      text NOT NULL CHECK (status IN ('passed', 'failed', 'warning', 'error', 'skipped')),
    score       double precision CHECK (score BETWEEN 0 AND 1),
    message     text,
    duration_ms bigint CHECK (duration_ms >= 0),
    evidence    jsonb, -- an array
    details     jsonb NOT NULL DEFAULT '{}',
    checked_at  timestamptz,
    PRIMARY KEY (session_id, id)
);

-- How did this check do over all sessions?
CREATE INDEX validation_results_check_name_status ON validation_results (check_name, status);

CREATE TABLE discrepancies (
    session_id     text NOT NULL,
    result_id      text NOT NULL,
    position       bigint NOT NULL CHECK (position >= 0), -- within the result, from 0
    reference      text, -- the id that the file gives it; not every one has one
    kind           text NOT NULL CHECK (kind <> ''),
    severity       text NOT NULL DEFAULT 'medium' CHECK (severity IN ('critical', 'high', 'medium', 'low', 'info')),
    status         text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'fixed', 'false_positive')),
    component      text,
    description    text,
    expected       jsonb, -- any value
    actual         jsonb,
    recommendation text,
    details        jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (session_id, result_id, position),
    FOREIGN KEY (session_id, result_id) REFERENCES validation_results (session_id, id) ON DELETE CASCADE
);

-- What is open, the worst first?
CREATE INDEX discrepancies_status_severity ON discrepancies (status, severity);

CREATE TABLE validation_metrics (
    session_id  text NOT NULL REFERENCES validation_sessions (id) ON DELETE CASCADE,
    position    bigint NOT NULL CHECK (position >= 0), -- the line of the session's file, from 0
    name        text NOT NULL CHECK (name <> ''),
    value       double precision, -- NULL: it could not be measured
    unit        text,
    tags        jsonb, -- an object
    details     jsonb NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, position)
);

-- How did this metric go over time?
CREATE INDEX validation_metrics_name_recorded_at ON validation_metrics (name, recorded_at);

CREATE TABLE behavioral_test_results (
    session_id      text NOT NULL REFERENCES validation_sessions (id) ON DELETE CASCADE,
    scenario        text NOT NULL CHECK (scenario <> ''),
    title           text,
    passed          boolean, -- NULL: not run to its end
    input           jsonb,
    expected_output jsonb,
    actual_output   jsonb,
    steps           jsonb, -- an array
    error           text,
    duration_ms     bigint CHECK (duration_ms >= 0),
    details         jsonb NOT NULL DEFAULT '{}',
    executed_at     timestamptz,
    PRIMARY KEY (session_id, scenario)
);

-- How did this scenario do over all sessions?
CREATE INDEX behavioral_test_results_scenario_executed_at ON behavioral_test_results (scenario, executed_at);
