-- Configuration is compared with a golden branch, the changes are judged by a policy and a language model, and the run is
-- certified, or not.
--
-- What happens to a row when the one that it points to is deleted is stated at each foreign key: all of them are CASCADE,
-- since no step of a run means anything without the bundle that it was about. SQLite does so only on connections
-- that set PRAGMA foreign_keys = on.
--
-- Each foreign key is the primary key of its table, or what that begins with: its index serves it, and no other is needed.
--
-- STRICT tables take no text in an INTEGER column. A boolean is 0 or 1, and JSON is text that must parse; the CHECK by itself
-- says which column is which, and an import goes by it. Times are ISO 8601 with their zone.
--
-- `details` is what a file had beyond the columns.

-- A run of the validation: of one service in one environment. Two files tell of it, so that a row has two halves: the
-- history says that it took place (`status` to `history`), the result what came of it (`verdict` to `result`). A half
-- that is NULL has not been written: a run that died has no result, and the history may have dropped old runs.
CREATE TABLE validation_runs (
    run_id          TEXT NOT NULL PRIMARY KEY CHECK (run_id <> ''),
    service         TEXT NOT NULL CHECK (service <> ''),
    environment     TEXT NOT NULL CHECK (environment <> ''),
    status          TEXT CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
    triggered_by    TEXT,
    started_at      TEXT,
    finished_at     TEXT,
    history         TEXT CHECK (json_valid(history)), -- what else the history says
    verdict         TEXT CHECK (verdict IN ('pass', 'review', 'block')),
    certified       INTEGER CHECK (certified IN (0, 1)),
    score           REAL CHECK (score BETWEEN 0 AND 100),
    deltas_total    INTEGER CHECK (deltas_total >= 0),
    deltas_blocking INTEGER CHECK (deltas_blocking >= 0),
    validated_at    TEXT,
    result          TEXT CHECK (json_valid(result)) -- what else the result says
) STRICT;

-- The runs of a service in an environment, the latest first.
CREATE INDEX validation_runs_service_environment_started_at ON validation_runs (service, environment, started_at);

-- What a run compared: the files of both branches, and the deltas between them. It is the first file that a run writes, and
-- the later steps read it; so theirs refer to it, and go with it. That a run is in `validation_runs` is no foreign key:
-- the history keeps the last runs only, and bundles stay longer.
CREATE TABLE context_bundles (
    run_id           TEXT NOT NULL PRIMARY KEY CHECK (run_id <> ''), -- the name of the file
    service          TEXT,
    environment      TEXT,
    golden_branch    TEXT, -- what is taken for right
    drift_branch     TEXT, -- what is compared with it
    files_total      INTEGER CHECK (files_total >= 0),
    files_with_drift INTEGER CHECK (files_with_drift >= 0),
    file_changes     TEXT CHECK (json_valid(file_changes)), -- added, removed, modified: lists of paths
    details          TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    generated_at     TEXT
) STRICT;

-- The bundles of a service in an environment, the latest first.
CREATE INDEX context_bundles_service_environment_generated_at ON context_bundles (service, environment, generated_at);

-- One change of one setting. A value is whatever the file has: a text, a number, a list, nothing.
CREATE TABLE config_deltas (
    run_id    TEXT NOT NULL REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    position  INTEGER NOT NULL CHECK (position >= 0), -- within the bundle, from 0
    delta_id  TEXT, -- as the bundle calls it; not every one has one
    file      TEXT NOT NULL CHECK (file <> ''),
    locator   TEXT CHECK (json_valid(locator)), -- where in the file: a path, or an object that says how to read one
    kind      TEXT NOT NULL DEFAULT 'modified' CHECK (kind IN ('added', 'removed', 'modified', 'renamed')),
    old_value TEXT CHECK (json_valid(old_value)),
    new_value TEXT CHECK (json_valid(new_value)),
    category  TEXT,
    details   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    PRIMARY KEY (run_id, position)
) STRICT;

-- Where else was this file changed?
CREATE INDEX config_deltas_file ON config_deltas (file);

-- What the language model said of a bundle.
CREATE TABLE llm_outputs (
    run_id         TEXT NOT NULL PRIMARY KEY REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    model          TEXT,
    prompt_version TEXT,
    risk_level     TEXT CHECK (risk_level IN ('low', 'medium', 'high', 'critical')),
    summary        TEXT,
    assessments    TEXT CHECK (json_valid(assessments)), -- an array, an item a delta
    input_tokens   INTEGER CHECK (input_tokens >= 0),
    output_tokens  INTEGER CHECK (output_tokens >= 0),
    details        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    generated_at   TEXT
) STRICT;

-- The deltas of a bundle, held against the policy.
CREATE TABLE policy_validations (
    run_id         TEXT NOT NULL PRIMARY KEY REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    policy_version TEXT,
    details        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    validated_at   TEXT
) STRICT;

-- What the policy says of one delta. `delta_id` is no foreign key: the model may speak of deltas that there are none of,
-- and just that has to be seen.
CREATE TABLE policy_decisions (
    run_id   TEXT NOT NULL REFERENCES policy_validations (run_id) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0), -- within the file, from 0
    delta_id TEXT,
    decision TEXT NOT NULL CHECK (decision IN ('allow', 'warn', 'block')),
    rule     TEXT,
    reason   TEXT,
    waived   INTEGER CHECK (waived IN (0, 1)), -- somebody has let it pass
    details  TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    PRIMARY KEY (run_id, position)
) STRICT;

-- What has a rule blocked?
CREATE INDEX policy_decisions_rule_decision ON policy_decisions (rule, decision);

-- Whether what a run looked at may go out.
CREATE TABLE certifications (
    run_id        TEXT NOT NULL PRIMARY KEY REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    decision      TEXT NOT NULL CHECK (decision IN ('pass', 'review', 'block')),
    certified     INTEGER NOT NULL DEFAULT 0 CHECK (certified IN (0, 1)),
    confidence    REAL CHECK (confidence BETWEEN 0 AND 100),
    violations    TEXT CHECK (json_valid(violations)), -- an array
    golden_branch TEXT, -- the branch that was made of it, if it was
    certified_by  TEXT,
    details       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    certified_at  TEXT
) STRICT;

-- The latest decisions of a kind.
CREATE INDEX certifications_decision_certified_at ON certifications (decision, certified_at);

-- The branch that is taken for right, by service and environment. `certified_by_run` is no foreign key: branches
-- outlive what is kept of runs.
CREATE TABLE golden_branches (
    name             TEXT NOT NULL PRIMARY KEY CHECK (name <> ''), -- the key in the file
    service          TEXT NOT NULL CHECK (service <> ''),
    environment      TEXT NOT NULL CHECK (environment <> ''),
    branch           TEXT, -- NULL: none has been certified yet
    commit_id        TEXT,
    certified_by_run TEXT,
    previous         TEXT CHECK (json_valid(previous)), -- an array of branches, the latest first
    drift            TEXT CHECK (json_valid(drift)), -- an array of branches
    details          TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    certified_at     TEXT,
    UNIQUE (service, environment)
) STRICT;

-- Several runs taken together: a night, a release.
CREATE TABLE aggregated_results (
    name            TEXT NOT NULL PRIMARY KEY CHECK (name <> ''), -- the name of the file
    environment     TEXT, -- NULL: all of them
    verdict         TEXT CHECK (verdict IN ('pass', 'review', 'block')),
    services_total  INTEGER CHECK (services_total >= 0),
    services_passed INTEGER CHECK (services_passed BETWEEN 0 AND services_total),
    services        TEXT CHECK (json_valid(services)), -- an array, an item a service
    details         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    generated_at    TEXT
) STRICT;

-- The latest of an environment.
CREATE INDEX aggregated_results_environment_generated_at ON aggregated_results (environment, generated_at);

-- A report for people, as Markdown. `run_id` is NULL where a report is about several runs, and no foreign key: reports are
-- kept longer than what they are about.
CREATE TABLE reports (
    name         TEXT NOT NULL PRIMARY KEY CHECK (name <> ''), -- the name of the file, without `_report.md`
    run_id       TEXT,
    title        TEXT,
    verdict      TEXT CHECK (verdict IN ('pass', 'review', 'block')),
    body         TEXT NOT NULL,
    details      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)), -- what else the front matter says
    generated_at TEXT
) STRICT;

-- The reports about a run.
CREATE INDEX reports_run_id ON reports (run_id);
