-- Who sees and writes which rows, and a record of changes: row-level security by organisation, and audit triggers.
--
-- The application says once per transaction for whom it works: SET LOCAL app.org_id = '…', and SET LOCAL app.user_id = '…'.
-- A role that owns nothing here and has no BYPASSRLS then sees the rows of that organisation alone, and without the
-- setting none. Such a role needs SELECT, INSERT, UPDATE and DELETE, never TRUNCATE, which asks no policy.
--
-- There is no FORCE ROW LEVEL SECURITY: the tables' owner migrates, imports, ports, backs up and cleans up, over all
-- organisations, and what a foreign key does (CASCADE, SET NULL) is done as the owner. So the application must not
-- connect as the owner.

-- The organisation that the session works for; NULL: none. A setting that was made by SET LOCAL is '' afterwards.
CREATE FUNCTION app_org_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.org_id', true), '')::uuid $$;

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE departments ENABLE ROW LEVEL SECURITY;
ALTER TABLE groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE mfa_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE password_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE role_permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE tools ENABLE ROW LEVEL SECURITY;
ALTER TABLE tool_permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_tools ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE security_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_configs ENABLE ROW LEVEL SECURITY;
ALTER TABLE ldap_configs ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE system_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE org_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_preferences ENABLE ROW LEVEL SECURITY;

-- USING says which rows are seen, changed and deleted; WITH CHECK what a row may be afterwards, and is USING where it is
-- left out. A subquery sees what the session may see of its table, so that a row that hangs on a user is the
-- organisation's if that user is. WITH CHECK looks at every row that is referred to: a foreign key alone would take
-- another organisation's.

-- The row with plan and status is the platform's; an organisation reads its own.
CREATE POLICY own_read ON organizations FOR SELECT USING (id = app_org_id());

CREATE POLICY own ON departments USING (org_id = app_org_id());
CREATE POLICY own ON groups USING (org_id = app_org_id());
CREATE POLICY own ON users USING (org_id = app_org_id())
    WITH CHECK (org_id = app_org_id() AND (department_id IS NULL
        OR EXISTS (SELECT FROM departments WHERE departments.id = users.department_id)));
CREATE POLICY own ON user_sessions
    USING (EXISTS (SELECT FROM users WHERE users.id = user_sessions.user_id));
CREATE POLICY own ON mfa_settings
    USING (EXISTS (SELECT FROM users WHERE users.id = mfa_settings.user_id));
CREATE POLICY own ON password_history
    USING (EXISTS (SELECT FROM users WHERE users.id = password_history.user_id));
CREATE POLICY own ON user_preferences
    USING (EXISTS (SELECT FROM users WHERE users.id = user_preferences.user_id));

-- What is everybody's is read by every organisation, and written by the platform.
CREATE POLICY own ON roles USING (org_id = app_org_id());
CREATE POLICY shared_read ON roles FOR SELECT USING (org_id IS NULL AND app_org_id() IS NOT NULL);
CREATE POLICY own ON tools USING (org_id = app_org_id());
CREATE POLICY shared_read ON tools FOR SELECT USING (org_id IS NULL AND app_org_id() IS NOT NULL);
CREATE POLICY shared_read ON permissions FOR SELECT USING (app_org_id() IS NOT NULL);
CREATE POLICY shared_read ON system_settings FOR SELECT USING (is_public AND app_org_id() IS NOT NULL);

CREATE POLICY own ON role_permissions
    USING (EXISTS (SELECT FROM roles WHERE roles.id = role_permissions.role_id AND roles.org_id = app_org_id()));
CREATE POLICY shared_read ON role_permissions FOR SELECT
    USING (EXISTS (SELECT FROM roles WHERE roles.id = role_permissions.role_id));
CREATE POLICY own ON user_roles
    USING (EXISTS (SELECT FROM users WHERE users.id = user_roles.user_id))
    WITH CHECK (EXISTS (SELECT FROM users WHERE users.id = user_roles.user_id)
        AND EXISTS (SELECT FROM roles WHERE roles.id = user_roles.role_id)
        AND (granted_by IS NULL OR EXISTS (SELECT FROM users WHERE users.id = user_roles.granted_by)));
-- A shared tool for a role of one's own, or one's own tool for a shared role; both shared is the platform's.
CREATE POLICY own ON tool_permissions
    USING (EXISTS (SELECT FROM tools, roles WHERE tools.id = tool_permissions.tool_id
        AND roles.id = tool_permissions.role_id AND app_org_id() IN (tools.org_id, roles.org_id)));
CREATE POLICY shared_read ON tool_permissions FOR SELECT
    USING (EXISTS (SELECT FROM tools, roles WHERE tools.id = tool_permissions.tool_id
        AND roles.id = tool_permissions.role_id));

CREATE POLICY own ON agents USING (org_id = app_org_id())
    WITH CHECK (org_id = app_org_id()
        AND (owner_id IS NULL OR EXISTS (SELECT FROM users WHERE users.id = agents.owner_id)));
CREATE POLICY own ON agent_versions
    USING (EXISTS (SELECT FROM agents WHERE agents.id = agent_versions.agent_id))
    WITH CHECK (EXISTS (SELECT FROM agents WHERE agents.id = agent_versions.agent_id)
        AND (created_by IS NULL OR EXISTS (SELECT FROM users WHERE users.id = agent_versions.created_by)));
CREATE POLICY own ON agent_tools
    USING (EXISTS (SELECT FROM agents WHERE agents.id = agent_tools.agent_id))
    WITH CHECK (EXISTS (SELECT FROM agents WHERE agents.id = agent_tools.agent_id)
        AND EXISTS (SELECT FROM tools WHERE tools.id = agent_tools.tool_id));

CREATE POLICY own ON documents USING (org_id = app_org_id())
    WITH CHECK (org_id = app_org_id()
        AND (uploaded_by IS NULL OR EXISTS (SELECT FROM users WHERE users.id = documents.uploaded_by)));
CREATE POLICY own ON document_chunks
    USING (EXISTS (SELECT FROM documents WHERE documents.id = document_chunks.document_id));
CREATE POLICY own ON conversations USING (org_id = app_org_id())
    WITH CHECK (org_id = app_org_id()
        AND (user_id IS NULL OR EXISTS (SELECT FROM users WHERE users.id = conversations.user_id))
        AND (agent_id IS NULL OR EXISTS (SELECT FROM agents WHERE agents.id = conversations.agent_id)));
CREATE POLICY own ON messages
    USING (EXISTS (SELECT FROM conversations WHERE conversations.id = messages.conversation_id));
CREATE POLICY own ON attachments
    USING (EXISTS (SELECT FROM messages WHERE messages.id = attachments.message_id))
    WITH CHECK (EXISTS (SELECT FROM messages WHERE messages.id = attachments.message_id)
        AND (document_id IS NULL OR EXISTS (SELECT FROM documents WHERE documents.id = attachments.document_id)));

-- What was written down stays: nobody but the owner changes or deletes it.
CREATE POLICY own_read ON audit_logs FOR SELECT USING (org_id = app_org_id());
CREATE POLICY own_insert ON audit_logs FOR INSERT WITH CHECK (org_id = app_org_id()
    AND (user_id IS NULL OR EXISTS (SELECT FROM users WHERE users.id = audit_logs.user_id)));
CREATE POLICY own_read ON security_events FOR SELECT USING (org_id = app_org_id());
CREATE POLICY own_insert ON security_events FOR INSERT WITH CHECK (org_id = app_org_id()
    AND (user_id IS NULL OR EXISTS (SELECT FROM users WHERE users.id = security_events.user_id)));

CREATE POLICY own ON oauth_configs USING (org_id = app_org_id());
CREATE POLICY own ON ldap_configs USING (org_id = app_org_id());
CREATE POLICY own ON api_keys USING (org_id = app_org_id())
    WITH CHECK (org_id = app_org_id()
        AND (user_id IS NULL OR EXISTS (SELECT FROM users WHERE users.id = api_keys.user_id)));
CREATE POLICY own ON org_settings USING (org_id = app_org_id());

-- Writes a change of a row into audit_logs: who, in which table, which row, what it was and what it is.
--
-- Arguments: the columns of the key; columns whose values are secret, which are named where they change and never
-- written down; columns whose changes are not worth an entry.
--
-- It runs as its owner, since who makes the change may not be allowed to write down in another's name; for that reason
-- nothing in it is looked up by the caller's search path.
--
-- A session of `liftlock import` writes what files hold, the audit log's own rows among it, and has a record of its own
-- (liftlock_import_run): there it writes nothing, if the session's role owns the table and so could switch it off anyway.
-- `liftlock port` switches triggers off while it copies.
CREATE FUNCTION audit_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    keys    text[] := string_to_array(TG_ARGV[0], ' ');
    secrets text[] := string_to_array(TG_ARGV[1], ' ');
    unmeant text[] := string_to_array(TG_ARGV[2], ' ');
    was     jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    is_now  jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    it      jsonb := coalesce(is_now, was);
    org     uuid := it ->> CASE TG_TABLE_NAME WHEN 'organizations' THEN 'id' ELSE 'org_id' END;
    actor   uuid := nullif(current_setting('app.user_id', true), '');
    details jsonb := jsonb_build_object('db_role', session_user);
    here    text := quote_ident(TG_TABLE_SCHEMA);
BEGIN
    IF current_setting('liftlock.command', true) = 'import'
        AND pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF was - unmeant = is_now - unmeant THEN
            RETURN NULL;
        END IF;
        details := details || coalesce((SELECT jsonb_build_object('secrets_changed', jsonb_agg(name))
            FROM unnest(secrets) AS name WHERE was -> name IS DISTINCT FROM is_now -> name HAVING count(*) > 0), '{}');
    END IF;

    -- whose row it is: by what it hangs on, where it does not say so itself
    IF org IS NULL AND it ? 'user_id' THEN
        EXECUTE format('SELECT org_id FROM %s.users WHERE id = $1', here) INTO org USING (it ->> 'user_id')::uuid;
    END IF;
    IF org IS NULL AND it ? 'role_id' THEN
        EXECUTE format('SELECT org_id FROM %s.roles WHERE id = $1', here) INTO org USING (it ->> 'role_id')::uuid;
    END IF;
    IF org IS NULL AND it ? 'tool_id' THEN
        EXECUTE format('SELECT org_id FROM %s.tools WHERE id = $1', here) INTO org USING (it ->> 'tool_id')::uuid;
    END IF;
    IF org IS NULL THEN
        org := nullif(current_setting('app.org_id', true), '');
    END IF;

    -- an organisation or user that goes along with the row can't be referred to any more
    IF actor IS NOT NULL THEN
        details := details || jsonb_build_object('app_user_id', actor);
    END IF;
    EXECUTE format(
        'INSERT INTO %1$s.audit_logs (org_id, user_id, action, table_name, row_id, old_values, new_values, ip_address, details)
         VALUES ((SELECT id FROM %1$s.organizations WHERE id = $1), (SELECT id FROM %1$s.users WHERE id = $2),
                 $3, $4, $5, $6, $7, $8, $9)', here)
        USING org, actor, lower(TG_OP), TG_TABLE_NAME::text,
              (SELECT string_agg(it ->> name, ',' ORDER BY place) FROM unnest(keys) WITH ORDINALITY AS k (name, place)),
              was - secrets, is_now - secrets, host(inet_client_addr()), details;
    RETURN NULL;
END
$$;

-- Nobody else makes a trigger of it, to write into the log what never was.
REVOKE ALL ON FUNCTION audit_change() FROM PUBLIC;

CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON organizations
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', '', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', 'password_hash', 'last_login_at');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON mfa_settings
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', 'secret_encrypted backup_codes_encrypted', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON password_history
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', 'password_hash', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON roles
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', '', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON permissions
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', '', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON role_permissions
    FOR EACH ROW EXECUTE FUNCTION audit_change('role_id permission_id', '', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON user_roles
    FOR EACH ROW EXECUTE FUNCTION audit_change('user_id role_id', '', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON tool_permissions
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', '', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON oauth_configs
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', 'client_secret_encrypted', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON ldap_configs
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', 'bind_password_encrypted', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION audit_change('id', 'key_hash', 'last_used_at');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON system_settings
    FOR EACH ROW EXECUTE FUNCTION audit_change('name', '', '');
CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON org_settings
    FOR EACH ROW EXECUTE FUNCTION audit_change('org_id name', '', '');
