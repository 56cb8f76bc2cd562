-- The memory of a group of agents: who they are, what they do, what they say and what they remember.
--
-- What happens to a row when the agent, task or project it points to is deleted is stated at each foreign key:
-- CASCADE where the row means nothing without it, SET NULL where the row is a record that outlives it. SQLite
-- does so only on connections that set PRAGMA foreign_keys = on.
--
-- STRICT tables take no text in an INTEGER column. Times are ISO 8601 in UTC, to the millisecond, with a Z: they
-- sort as text, and another database can't mistake their zone. A boolean is 0 or 1. JSON is text that must parse.
--
-- No index serves a foreign key yet: migration 2 adds them.

CREATE TABLE agents (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE CHECK (name <> ''),
    agent_type    TEXT NOT NULL CHECK (agent_type IN ('service-mesh', 'integration', 'pm', 'frontend')),
    status        TEXT NOT NULL DEFAULT 'idle' CHECK (status IN ('active', 'idle', 'crashed', 'sleeping')),
    configuration TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(configuration)),
    last_activity TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE context_sessions (
    id          INTEGER PRIMARY KEY,
    agent_id    INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    session_key TEXT NOT NULL UNIQUE CHECK (session_key <> ''),
    status      TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'expired')),
    summary     TEXT,
    token_count INTEGER NOT NULL DEFAULT 0 CHECK (token_count >= 0),
    metadata    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
    started_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_at    TEXT,
    CHECK (ended_at >= started_at)
) STRICT;

CREATE TABLE tasks (
    id             INTEGER PRIMARY KEY,
    agent_id       INTEGER REFERENCES agents (id) ON DELETE SET NULL, -- NULL: nobody's yet, or nobody's any more
    parent_task_id INTEGER REFERENCES tasks (id) ON DELETE CASCADE,   -- NULL: not part of another task
    title          TEXT NOT NULL CHECK (title <> ''),
    description    TEXT,
    status         TEXT NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'in_progress', 'blocked', 'completed', 'failed', 'cancelled')),
    priority       INTEGER NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5), -- 1 is the most urgent
    progress       REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    result         TEXT,
    created_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    started_at     TEXT,
    completed_at   TEXT,
    CHECK (parent_task_id <> id),
    CHECK (completed_at >= started_at)
) STRICT;

CREATE TABLE agent_messages (
    id           INTEGER PRIMARY KEY,
    from_agent   INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    -- NULL is a message to everyone; that is why SET NULL would be wrong: it would publish a private message.
    to_agent     INTEGER REFERENCES agents (id) ON DELETE CASCADE,
    message_type TEXT NOT NULL DEFAULT 'notification'
                 CHECK (message_type IN ('request', 'response', 'notification', 'error')),
    subject      TEXT,
    body         TEXT NOT NULL,
    sent_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    read_at      TEXT,
    CHECK (read_at >= sent_at)
) STRICT;

CREATE TABLE memory_snapshots (
    id           INTEGER PRIMARY KEY,
    session_id   INTEGER NOT NULL REFERENCES context_sessions (id) ON DELETE CASCADE,
    file_path    TEXT NOT NULL CHECK (file_path <> ''), -- where the snapshot's content lies; no foreign key
    content_hash TEXT CHECK (length(content_hash) = 64), -- SHA-256, hexadecimal
    size_bytes   INTEGER NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),
    created_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE performance_metrics (
    id           INTEGER PRIMARY KEY,
    agent_id     INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    task_id      INTEGER REFERENCES tasks (id) ON DELETE SET NULL, -- NULL: measured outside any task
    metric_name  TEXT NOT NULL CHECK (metric_name <> ''),
    metric_value REAL NOT NULL,
    unit         TEXT NOT NULL DEFAULT '',
    recorded_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE git_state (
    id             INTEGER PRIMARY KEY,
    agent_id       INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    worktree       TEXT NOT NULL CHECK (worktree <> ''),
    branch         TEXT, -- NULL: detached
    head_commit    TEXT NOT NULL CHECK (length(head_commit) IN (40, 64)), -- SHA-1 or SHA-256, hexadecimal
    is_dirty       INTEGER NOT NULL DEFAULT 0 CHECK (is_dirty IN (0, 1)),
    commits_ahead  INTEGER NOT NULL DEFAULT 0 CHECK (commits_ahead >= 0),
    commits_behind INTEGER NOT NULL DEFAULT 0 CHECK (commits_behind >= 0),
    recorded_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE pull_requests (
    id            INTEGER PRIMARY KEY,
    author_agent  INTEGER REFERENCES agents (id) ON DELETE SET NULL, -- NULL: the author is gone
    repository    TEXT NOT NULL CHECK (repository <> ''),
    number        INTEGER NOT NULL CHECK (number > 0),
    title         TEXT NOT NULL CHECK (title <> ''),
    source_branch TEXT NOT NULL,
    target_branch TEXT NOT NULL DEFAULT 'main',
    status        TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('draft', 'open', 'merged', 'closed')),
    url           TEXT,
    created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    merged_at     TEXT,
    UNIQUE (repository, number),
    CHECK (source_branch <> target_branch)
) STRICT;

CREATE TABLE configurations (
    id         INTEGER PRIMARY KEY,
    -- NULL is a setting for every agent; SET NULL would make one agent's setting everybody's.
    agent_id   INTEGER REFERENCES agents (id) ON DELETE CASCADE,
    key        TEXT NOT NULL CHECK (key <> ''),
    value      TEXT NOT NULL,
    value_type TEXT NOT NULL DEFAULT 'string' CHECK (value_type IN ('string', 'number', 'boolean', 'json')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (key, agent_id)
) STRICT;

-- UNIQUE takes NULLs for different from each other; this keeps a setting for every agent single.
CREATE UNIQUE INDEX configurations_shared_key ON configurations (key) WHERE agent_id IS NULL;

CREATE TABLE events (
    id          INTEGER PRIMARY KEY,
    agent_id    INTEGER REFERENCES agents (id) ON DELETE SET NULL, -- NULL: nobody's, or the agent is gone
    event_type  TEXT NOT NULL CHECK (event_type <> ''),
    severity    TEXT NOT NULL DEFAULT 'info' CHECK (severity IN ('debug', 'info', 'warning', 'error')),
    payload     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(payload)),
    occurred_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE projects (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE CHECK (name <> ''),
    description TEXT,
    root_path   TEXT,
    status      TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'completed', 'archived')),
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE project_tasks (
    id         INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    task_id    INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL DEFAULT 0 CHECK (position >= 0),
    added_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    removed_at TEXT, -- the row stays as history, and the task may be added again
    CHECK (removed_at >= added_at)
) STRICT;

-- Being partial, it serves neither foreign key.
CREATE UNIQUE INDEX project_tasks_current ON project_tasks (project_id, task_id) WHERE removed_at IS NULL;

CREATE TABLE checkpoints (
    id          INTEGER PRIMARY KEY,
    project_id  INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name        TEXT NOT NULL CHECK (name <> ''),
    description TEXT,
    state       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(state)),
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
