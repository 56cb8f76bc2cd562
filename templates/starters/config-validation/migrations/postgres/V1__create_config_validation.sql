-- Configuration is compared with a golden branch, the changes are judged by a policy and a language model, and the run is
-- certified, or not.
--
-- What happens to a row when the one that it points to is deleted is stated at each foreign key: all of them are CASCADE,
-- since no step of a run means anything without the bundle that it was about.
--
-- Each foreign key is the primary key of its table, or what that begins with: its index serves it, and no other is needed.
--
-- `details` is what a file had beyond the columns.

-- A run of the validation: of one service in one environment. Two files tell of it, so that a row has two halves: the
-- history says that it took place (`status` to `history`), the result what came of it (`verdict` to `result`). A half
-- that is NULL has not been written: a run that died has no result, and the history may have dropped old runs.
CREATE TABLE validation_runs (
    run_id          text NOT NULL PRIMARY KEY CHECK (run_id <> ''),
    service         text NOT NULL CHECK (service <> ''),
    environment     text NOT NULL CHECK (environment <> ''),
    status          text CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
    triggered_by    text,
    started_at      timestamptz,
    finished_at     timestamptz,
    history         jsonb, -- what else the history says
    verdict         text CHECK (verdict IN ('pass', 'review', 'block')),
    certified       boolean,
    score           double precision CHECK (score BETWEEN 0 AND 100),
    deltas_total    bigint CHECK (deltas_total >= 0),
    deltas_blocking bigint CHECK (deltas_blocking >= 0),
    validated_at    timestamptz,
    result          jsonb -- what else the result says
);

-- The runs of a service in an environment, the latest first.
CREATE INDEX validation_runs_service_environment_started_at ON validation_runs (service, environment, started_at);

-- What a run compared: the files of both branches, and the deltas between them. It is the first file that a run writes, and
-- the later steps read it; so theirs refer to it, and go with it. That a run is in `validation_runs` is no foreign key:
-- the history keeps the last runs only, and bundles stay longer.
CREATE TABLE context_bundles (
    run_id           text NOT NULL PRIMARY KEY CHECK (run_id <> ''), -- the name of the file
    service          text,
    environment      text,
    golden_branch    text, -- what is taken for right
    drift_branch     text, -- what is compared with it
    files_total      bigint CHECK (files_total >= 0),
    files_with_drift bigint CHECK (files_with_drift >= 0),
    file_changes     jsonb, -- added, removed, modified: lists of paths
    details          jsonb NOT NULL DEFAULT '{}',
    generated_at     timestamptz
);

-- The bundles of a service in an environment, the latest first.
CREATE INDEX context_bundles_service_environment_generated_at ON context_bundles (service, environment, generated_at);

-- One change of one setting. A value is whatever the file has: a text, a number, a list, nothing.
CREATE TABLE config_deltas (
    run_id    text NOT NULL REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    position  bigint NOT NULL CHECK (position >= 0), -- within the bundle, from 0
    delta_id  text, -- as the bundle calls it; not every one has one
    file      text NOT NULL CHECK (file <> ''),
    locator   jsonb, -- where in the file: a path, or an object that says how to read one
    kind      text NOT NULL DEFAULT 'modified' CHECK (kind IN ('added', 'removed', 'modified', 'renamed')),
    old_value jsonb,
    new_value jsonb,
    category  text,
    details   jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, position)
);

-- Where else was this file changed?
CREATE INDEX config_deltas_file ON config_deltas (file);

-- What the language model said of a bundle.
CREATE TABLE llm_outputs (
    run_id         text NOT NULL PRIMARY KEY REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    model          text,
    prompt_version text,
    risk_level     text CHECK (risk_level IN ('low', 'medium', 'high', 'critical')),
    summary        text,
    assessments    jsonb, -- an array, an item a delta
    input_tokens   bigint CHECK (input_tokens >= 0),
    output_tokens  bigint CHECK (output_tokens >= 0),
    details        jsonb NOT NULL DEFAULT '{}',
    generated_at   timestamptz
);

-- The deltas of a bundle, held against the policy.
CREATE TABLE policy_validations (
    run_id         text NOT NULL PRIMARY KEY REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    policy_version text,
    details        jsonb NOT NULL DEFAULT '{}',
    validated_at   timestamptz
);

-- What the policy says of one delta. `delta_id` is no foreign key: the model may speak of deltas that there are none of,
-- and just that has to be seen.
CREATE TABLE policy_decisions (
    run_id   text NOT NULL REFERENCES policy_validations (run_id) ON DELETE CASCADE,
    position bigint NOT NULL CHECK (position >= 0), -- within the file, from 0
    delta_id text,
    decision text NOT NULL CHECK (decision IN ('allow', 'warn', 'block')),
    rule     text,
    reason   text,
    waived   boolean, -- somebody has let it pass
    details  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, position)
);

-- What has a rule blocked?
CREATE INDEX policy_decisions_rule_decision ON policy_decisions (rule, decision);

-- Whether what a run looked at may go out.
CREATE TABLE certifications (
    run_id        text NOT NULL PRIMARY KEY REFERENCES context_bundles (run_id) ON DELETE CASCADE,
    decision      text NOT NULL CHECK (decision IN ('pass', 'review', 'block')),
    certified     boolean NOT NULL DEFAULT false,
    confidence    double precision CHECK (confidence BETWEEN 0 AND 100),
    violations    jsonb, -- an array
    golden_branch text, -- the branch that was made of it, if it was
    certified_by  text,
    details       jsonb NOT NULL DEFAULT '{}',
    certified_at  timestamptz
);

-- The latest decisions of a kind.
CREATE INDEX certifications_decision_certified_at ON certifications (decision, certified_at);

-- The branch that is taken for right, by service and environment. `certified_by_run` is no foreign key: branches
-- outlive what is kept of runs.
CREATE TABLE golden_branches (
    name             text NOT NULL PRIMARY KEY CHECK (name <> ''), -- the key in the file
    service          text NOT NULL CHECK (service <> ''),
    environment      text NOT NULL CHECK (environment <> ''),
    branch           text, -- NULL: none has been certified yet
    commit_id        text,
    certified_by_run text,
    previous         jsonb, -- an array of branches, the latest first
    drift            jsonb, -- an array of branches
    details          jsonb NOT NULL DEFAULT '{}',
    certified_at     timestamptz,
    UNIQUE (service, environment)
);

-- Several runs taken together: a night, a release.
CREATE TABLE aggregated_results (
    name            text NOT NULL PRIMARY KEY CHECK (name <> ''), -- the name of the file
    environment     text, -- NULL: all of them
    verdict         text CHECK (verdict IN ('pass', 'review', 'block')),
    services_total  bigint CHECK (services_total >= 0),
    services_passed bigint CHECK (services_passed BETWEEN 0 AND services_total),
    services        jsonb, -- an array, an item a service
    details         jsonb NOT NULL DEFAULT '{}',
    generated_at    timestamptz
);

-- The latest of an environment.
CREATE INDEX aggregated_results_environment_generated_at ON aggregated_results (environment, generated_at);

-- A report for people, as Markdown. `run_id` is NULL where a report is about several runs, and no foreign key: reports are
-- kept longer than what they are about.
CREATE TABLE reports (
    name         text NOT NULL PRIMARY KEY CHECK (name <> ''), -- the name of the file, without `_report.md`
    run_id       text,
    title        text,
    verdict      text CHECK (verdict IN ('pass', 'review', 'block')),
    body         text NOT NULL,
    details      jsonb NOT NULL DEFAULT '{}', -- what else the front matter says
    generated_at timestamptz
);

-- The reports about a run.
CREATE INDEX reports_run_id ON reports (run_id);
