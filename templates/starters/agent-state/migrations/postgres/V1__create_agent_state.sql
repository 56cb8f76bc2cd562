-- The state of an agent: what it wants, decides, does, sees, remembers and learns, and how it is set up.
--
-- Keys are UUIDs, as the agent's files have them. What a file has beyond the columns is in `extra`, as JSON, so that
-- nothing is lost when an agent begins to write a new key.
--
-- What becomes of a row when the one it points to is deleted stands at each foreign key: CASCADE where it means
-- nothing without it, SET NULL where it is a record that outlives it. Every foreign key has an index that serves it.

CREATE TABLE sessions (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    agent      text NOT NULL CHECK (agent <> ''),
    status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'failed', 'abandoned')),
    summary    text,
    context    jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL,
    ended_at   timestamptz, -- NULL: it goes on
    extra      jsonb NOT NULL DEFAULT '{}'
);

-- For "the latest sessions", and for retention.
CREATE INDEX sessions_started_at ON sessions (started_at);

CREATE TABLE decisions (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    position   bigint NOT NULL CHECK (position >= 0), -- its place among the session's decisions, from 0
    question   text NOT NULL,
    options    jsonb NOT NULL DEFAULT '[]', -- what there was to choose from
    chosen     jsonb, -- one of the options, as it stands there; NULL: none of them
    rationale  text,
    confidence double precision CHECK (confidence BETWEEN 0 AND 1),
    decided_at timestamptz NOT NULL,
    extra      jsonb NOT NULL DEFAULT '{}',
    UNIQUE (session_id, position)
);

CREATE TABLE learning_systems (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name            text NOT NULL UNIQUE CHECK (name <> ''),
    algorithm       text NOT NULL,
    version         text,
    hyperparameters jsonb NOT NULL DEFAULT '{}',
    state           jsonb NOT NULL DEFAULT '{}', -- what has been learned
    episodes        bigint NOT NULL DEFAULT 0 CHECK (episodes >= 0),
    is_active       boolean NOT NULL DEFAULT true,
    updated_at      timestamptz,
    extra           jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE action_selectors (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    learning_system_id uuid REFERENCES learning_systems (id) ON DELETE SET NULL, -- NULL: it does not learn
    name               text NOT NULL UNIQUE CHECK (name <> ''),
    strategy           text NOT NULL CHECK (strategy <> ''),
    exploration_rate   double precision CHECK (exploration_rate BETWEEN 0 AND 1),
    weights            jsonb NOT NULL DEFAULT '{}',
    is_enabled         boolean NOT NULL DEFAULT true,
    created_at         timestamptz NOT NULL,
    extra              jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX action_selectors_learning_system_id ON action_selectors (learning_system_id);

CREATE TABLE goals (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id       uuid REFERENCES sessions (id) ON DELETE SET NULL, -- NULL: it is older than any session, or outlives its own
    parent_goal_id   uuid REFERENCES goals (id) ON DELETE CASCADE, -- NULL: it is part of no other
    title            text NOT NULL CHECK (title <> ''),
    description      text,
    status           text NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'active', 'blocked', 'achieved', 'abandoned')),
    priority         bigint NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5), -- 1 is the most urgent
    progress         double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    success_criteria jsonb NOT NULL DEFAULT '[]',
    deadline         timestamptz,
    created_at       timestamptz NOT NULL,
    achieved_at      timestamptz,
    extra            jsonb NOT NULL DEFAULT '{}',
    CHECK (parent_goal_id <> id)
);

CREATE INDEX goals_session_id ON goals (session_id);
CREATE INDEX goals_parent_goal_id ON goals (parent_goal_id);

CREATE TABLE actions (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id         uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    decision_id        uuid REFERENCES decisions (id) ON DELETE SET NULL, -- NULL: nothing had to be decided
    goal_id            uuid REFERENCES goals (id) ON DELETE SET NULL,
    action_selector_id uuid REFERENCES action_selectors (id) ON DELETE SET NULL,
    action_type        text NOT NULL CHECK (action_type <> ''),
    parameters         jsonb NOT NULL DEFAULT '{}',
    status             text NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'skipped')),
    result             jsonb, -- whatever the action gives: a text, a number, an object
    error              text,
    duration_ms        bigint CHECK (duration_ms >= 0),
    started_at         timestamptz,
    finished_at        timestamptz,
    extra              jsonb NOT NULL DEFAULT '{}'
);

-- For "what was done in this session, in order"; it serves the foreign key too.
CREATE INDEX actions_session_id_started_at ON actions (session_id, started_at);
CREATE INDEX actions_decision_id ON actions (decision_id);
CREATE INDEX actions_goal_id ON actions (goal_id);
CREATE INDEX actions_action_selector_id ON actions (action_selector_id);

CREATE TABLE observations (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id  uuid REFERENCES sessions (id) ON DELETE CASCADE, -- NULL: seen outside any session
    action_id   uuid REFERENCES actions (id) ON DELETE SET NULL, -- NULL: nobody's action brought it about
    source      text NOT NULL CHECK (source <> ''),
    content     jsonb, -- what was seen: a text, a number, an object
    confidence  double precision CHECK (confidence BETWEEN 0 AND 1),
    observed_at timestamptz NOT NULL,
    extra       jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX observations_session_id_observed_at ON observations (session_id, observed_at);
CREATE INDEX observations_action_id ON observations (action_id);

CREATE TABLE memories (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id       uuid REFERENCES sessions (id) ON DELETE SET NULL, -- NULL: a memory outlives the session it is from
    memory_type      text NOT NULL CHECK (memory_type IN ('working', 'episodic')),
    key              text, -- by which working memory is looked up
    content          jsonb,
    importance       double precision CHECK (importance BETWEEN 0 AND 1),
    embedding        jsonb, -- numbers, as the model gave them
    tags             jsonb NOT NULL DEFAULT '[]',
    access_count     bigint NOT NULL DEFAULT 0 CHECK (access_count >= 0),
    created_at       timestamptz NOT NULL,
    last_accessed_at timestamptz,
    expires_at       timestamptz,
    extra            jsonb NOT NULL DEFAULT '{}',
    -- only what is at hand is forgotten by the clock
    CHECK (memory_type = 'working' OR expires_at IS NULL)
);

CREATE INDEX memories_session_id ON memories (session_id);
-- For "the memories of this type, latest first".
CREATE INDEX memories_memory_type_created_at ON memories (memory_type, created_at);

CREATE TABLE cross_session_patterns (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    pattern_type  text NOT NULL CHECK (pattern_type <> ''),
    description   text,
    session_ids   jsonb NOT NULL DEFAULT '[]', -- no foreign keys: a pattern stays when the sessions that showed it are gone
    occurrences   bigint NOT NULL DEFAULT 1 CHECK (occurrences > 0),
    confidence    double precision CHECK (confidence BETWEEN 0 AND 1),
    data          jsonb NOT NULL DEFAULT '{}',
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    extra         jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE performance_metrics (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id  uuid REFERENCES sessions (id) ON DELETE CASCADE, -- NULL: measured outside any session
    metric      text NOT NULL CHECK (metric <> ''),
    value       double precision NOT NULL,
    unit        text,
    dimensions  jsonb NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL,
    extra       jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX performance_metrics_session_id ON performance_metrics (session_id);
-- For a metric over time.
CREATE INDEX performance_metrics_metric_recorded_at ON performance_metrics (metric, recorded_at);

CREATE TABLE security_audits (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id uuid REFERENCES sessions (id) ON DELETE SET NULL, -- NULL: the audit is of no one session, or outlives it
    audit_type text NOT NULL CHECK (audit_type <> ''),
    severity   text NOT NULL CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
    passed     boolean, -- NULL: not yet judged
    findings   jsonb NOT NULL DEFAULT '[]',
    audited_at timestamptz NOT NULL,
    extra      jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX security_audits_session_id ON security_audits (session_id);

CREATE TABLE configurations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL UNIQUE CHECK (name <> ''),
    value      jsonb, -- any value; NULL: the file says null
    updated_at timestamptz NOT NULL DEFAULT now()
);
