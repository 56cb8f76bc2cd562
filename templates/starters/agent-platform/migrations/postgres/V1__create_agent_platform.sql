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
-- Migration 2 says who sees which rows, and writes down changes.

CREATE TABLE organizations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL CHECK (name <> ''),
    slug       text NOT NULL UNIQUE CHECK (slug <> ''),
    plan       text NOT NULL DEFAULT 'free',
    status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closed')),
    created_at timestamptz NOT NULL,
    extra      jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE departments (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id    uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    parent_id uuid, -- NULL: it is part of no other
    name      text NOT NULL CHECK (name <> ''),
    extra     jsonb NOT NULL DEFAULT '{}',
    -- what the next key refers to: a department is part of one of its own organisation
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, parent_id) REFERENCES departments (org_id, id) ON DELETE CASCADE,
    CHECK (parent_id <> id)
);

CREATE INDEX departments_org_id_parent_id ON departments (org_id, parent_id);

CREATE TABLE groups (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id      uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name        text NOT NULL CHECK (name <> ''),
    description text,
    member_ids  jsonb NOT NULL DEFAULT '[]', -- users, in the order in which they joined
    extra       jsonb NOT NULL DEFAULT '{}',
    UNIQUE (org_id, name)
);

CREATE TABLE users (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id        uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    department_id uuid REFERENCES departments (id) ON DELETE SET NULL,
    email         text NOT NULL CHECK (email <> ''),
    name          text,
    password_hash text, -- bcrypt; NULL: they sign in elsewhere
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL,
    last_login_at timestamptz,
    extra         jsonb NOT NULL DEFAULT '{}'
);

-- For signing in: an address may be known to several organisations.
CREATE INDEX users_email ON users (email);
-- Once in each; it serves the foreign key too.
CREATE UNIQUE INDEX users_org_id_email ON users (org_id, email);
CREATE INDEX users_department_id ON users (department_id);

CREATE TABLE user_sessions (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash text NOT NULL UNIQUE CHECK (length(token_hash) = 64), -- SHA-256, hexadecimal
    ip_address text,
    user_agent text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    extra      jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX user_sessions_user_id ON user_sessions (user_id);

CREATE TABLE mfa_settings (
    id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id                uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method                 text NOT NULL CHECK (method IN ('totp', 'webauthn', 'sms', 'email')),
    secret_encrypted       text, -- AES-256-GCM
    backup_codes_encrypted text, -- AES-256-GCM, of a JSON array
    is_enabled             boolean NOT NULL DEFAULT false,
    enabled_at             timestamptz,
    extra                  jsonb NOT NULL DEFAULT '{}',
    UNIQUE (user_id, method)
);

CREATE TABLE password_history (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    password_hash text NOT NULL, -- bcrypt
    changed_at    timestamptz NOT NULL
);

CREATE INDEX password_history_user_id ON password_history (user_id);

CREATE TABLE roles (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id      uuid REFERENCES organizations (id) ON DELETE CASCADE, -- NULL: every organisation has it
    name        text NOT NULL CHECK (name <> ''),
    description text,
    extra       jsonb NOT NULL DEFAULT '{}',
    UNIQUE (org_id, name)
);

-- UNIQUE takes NULLs for different from each other; this keeps a role of everybody's single.
CREATE UNIQUE INDEX roles_shared_name ON roles (name) WHERE org_id IS NULL;

CREATE TABLE permissions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name        text NOT NULL UNIQUE CHECK (name <> ''),
    description text
);

CREATE TABLE role_permissions (
    role_id       uuid NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    permission_id uuid NOT NULL REFERENCES permissions (id) ON DELETE CASCADE,
    PRIMARY KEY (role_id, permission_id)
);

CREATE INDEX role_permissions_permission_id ON role_permissions (permission_id);

CREATE TABLE user_roles (
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id    uuid NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    granted_by uuid REFERENCES users (id) ON DELETE SET NULL, -- NULL: the platform, or somebody who is gone
    granted_at timestamptz,
    expires_at timestamptz,
    PRIMARY KEY (user_id, role_id)
);

CREATE INDEX user_roles_role_id ON user_roles (role_id);
CREATE INDEX user_roles_granted_by ON user_roles (granted_by);

CREATE TABLE tools (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id       uuid REFERENCES organizations (id) ON DELETE CASCADE, -- NULL: every organisation has it
    name         text NOT NULL CHECK (name <> ''),
    tool_type    text NOT NULL CHECK (tool_type IN ('builtin', 'http', 'mcp', 'function')),
    description  text,
    input_schema jsonb NOT NULL DEFAULT '{}',
    config       jsonb NOT NULL DEFAULT '{}', -- no secrets: it is read by who may use the tool
    is_enabled   boolean NOT NULL DEFAULT true,
    extra        jsonb NOT NULL DEFAULT '{}',
    UNIQUE (org_id, name)
);

CREATE UNIQUE INDEX tools_shared_name ON tools (name) WHERE org_id IS NULL;

CREATE TABLE tool_permissions (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tool_id       uuid NOT NULL REFERENCES tools (id) ON DELETE CASCADE,
    role_id       uuid NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    can_execute   boolean NOT NULL DEFAULT true,
    can_configure boolean NOT NULL DEFAULT false,
    constraints   jsonb NOT NULL DEFAULT '{}', -- such as how often
    UNIQUE (tool_id, role_id)
);

CREATE INDEX tool_permissions_role_id ON tool_permissions (role_id);

CREATE TABLE agents (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id      uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    owner_id    uuid REFERENCES users (id) ON DELETE SET NULL,
    name        text NOT NULL CHECK (name <> ''),
    description text,
    status      text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    settings    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz,
    extra       jsonb NOT NULL DEFAULT '{}',
    UNIQUE (org_id, name)
);

CREATE INDEX agents_owner_id ON agents (owner_id);

CREATE TABLE agent_versions (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    agent_id      uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    version       bigint NOT NULL CHECK (version > 0),
    model         text NOT NULL,
    system_prompt text NOT NULL,
    parameters    jsonb NOT NULL DEFAULT '{}',
    created_by    uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at    timestamptz NOT NULL,
    extra         jsonb NOT NULL DEFAULT '{}',
    UNIQUE (agent_id, version)
);

CREATE INDEX agent_versions_created_by ON agent_versions (created_by);

CREATE TABLE agent_tools (
    agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    tool_id  uuid NOT NULL REFERENCES tools (id) ON DELETE CASCADE,
    config   jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (agent_id, tool_id)
);

CREATE INDEX agent_tools_tool_id ON agent_tools (tool_id);

CREATE TABLE documents (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id       uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    uploaded_by  uuid REFERENCES users (id) ON DELETE SET NULL,
    title        text NOT NULL CHECK (title <> ''),
    mime_type    text NOT NULL DEFAULT 'text/plain',
    size_bytes   bigint CHECK (size_bytes >= 0),
    content_hash text CHECK (length(content_hash) = 64), -- SHA-256, hexadecimal
    metadata     jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    extra        jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX documents_org_id_created_at ON documents (org_id, created_at);
CREATE INDEX documents_uploaded_by ON documents (uploaded_by);

CREATE TABLE document_chunks (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    position    bigint NOT NULL CHECK (position >= 0), -- within the document, from 0
    content     text NOT NULL,
    token_count bigint CHECK (token_count >= 0),
    embedding   jsonb, -- numbers, as the model gave them; NULL: not embedded yet
    extra       jsonb NOT NULL DEFAULT '{}',
    UNIQUE (document_id, position)
);

CREATE TABLE conversations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id     uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id    uuid REFERENCES users (id) ON DELETE SET NULL,
    agent_id   uuid REFERENCES agents (id) ON DELETE SET NULL,
    title      text,
    status     text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'archived')),
    created_at timestamptz NOT NULL,
    extra      jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX conversations_org_id ON conversations (org_id);
CREATE INDEX conversations_user_id ON conversations (user_id);
CREATE INDEX conversations_agent_id ON conversations (agent_id);

CREATE TABLE messages (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role            text NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    content         jsonb, -- a text, or an array of parts; NULL: only calls of tools
    tool_calls      jsonb,
    token_count     bigint CHECK (token_count >= 0),
    created_at      timestamptz NOT NULL,
    extra           jsonb NOT NULL DEFAULT '{}'
);

-- For a conversation in order.
CREATE INDEX messages_conversation_id_created_at ON messages (conversation_id, created_at);

CREATE TABLE attachments (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    message_id  uuid NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    document_id uuid REFERENCES documents (id) ON DELETE SET NULL,
    file_name   text NOT NULL CHECK (file_name <> ''),
    mime_type   text,
    size_bytes  bigint CHECK (size_bytes >= 0),
    extra       jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX attachments_message_id ON attachments (message_id);
CREATE INDEX attachments_document_id ON attachments (document_id);

CREATE TABLE audit_logs (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id     uuid REFERENCES organizations (id) ON DELETE SET NULL, -- it outlives whom it is about
    user_id    uuid REFERENCES users (id) ON DELETE SET NULL, -- who did it
    action     text NOT NULL CHECK (action <> ''),
    table_name text,
    row_id     text,
    old_values jsonb,
    new_values jsonb,
    ip_address text,
    details    jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- For "what did they do, latest first".
CREATE INDEX audit_logs_user_id_created_at ON audit_logs (user_id, created_at);
CREATE INDEX audit_logs_org_id_created_at ON audit_logs (org_id, created_at);

CREATE TABLE security_events (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id      uuid REFERENCES organizations (id) ON DELETE SET NULL,
    user_id     uuid REFERENCES users (id) ON DELETE SET NULL,
    event_type  text NOT NULL CHECK (event_type <> ''),
    severity    text NOT NULL DEFAULT 'info' CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
    ip_address  text,
    details     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);

CREATE INDEX security_events_org_id_created_at ON security_events (org_id, created_at);
CREATE INDEX security_events_user_id ON security_events (user_id);

CREATE TABLE oauth_configs (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id                  uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    provider                text NOT NULL CHECK (provider <> ''),
    client_id               text NOT NULL,
    client_secret_encrypted text, -- AES-256-GCM
    scopes                  jsonb NOT NULL DEFAULT '[]',
    is_enabled              boolean NOT NULL DEFAULT true,
    extra                   jsonb NOT NULL DEFAULT '{}',
    UNIQUE (org_id, provider)
);

CREATE TABLE ldap_configs (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id                  uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    host                    text NOT NULL CHECK (host <> ''),
    port                    bigint NOT NULL DEFAULT 636 CHECK (port BETWEEN 1 AND 65535),
    base_dn                 text NOT NULL,
    bind_dn                 text,
    bind_password_encrypted text, -- AES-256-GCM
    use_tls                 boolean NOT NULL DEFAULT true,
    attribute_map           jsonb NOT NULL DEFAULT '{}',
    extra                   jsonb NOT NULL DEFAULT '{}',
    UNIQUE (org_id, host)
);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id       uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id      uuid REFERENCES users (id) ON DELETE CASCADE, -- NULL: the organisation's own
    name         text NOT NULL CHECK (name <> ''),
    key_prefix   text, -- what is shown of it
    key_hash     text NOT NULL UNIQUE CHECK (length(key_hash) = 64), -- SHA-256, hexadecimal
    scopes       jsonb NOT NULL DEFAULT '[]',
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    extra        jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX api_keys_org_id ON api_keys (org_id);
CREATE INDEX api_keys_user_id ON api_keys (user_id);

CREATE TABLE system_settings (
    name      text NOT NULL PRIMARY KEY CHECK (name <> ''),
    value     jsonb, -- any value, but no secret
    is_public boolean NOT NULL DEFAULT false -- organisations may read it
);

CREATE TABLE org_settings (
    org_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name   text NOT NULL CHECK (name <> ''),
    value  jsonb, -- any value, but no secret
    PRIMARY KEY (org_id, name)
);

CREATE TABLE user_preferences (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name    text NOT NULL CHECK (name <> ''),
    value   jsonb,
    PRIMARY KEY (user_id, name)
);
