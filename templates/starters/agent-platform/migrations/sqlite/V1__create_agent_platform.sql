-- A platform on which organisations run agents: who they are, who may do what, the agents with their tools, documents and
-- conversations, and what happened.
--
-- Nearly everything belongs to an organisation: by `org_id`, or through the row that it hangs on. Rows of `roles` and
-- `tools` without one are everybody's. `extra` takes what a file has beyond the columns.
--
-- No password, token or key is kept as it was given. `…_hash` is a hash: bcrypt for what people choose, SHA-256 for what
-- is long and random and has to be found by it. `…_encrypted` is AES-256-GCM; the key is in the environment alone.
--
-- What becomes of a row when the one it points to is deleted stands at each foreign key: CASCADE where it means
-- nothing without it, SET NULL where it is a record that outlives it. Every foreign key has an index that serves it.
--
-- SQLite enforces foreign keys only on connections that set PRAGMA foreign_keys = on. STRICT tables take no text in an
-- INTEGER column. Times are ISO 8601 with their zone. A boolean is 0 or 1, JSON is text that must parse; both are said
-- by a CHECK, by which `liftlock import` and `export` know them too.

CREATE TABLE organizations (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    name       TEXT NOT NULL CHECK (name <> ''),
    slug       TEXT NOT NULL UNIQUE CHECK (slug <> ''),
    plan       TEXT NOT NULL DEFAULT 'free',
    status     TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closed')),
    created_at TEXT NOT NULL,
    extra      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE TABLE departments (
    id        TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id    TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    parent_id TEXT, -- NULL: it is part of no other
    name      TEXT NOT NULL CHECK (name <> ''),
    extra     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    -- what the next key refers to: a department is part of one of its own organisation
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, parent_id) REFERENCES departments (org_id, id) ON DELETE CASCADE,
    CHECK (parent_id <> id)
) STRICT;

CREATE INDEX departments_org_id_parent_id ON departments (org_id, parent_id);

CREATE TABLE groups (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id      TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name        TEXT NOT NULL CHECK (name <> ''),
    description TEXT,
    member_ids  TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(member_ids)), -- users, in the order in which they joined
    extra       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (org_id, name)
) STRICT;

CREATE TABLE users (
    id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id        TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    department_id TEXT REFERENCES departments (id) ON DELETE SET NULL,
    email         TEXT NOT NULL CHECK (email <> ''),
    name          TEXT,
    password_hash TEXT, -- bcrypt; NULL: they sign in elsewhere
    is_active     INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at    TEXT NOT NULL,
    last_login_at TEXT,
    extra         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

-- For signing in: an address may be known to several organisations.
CREATE INDEX users_email ON users (email);
-- Once in each; it serves the foreign key too.
CREATE UNIQUE INDEX users_org_id_email ON users (org_id, email);
CREATE INDEX users_department_id ON users (department_id);

CREATE TABLE user_sessions (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64), -- SHA-256, hexadecimal
    ip_address TEXT,
    user_agent TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT,
    extra      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX user_sessions_user_id ON user_sessions (user_id);

CREATE TABLE mfa_settings (
    id                     TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    user_id                TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method                 TEXT NOT NULL CHECK (method IN ('totp', 'webauthn', 'sms', 'email')),
    secret_encrypted       TEXT, -- AES-256-GCM
    backup_codes_encrypted TEXT, -- AES-256-GCM, of a JSON array
    is_enabled             INTEGER NOT NULL DEFAULT 0 CHECK (is_enabled IN (0, 1)),
    enabled_at             TEXT,
    extra                  TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (user_id, method)
) STRICT;

CREATE TABLE password_history (
    id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL, -- bcrypt
    changed_at    TEXT NOT NULL
) STRICT;

CREATE INDEX password_history_user_id ON password_history (user_id);

CREATE TABLE roles (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id      TEXT REFERENCES organizations (id) ON DELETE CASCADE, -- NULL: every organisation has it
    name        TEXT NOT NULL CHECK (name <> ''),
    description TEXT,
    extra       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (org_id, name)
) STRICT;

-- UNIQUE takes NULLs for different from each other; this keeps a role of everybody's single.
CREATE UNIQUE INDEX roles_shared_name ON roles (name) WHERE org_id IS NULL;

CREATE TABLE permissions (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    name        TEXT NOT NULL UNIQUE CHECK (name <> ''),
    description TEXT
) STRICT;

CREATE TABLE role_permissions (
    role_id       TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    permission_id TEXT NOT NULL REFERENCES permissions (id) ON DELETE CASCADE,
    PRIMARY KEY (role_id, permission_id)
) STRICT;

CREATE INDEX role_permissions_permission_id ON role_permissions (permission_id);

CREATE TABLE user_roles (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id    TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    granted_by TEXT REFERENCES users (id) ON DELETE SET NULL, -- NULL: the platform, or somebody who is gone
    granted_at TEXT,
    expires_at TEXT,
    PRIMARY KEY (user_id, role_id)
) STRICT;

CREATE INDEX user_roles_role_id ON user_roles (role_id);
CREATE INDEX user_roles_granted_by ON user_roles (granted_by);

CREATE TABLE tools (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id       TEXT REFERENCES organizations (id) ON DELETE CASCADE, -- NULL: every organisation has it
    name         TEXT NOT NULL CHECK (name <> ''),
    tool_type    TEXT NOT NULL CHECK (tool_type IN ('builtin', 'http', 'mcp', 'function')),
    description  TEXT,
    input_schema TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(input_schema)),
    config       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config)), -- no secrets: it is read by who may use the tool
    is_enabled   INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
    extra        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (org_id, name)
) STRICT;

CREATE UNIQUE INDEX tools_shared_name ON tools (name) WHERE org_id IS NULL;

CREATE TABLE tool_permissions (
    id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    tool_id       TEXT NOT NULL REFERENCES tools (id) ON DELETE CASCADE,
    role_id       TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    can_execute   INTEGER NOT NULL DEFAULT 1 CHECK (can_execute IN (0, 1)),
    can_configure INTEGER NOT NULL DEFAULT 0 CHECK (can_configure IN (0, 1)),
    constraints   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(constraints)), -- such as how often
    UNIQUE (tool_id, role_id)
) STRICT;

CREATE INDEX tool_permissions_role_id ON tool_permissions (role_id);

CREATE TABLE agents (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id      TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    owner_id    TEXT REFERENCES users (id) ON DELETE SET NULL,
    name        TEXT NOT NULL CHECK (name <> ''),
    description TEXT,
    status      TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    settings    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    created_at  TEXT NOT NULL,
    updated_at  TEXT,
    extra       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (org_id, name)
) STRICT;

CREATE INDEX agents_owner_id ON agents (owner_id);

CREATE TABLE agent_versions (
    id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    agent_id      TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    version       INTEGER NOT NULL CHECK (version > 0),
    model         TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    parameters    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(parameters)),
    created_by    TEXT REFERENCES users (id) ON DELETE SET NULL,
    created_at    TEXT NOT NULL,
    extra         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (agent_id, version)
) STRICT;

CREATE INDEX agent_versions_created_by ON agent_versions (created_by);

CREATE TABLE agent_tools (
    agent_id TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    tool_id  TEXT NOT NULL REFERENCES tools (id) ON DELETE CASCADE,
    config   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config)),
    PRIMARY KEY (agent_id, tool_id)
) STRICT;

CREATE INDEX agent_tools_tool_id ON agent_tools (tool_id);

CREATE TABLE documents (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id       TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    uploaded_by  TEXT REFERENCES users (id) ON DELETE SET NULL,
    title        TEXT NOT NULL CHECK (title <> ''),
    mime_type    TEXT NOT NULL DEFAULT 'text/plain',
    size_bytes   INTEGER CHECK (size_bytes >= 0),
    content_hash TEXT CHECK (length(content_hash) = 64), -- SHA-256, hexadecimal
    metadata     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
    created_at   TEXT NOT NULL,
    extra        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX documents_org_id_created_at ON documents (org_id, created_at);
CREATE INDEX documents_uploaded_by ON documents (uploaded_by);

CREATE TABLE document_chunks (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL CHECK (position >= 0), -- within the document, from 0
    content     TEXT NOT NULL,
    token_count INTEGER CHECK (token_count >= 0),
    embedding   TEXT CHECK (json_valid(embedding)), -- numbers, as the model gave them; NULL: not embedded yet
    extra       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (document_id, position)
) STRICT;

CREATE TABLE conversations (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id     TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id    TEXT REFERENCES users (id) ON DELETE SET NULL,
    agent_id   TEXT REFERENCES agents (id) ON DELETE SET NULL,
    title      TEXT,
    status     TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'archived')),
    created_at TEXT NOT NULL,
    extra      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX conversations_org_id ON conversations (org_id);
CREATE INDEX conversations_user_id ON conversations (user_id);
CREATE INDEX conversations_agent_id ON conversations (agent_id);

CREATE TABLE messages (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role            TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    content         TEXT CHECK (json_valid(content)), -- a text, or an array of parts; NULL: only calls of tools
    tool_calls      TEXT CHECK (json_valid(tool_calls)),
    token_count     INTEGER CHECK (token_count >= 0),
    created_at      TEXT NOT NULL,
    extra           TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

-- For a conversation in order.
CREATE INDEX messages_conversation_id_created_at ON messages (conversation_id, created_at);

CREATE TABLE attachments (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    message_id  TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    document_id TEXT REFERENCES documents (id) ON DELETE SET NULL,
    file_name   TEXT NOT NULL CHECK (file_name <> ''),
    mime_type   TEXT,
    size_bytes  INTEGER CHECK (size_bytes >= 0),
    extra       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX attachments_message_id ON attachments (message_id);
CREATE INDEX attachments_document_id ON attachments (document_id);

CREATE TABLE audit_logs (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id     TEXT REFERENCES organizations (id) ON DELETE SET NULL, -- it outlives whom it is about
    user_id    TEXT REFERENCES users (id) ON DELETE SET NULL, -- who did it
    action     TEXT NOT NULL CHECK (action <> ''),
    table_name TEXT,
    row_id     TEXT,
    old_values TEXT CHECK (json_valid(old_values)),
    new_values TEXT CHECK (json_valid(new_values)),
    ip_address TEXT,
    details    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- For "what did they do, latest first".
CREATE INDEX audit_logs_user_id_created_at ON audit_logs (user_id, created_at);
CREATE INDEX audit_logs_org_id_created_at ON audit_logs (org_id, created_at);

CREATE TABLE security_events (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id      TEXT REFERENCES organizations (id) ON DELETE SET NULL,
    user_id     TEXT REFERENCES users (id) ON DELETE SET NULL,
    event_type  TEXT NOT NULL CHECK (event_type <> ''),
    severity    TEXT NOT NULL DEFAULT 'info' CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
    ip_address  TEXT,
    details     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    resolved_at TEXT
) STRICT;

CREATE INDEX security_events_org_id_created_at ON security_events (org_id, created_at);
CREATE INDEX security_events_user_id ON security_events (user_id);

CREATE TABLE oauth_configs (
    id                      TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id                  TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    provider                TEXT NOT NULL CHECK (provider <> ''),
    client_id               TEXT NOT NULL,
    client_secret_encrypted TEXT, -- AES-256-GCM
    scopes                  TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scopes)),
    is_enabled              INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
    extra                   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (org_id, provider)
) STRICT;

CREATE TABLE ldap_configs (
    id                      TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id                  TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    host                    TEXT NOT NULL CHECK (host <> ''),
    port                    INTEGER NOT NULL DEFAULT 636 CHECK (port BETWEEN 1 AND 65535),
    base_dn                 TEXT NOT NULL,
    bind_dn                 TEXT,
    bind_password_encrypted TEXT, -- AES-256-GCM
    use_tls                 INTEGER NOT NULL DEFAULT 1 CHECK (use_tls IN (0, 1)),
    attribute_map           TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(attribute_map)),
    extra                   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
    UNIQUE (org_id, host)
) STRICT;

CREATE TABLE api_keys (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    org_id       TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id      TEXT REFERENCES users (id) ON DELETE CASCADE, -- NULL: the organisation's own
    name         TEXT NOT NULL CHECK (name <> ''),
    key_prefix   TEXT, -- what is shown of it
    key_hash     TEXT NOT NULL UNIQUE CHECK (length(key_hash) = 64), -- SHA-256, hexadecimal
    scopes       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scopes)),
    created_at   TEXT NOT NULL,
    last_used_at TEXT,
    expires_at   TEXT,
    revoked_at   TEXT,
    extra        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra))
) STRICT;

CREATE INDEX api_keys_org_id ON api_keys (org_id);
CREATE INDEX api_keys_user_id ON api_keys (user_id);

CREATE TABLE system_settings (
    name      TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    value     TEXT CHECK (json_valid(value)), -- any value, but no secret
    is_public INTEGER NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1)) -- organisations may read it
) STRICT;

CREATE TABLE org_settings (
    org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name   TEXT NOT NULL CHECK (name <> ''),
    value  TEXT CHECK (json_valid(value)), -- any value, but no secret
    PRIMARY KEY (org_id, name)
) STRICT;

CREATE TABLE user_preferences (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name    TEXT NOT NULL CHECK (name <> ''),
    value   TEXT CHECK (json_valid(value)),
    PRIMARY KEY (user_id, name)
) STRICT;
