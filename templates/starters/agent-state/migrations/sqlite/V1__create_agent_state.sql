-- The state of an agent: what it wants, decides, does, sees, remembers and learns, and how it is set up.
--
-- Keys are UUIDs, as the agent's files have them. What a file has beyond the columns is in `extra`, as JSON, so that
-- nothing is lost when an agent begins to write a new key.
--
-- What becomes of a row when the one it points to is deleted stands at each foreign key: CASCADE where it means
-- nothing without it, SET NULL where it is a record that outlives it. Every foreign key has an index that serves it.
--
-- SQLite enforces foreign keys only on connections that set PRAGMA foreign_keys = on. STRICT tables take no text in an
-- INTEGER column. Times are ISO 8601 as the agent wrote them. A boolean is 0 or 1, JSON is text that must parse;
-- both are said by a CHECK, by which `liftlock import` and `export` know them too.

CREATE TABLE sessions (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    agent      TEXT NOT NULL CHECK (agent <> ''),
    status     TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'failed', 'abandoned')),
    summary    TEXT,
    context    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(context)),
    started_at TEXT NOT NULL,
    ended_at   TEXT, -- NULL: it goes on
    extra      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

-- For "the latest sessions", and for retention.
CREATE INDEX sessions_started_at ON sessions (started_at);

CREATE TABLE decisions (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL CHECK (position >= 0), -- its place among the session's decisions, from 0
    question   TEXT NOT NULL,
    options    TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(options)), -- what there was to choose from
    chosen     TEXT CHECK (json_valid(chosen)), -- one of the options, as it stands there; NULL: none of them
    rationale  TEXT,
    confidence REAL CHECK (confidence BETWEEN 0 AND 1),
    decided_at TEXT NOT NULL,
    extra      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (session_id, position)
) STRICT;

CREATE TABLE learning_systems (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    name            TEXT NOT NULL UNIQUE CHECK (name <> ''),
    algorithm       TEXT NOT NULL,
    version         TEXT,
    hyperparameters TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(hyperparameters)),
    state           TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(state)), -- what has been learned
    episodes        INTEGER NOT NULL DEFAULT 0 CHECK (episodes >= 0),
    is_active       INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    updated_at      TEXT,
    extra           TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE TABLE action_selectors (
    id                 TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    learning_system_id TEXT REFERENCES learning_systems (id) ON DELETE SET NULL, -- NULL: it does not learn
    name               TEXT NOT NULL UNIQUE CHECK (name <> ''),
    strategy           TEXT NOT NULL CHECK (strategy <> ''),
    exploration_rate   REAL CHECK (exploration_rate BETWEEN 0 AND 1),
    weights            TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(weights)),
    is_enabled         INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
    created_at         TEXT NOT NULL,
    extra              TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX action_selectors_learning_system_id ON action_selectors (learning_system_id);

CREATE TABLE goals (
    id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    session_id       TEXT REFERENCES sessions (id) ON DELETE SET NULL, -- NULL: it is older than any session, or outlives its own
    parent_goal_id   TEXT REFERENCES goals (id) ON DELETE CASCADE, -- NULL: it is part of no other
    title            TEXT NOT NULL CHECK (title <> ''),
    description      TEXT,
    status           TEXT NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'active', 'blocked', 'achieved', 'abandoned')),
    priority         INTEGER NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5), -- 1 is the most urgent
    progress         REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    success_criteria TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(success_criteria)),
    deadline         TEXT,
    created_at       TEXT NOT NULL,
    achieved_at      TEXT,
    extra            TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    CHECK (parent_goal_id <> id)
) STRICT;

CREATE INDEX goals_session_id ON goals (session_id);
CREATE INDEX goals_parent_goal_id ON goals (parent_goal_id);

CREATE TABLE actions (
    id                 TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    session_id         TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    decision_id        TEXT REFERENCES decisions (id) ON DELETE SET NULL, -- NULL: nothing had to be decided
    goal_id            TEXT REFERENCES goals (id) ON DELETE SET NULL,
    action_selector_id TEXT REFERENCES action_selectors (id) ON DELETE SET NULL,
    action_type        TEXT NOT NULL CHECK (action_type <> ''),
    parameters         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(parameters)),
    status             TEXT NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'skipped')),
    result             TEXT CHECK (json_valid(result)), -- whatever the action gives: a text, a number, an object
    error              TEXT,
    duration_ms        INTEGER CHECK (duration_ms >= 0),
    started_at         TEXT,
    finished_at        TEXT,
    extra              TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

-- For "what was done in this session, in order"; it serves the foreign key too.
CREATE INDEX actions_session_id_started_at ON actions (session_id, started_at);
CREATE INDEX actions_decision_id ON actions (decision_id);
CREATE INDEX actions_goal_id ON actions (goal_id);
CREATE INDEX actions_action_selector_id ON actions (action_selector_id);

CREATE TABLE observations (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    session_id  TEXT REFERENCES sessions (id) ON DELETE CASCADE, -- NULL: seen outside any session
    action_id   TEXT REFERENCES actions (id) ON DELETE SET NULL, -- NULL: nobody's action brought it about
    source      TEXT NOT NULL CHECK (source <> ''),
    content     TEXT CHECK (json_valid(content)), -- what was seen: a text, a number, an object
    confidence  REAL CHECK (confidence BETWEEN 0 AND 1),
    observed_at TEXT NOT NULL,
    extra       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX observations_session_id_observed_at ON observations (session_id, observed_at);
CREATE INDEX observations_action_id ON observations (action_id);

CREATE TABLE memories (
    id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    session_id       TEXT REFERENCES sessions (id) ON DELETE SET NULL, -- NULL: a memory outlives the session it is from
    memory_type      TEXT NOT NULL CHECK (memory_type IN ('working', 'episodic')),
    key              TEXT, -- by which working memory is looked up
    content          TEXT CHECK (json_valid(content)),
    importance       REAL CHECK (importance BETWEEN 0 AND 1),
    embedding        TEXT CHECK (json_valid(embedding)), -- numbers, as the model gave them
    tags             TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    access_count     INTEGER NOT NULL DEFAULT 0 CHECK (access_count >= 0),
    created_at       TEXT NOT NULL,
    last_accessed_at TEXT,
    expires_at       TEXT,
    extra            TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    -- only what is at hand is forgotten by the clock
    CHECK (memory_type = 'working' OR expires_at IS NULL)
) STRICT;

CREATE INDEX memories_session_id ON memories (session_id);
-- For "the memories of this type, latest first".
CREATE INDEX memories_memory_type_created_at ON memories (memory_type, created_at);

CREATE TABLE cross_session_patterns (
    id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    pattern_type  TEXT NOT NULL CHECK (pattern_type <> ''),
    description   TEXT,
    session_ids   TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(session_ids)), -- no foreign keys: a pattern stays when the sessions that showed it are gone
    occurrences   INTEGER NOT NULL DEFAULT 1 CHECK (occurrences > 0),
    confidence    REAL CHECK (confidence BETWEEN 0 AND 1),
    data          TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(data)),
    first_seen_at TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    extra         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE TABLE performance_metrics (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    session_id  TEXT REFERENCES sessions (id) ON DELETE CASCADE, -- NULL: measured outside any session
    metric      TEXT NOT NULL CHECK (metric <> ''),
    value       REAL NOT NULL,
    unit        TEXT,
    dimensions  TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(dimensions)),
    recorded_at TEXT NOT NULL,
    extra       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX performance_metrics_session_id ON performance_metrics (session_id);
-- For a metric over time.
CREATE INDEX performance_metrics_metric_recorded_at ON performance_metrics (metric, recorded_at);

CREATE TABLE security_audits (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    session_id TEXT REFERENCES sessions (id) ON DELETE SET NULL, -- NULL: the audit is of no one session, or outlives it
    audit_type TEXT NOT NULL CHECK (audit_type <> ''),
    severity   TEXT NOT NULL CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
    passed     INTEGER CHECK (passed IN (0, 1)), -- NULL: not yet judged
    findings   TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(findings)),
    audited_at TEXT NOT NULL,
    extra      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX security_audits_session_id ON security_audits (session_id);

CREATE TABLE configurations (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    name       TEXT NOT NULL UNIQUE CHECK (name <> ''),
    value      TEXT CHECK (json_valid(value)), -- any value; NULL: the file says null
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
