//! The starter `agent-platform`: the walk, who sees which rows on PostgreSQL, and what is written down of changes.

use postgres::Client;
use postgres::error::SqlState;

use super::{imported, tree, walk};
use crate::support::{TestDatabase, each_database};

const NAME: &str = "agent-platform";

/// Its columns whose values can't come back.
pub const HASHED: &[&str] =
    &["users.password_hash", "password_history.password_hash", "user_sessions.token_hash", "api_keys.key_hash"];

/// Each table with its rows in all, and as each of the two organisations sees it.
const ROWS: [(&str, i64, i64, i64); 29] = [
    ("organizations", 2, 1, 1),
    ("departments", 4, 3, 1),
    ("groups", 2, 2, 0),
    ("users", 5, 3, 2),
    ("user_sessions", 2, 1, 1),
    ("mfa_settings", 2, 1, 1),
    ("password_history", 1, 1, 0),
    ("roles", 4, 3, 3),
    ("permissions", 6, 6, 6),
    ("role_permissions", 11, 11, 8),
    ("user_roles", 5, 3, 2),
    ("tools", 4, 3, 3),
    ("tool_permissions", 3, 3, 1),
    ("agents", 3, 2, 1),
    ("agent_versions", 3, 2, 1),
    ("agent_tools", 4, 2, 2),
    ("documents", 3, 2, 1),
    ("document_chunks", 3, 2, 1),
    ("conversations", 2, 1, 1),
    ("messages", 5, 4, 1),
    ("attachments", 2, 2, 0),
    ("audit_logs", 4, 3, 1),
    ("security_events", 2, 2, 0),
    ("oauth_configs", 2, 1, 1),
    ("ldap_configs", 1, 1, 0),
    ("api_keys", 2, 2, 0),
    ("system_settings", 5, 3, 3),
    ("org_settings", 8, 5, 3),
    ("user_preferences", 4, 3, 1),
];

#[test]
fn agent_platform_from_init_to_nothing_on_sqlite() {
    walk(NAME, &TestDatabase::sqlite());
}

#[test]
fn agent_platform_from_init_to_nothing_on_postgres() {
    walk(NAME, &TestDatabase::postgres());
}

#[test]
fn no_password_token_or_key_is_in_the_database() {
    each_database(|database| {
        let project = imported(NAME, database);
        for (table, rows, ..) in ROWS {
            assert_eq!(database.value(&format!("SELECT count(*) FROM {table}")), rows.to_string(), "{table}");
        }
        let secrets = [
            "correct horse",
            "Sommer2025",
            "пароль",
            "tok_9d1f",
            "JBSWY3",
            "7f3k-91ab",
            "s3cr3t-Wert",
            "läs-mich",
            "ak_live_7f3e9d2b51",
            "ak_live_00c4b8",
        ];
        // nor in what the import has written down of the files
        for table in database.tables() {
            let dump = project.run(&["export", &table, "--format", "jsonl"]).ok().stdout;
            for secret in secrets {
                assert!(!dump.contains(secret), "{table} holds `{secret}`: {dump}");
            }
        }
        // a key is found by its hash
        let hash = sha256("ak_live_7f3e9d2b51");
        assert_eq!(database.value(&format!("SELECT name FROM api_keys WHERE key_hash = '{hash}'")), "ci");
        assert_eq!(database.value("SELECT count(*) FROM users WHERE password_hash LIKE '$2%'"), "2");
        assert_eq!(database.value("SELECT count(*) FROM users WHERE password_hash IS NULL"), "3");
    });
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The two organisations, and a role as the application would have it.
struct Platform {
    database: TestDatabase,
    role: String,
    acme: String,
    nordlicht: String,
}

impl Platform {
    fn new() -> Self {
        let database = TestDatabase::postgres();
        imported(NAME, &database);
        Self::over(database)
    }

    fn over(database: TestDatabase) -> Self {
        let role = format!("tenant_{}", database.value("SELECT current_database()"));
        database.execute(&format!("CREATE ROLE {role} LOGIN; {}", grant().replace("TO app;", &format!("TO {role};"))));
        let org = |slug: &str| database.value(&format!("SELECT id FROM organizations WHERE slug = '{slug}'"));
        let (acme, nordlicht) = (org("acme"), org("nordlicht"));
        Self { database, role, acme, nordlicht }
    }

    /// A session of the application's.
    fn tenant(&self, org: &str) -> Client {
        let mut client = self.database.client();
        client.batch_execute(&format!("SET SESSION AUTHORIZATION {}; SET app.org_id = '{org}'", self.role)).unwrap();
        client
    }

    /// What a query over the whole platform gives.
    fn id(&self, sql: &str) -> String {
        self.database.value(sql)
    }
}

/// The GRANT that the starter's README gives, word for word.
fn grant() -> String {
    let readme = std::fs::read_to_string("templates/starters/agent-platform/README.md").unwrap();
    let lines: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let begin = lines.iter().position(|line| line.starts_with("GRANT ")).unwrap();
    let end = begin + lines[begin..].iter().position(|line| line.ends_with(';')).unwrap();
    lines[begin..=end].join("\n")
}

/// What is kept beside the tables knows no organisation: raw records of all of them, and the history.
#[test]
fn the_application_has_nothing_of_what_is_kept_beside_the_tables() {
    let platform = Platform::new();
    let all = platform.database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let beside: Vec<String> = all.into_iter().filter(|table| !ROWS.iter().any(|(own, ..)| own == table)).collect();
    for table in [
        "schema_migrations",
        "liftlock_import_quarantine",
        "liftlock_import_record",
        "liftlock_import_file",
        "liftlock_import_run",
    ] {
        assert!(beside.iter().any(|name| name == table), "{table} is not in {beside:?}");
    }
    let mut client = platform.tenant(&platform.acme);
    for table in &beside {
        for sql in [format!("SELECT * FROM {table}"), format!("DELETE FROM {table}")] {
            let error = client.execute(&sql, &[]).expect_err(&sql);
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {error}");
        }
    }
    // and who had been given all of it has no more after what the README says to do
    platform.database.execute(&format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {0}", platform.role));
    client.execute("DELETE FROM liftlock_import_quarantine", &[]).unwrap();
    platform.database.execute(&format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}", platform.role));
    assert!(client.execute("SELECT * FROM schema_migrations", &[]).is_err());
}

fn counts(client: &mut Client) -> Vec<(&'static str, i64)> {
    let count = |(table, ..): &(&'static str, i64, i64, i64)| {
        (*table, client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).unwrap().get(0))
    };
    ROWS.iter().map(count).collect()
}

#[test]
fn an_organisation_sees_its_own_rows_and_nobody_without_one_sees_any() {
    let platform = Platform::new();
    let tables = "SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity";
    assert_eq!(platform.id(tables), ROWS.len().to_string());

    let seen: Vec<_> = ROWS.iter().map(|(table, _, acme, _)| (*table, *acme)).collect();
    assert_eq!(counts(&mut platform.tenant(&platform.acme)), seen);
    let seen: Vec<_> = ROWS.iter().map(|(table, _, _, nordlicht)| (*table, *nordlicht)).collect();
    let mut nordlicht = platform.tenant(&platform.nordlicht);
    assert_eq!(counts(&mut nordlicht), seen);
    let whose = "SELECT DISTINCT org_id::text FROM users";
    assert_eq!(nordlicht.query_one(whose, &[]).unwrap().get::<_, String>(0), platform.nordlicht);

    let nothing: Vec<_> = ROWS.iter().map(|(table, ..)| (*table, 0)).collect();
    assert_eq!(counts(&mut platform.tenant("")), nothing);
    let mut unset = platform.database.client();
    unset.batch_execute(&format!("SET SESSION AUTHORIZATION {}", platform.role)).unwrap();
    assert_eq!(counts(&mut unset), nothing);
    // what was set for a transaction is over with it
    unset.batch_execute(&format!("BEGIN; SET LOCAL app.org_id = '{}'", platform.acme)).unwrap();
    assert_ne!(counts(&mut unset), nothing);
    unset.batch_execute("COMMIT").unwrap();
    assert_eq!(counts(&mut unset), nothing);
    // what is no id is an error, not everybody
    unset.batch_execute("SET app.org_id = 'all'").unwrap();
    assert!(unset.query("SELECT * FROM users", &[]).is_err());
}

#[test]
fn an_organisation_writes_its_own_rows_and_refers_to_no_other() {
    let platform = Platform::new();
    let Platform { acme, nordlicht, .. } = &platform;
    let user = |name: &str| {
        platform.id(&format!("SELECT id FROM users WHERE email LIKE '{name}%' ORDER BY org_id = '{acme}' DESC LIMIT 1"))
    };
    let (ada, chen) = (user("ada@"), user("ch"));
    let role = |name: &str| platform.id(&format!("SELECT id FROM roles WHERE name = '{name}'"));
    let (member, dispatcher, technician) = (role("member"), role("dispatcher"), role("Techniker"));
    let tool = |name: &str| platform.id(&format!("SELECT id FROM tools WHERE name = '{name}'"));
    let (calculator, plan) = (tool("calculator"), tool("netzplan"));
    let theirs = |table: &str| platform.id(&format!("SELECT id FROM {table} WHERE org_id = '{nordlicht}'"));
    let (their_department, their_agent, their_talk) =
        (theirs("departments"), theirs("agents"), theirs("conversations"));
    let own_agent = platform.id("SELECT id FROM agents WHERE name = 'Parcel desk'");
    let own_talk = platform.id(&format!("SELECT id FROM conversations WHERE org_id = '{acme}'"));
    let permission = platform.id("SELECT id FROM permissions WHERE name = 'agents.manage'");

    let mut client = platform.tenant(acme);
    for refused in [
        format!("INSERT INTO departments (org_id, name) VALUES ('{nordlicht}', 'x')"),
        format!("UPDATE users SET org_id = '{nordlicht}' WHERE id = '{ada}'"),
        format!("UPDATE users SET department_id = '{their_department}' WHERE id = '{ada}'"),
        format!("INSERT INTO user_roles (user_id, role_id) VALUES ('{chen}', '{member}')"),
        format!("INSERT INTO user_roles (user_id, role_id) VALUES ('{ada}', '{technician}')"),
        format!("INSERT INTO user_roles (user_id, role_id, granted_by) VALUES ('{ada}', '{member}', '{chen}')"),
        format!("INSERT INTO role_permissions VALUES ('{member}', '{permission}')"),
        "INSERT INTO roles (name) VALUES ('everybody''s')".to_owned(),
        "INSERT INTO tools (name, tool_type) VALUES ('everybody''s', 'http')".to_owned(),
        format!("INSERT INTO tool_permissions (tool_id, role_id) VALUES ('{calculator}', '{member}')"),
        format!("INSERT INTO tool_permissions (tool_id, role_id) VALUES ('{plan}', '{dispatcher}')"),
        format!("INSERT INTO agent_tools (agent_id, tool_id) VALUES ('{own_agent}', '{plan}')"),
        format!(
            "INSERT INTO agent_versions (agent_id, version, model, system_prompt, created_at) VALUES ('{their_agent}', 9, 'm', 's', now())"
        ),
        format!("INSERT INTO messages (conversation_id, role, created_at) VALUES ('{their_talk}', 'user', now())"),
        format!("UPDATE messages SET conversation_id = '{their_talk}'"),
        format!(
            "INSERT INTO api_keys (org_id, user_id, name, key_hash, created_at) VALUES ('{acme}', '{chen}', 'x', repeat('0', 64), now())"
        ),
        format!("INSERT INTO audit_logs (org_id, action) VALUES ('{nordlicht}', 'x')"),
        format!("INSERT INTO audit_logs (org_id, user_id, action) VALUES ('{acme}', '{chen}', 'x')"),
        "INSERT INTO system_settings (name) VALUES ('x')".to_owned(),
        "INSERT INTO permissions (name) VALUES ('x')".to_owned(),
        format!("INSERT INTO organizations (id, name, slug, created_at) VALUES ('{chen}', 'x', 'x', now())"),
    ] {
        let error = client.execute(&refused, &[]).expect_err(&refused);
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{refused}: {error}");
    }
    // where a key holds both, it refuses
    let under = format!("UPDATE departments SET parent_id = '{their_department}' WHERE name = 'IT'");
    assert_eq!(client.execute(&under, &[]).unwrap_err().code(), Some(&SqlState::FOREIGN_KEY_VIOLATION));

    for (allowed, rows) in [
        (format!("UPDATE users SET name = 'x' WHERE id = '{chen}'"), 0),
        (format!("DELETE FROM users WHERE id = '{chen}'"), 0),
        (format!("DELETE FROM roles WHERE id = '{member}'"), 0),
        ("UPDATE organizations SET plan = 'free'".to_owned(), 0),
        ("UPDATE audit_logs SET action = 'nothing'".to_owned(), 0),
        ("DELETE FROM audit_logs".to_owned(), 0),
        ("DELETE FROM security_events".to_owned(), 0),
        ("UPDATE system_settings SET value = 'true'".to_owned(), 0),
        ("UPDATE users SET name = 'x'".to_owned(), 3),
        ("UPDATE org_settings SET value = 'null'".to_owned(), 5),
        (format!("INSERT INTO departments (org_id, name) VALUES ('{acme}', 'x')"), 1),
        (format!("INSERT INTO user_roles (user_id, role_id, granted_by) VALUES ('{ada}', '{member}', '{ada}')"), 1),
        (format!("INSERT INTO tool_permissions (tool_id, role_id) VALUES ('{calculator}', '{dispatcher}')"), 1),
        (format!("INSERT INTO messages (conversation_id, role, created_at) VALUES ('{own_talk}', 'user', now())"), 1),
        (format!("INSERT INTO audit_logs (org_id, user_id, action) VALUES ('{acme}', '{ada}', 'export')"), 1),
        // what goes along goes, whoever owns the policy
        (format!("DELETE FROM conversations WHERE id = '{own_talk}'"), 1),
        (format!("DELETE FROM users WHERE id = '{ada}'"), 1),
    ] {
        assert_eq!(
            client.execute(&allowed, &[]).unwrap_or_else(|error| panic!("{allowed}: {error}")),
            rows,
            "{allowed}"
        );
    }
    assert_eq!(platform.id(&format!("SELECT count(*) FROM users WHERE org_id = '{nordlicht}' AND name <> 'x'")), "2");
}

#[test]
fn changes_are_written_down_without_secrets() {
    let platform = Platform::new();
    let Platform { acme, database, .. } = &platform;
    // none of what was imported
    assert_eq!(platform.id("SELECT count(*) FROM audit_logs"), "4");
    database.execute("CREATE TABLE before AS SELECT id FROM audit_logs");
    let new = "SELECT action, table_name, user_id = row_id::uuid AS self, org_id FROM audit_logs \
               WHERE id NOT IN (SELECT id FROM before) AND table_name = 'users'";

    let ada = platform.id("SELECT id FROM users WHERE email LIKE 'ada@%' AND name = 'Ada King'");
    let mut client = platform.tenant(acme);
    client.batch_execute(&format!("SET app.user_id = '{ada}'")).unwrap();
    let hash = "$2b$12$abcdefghijklmnopqrstuv";
    client
        .batch_execute(&format!(
            "UPDATE users SET last_login_at = now() WHERE id = '{ada}';
             UPDATE users SET name = name WHERE id = '{ada}';
             UPDATE users SET name = 'Ada Lovelace', password_hash = '{hash}' WHERE id = '{ada}';"
        ))
        .unwrap();
    assert_eq!(database.query(new), [format!("update|users|t|{acme}")]);
    let values = "SELECT old_values ->> 'name', new_values ->> 'name', old_values ? 'password_hash', \
                  new_values ? 'password_hash', details -> 'secrets_changed', details ->> 'db_role' FROM audit_logs \
                  WHERE id NOT IN (SELECT id FROM before)";
    assert_eq!(database.query(values), [format!("Ada King|Ada Lovelace|f|f|[\"password_hash\"]|{}", platform.role)]);

    // inserts and deletes, each table with what is secret in it
    database.execute("INSERT INTO before SELECT id FROM audit_logs");
    let key = "f".repeat(64);
    client
        .batch_execute(&format!(
            "INSERT INTO api_keys (org_id, name, key_hash, created_at) VALUES ('{acme}', 'new', '{key}', now());
             DELETE FROM api_keys WHERE name = 'new';
             UPDATE mfa_settings SET secret_encrypted = 'sealed', is_enabled = false;
             UPDATE oauth_configs SET client_secret_encrypted = 'sealed';
             UPDATE ldap_configs SET bind_password_encrypted = 'sealed';
             INSERT INTO password_history (user_id, password_hash, changed_at) VALUES ('{ada}', '{hash}', now());
             DELETE FROM user_roles WHERE granted_by IS NOT NULL;
             UPDATE org_settings SET value = 'true' WHERE name = 'sso_only';"
        ))
        .unwrap();
    let new = "SELECT table_name, action, count(*) FROM audit_logs WHERE id NOT IN (SELECT id FROM before) \
               AND org_id IS NOT NULL AND user_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(
        database.query(new),
        [
            "api_keys|delete|1",
            "api_keys|insert|1",
            "ldap_configs|update|1",
            "mfa_settings|update|1",
            "oauth_configs|update|1",
            "org_settings|update|1",
            "password_history|insert|1",
            "user_roles|delete|2",
        ]
    );
    let keys =
        "SELECT count(*) FROM audit_logs WHERE table_name = 'user_roles' AND row_id ~ '^[0-9a-f-]{36},[0-9a-f-]{36}$'";
    assert_eq!(platform.id(keys), "2");
    let leaked = format!(
        "SELECT count(*) FROM audit_logs a WHERE a::text LIKE '%{key}%' OR a::text LIKE '%{hash}%' OR a::text LIKE '%sealed%'"
    );
    assert_eq!(platform.id(&leaked), "0");
    let named = "SELECT details -> 'secrets_changed' FROM audit_logs WHERE table_name = 'mfa_settings'";
    assert_eq!(platform.id(named), "[\"secret_encrypted\"]");
}

#[test]
fn nobody_but_the_owner_can_keep_changes_out_of_the_log() {
    let platform = Platform::new();
    let Platform { acme, database, .. } = &platform;
    let logged = || platform.id("SELECT count(*) FROM audit_logs WHERE details ? 'db_role'");
    let mut client = platform.tenant(acme);
    // by the setting of an import, by a table that stands before the log in the search path, by a user that is none
    client.batch_execute("SET liftlock.command = 'import'; UPDATE oauth_configs SET client_id = 'a'").unwrap();
    assert_eq!(logged(), "1");
    client
        .batch_execute(
            "CREATE TEMP TABLE audit_logs (LIKE public.audit_logs INCLUDING DEFAULTS); SET search_path = pg_temp, public; \
             UPDATE public.oauth_configs SET client_id = 'b'",
        )
        .unwrap();
    assert_eq!(logged(), "2");
    client
        .batch_execute(&format!("SET app.user_id = '{acme}'; UPDATE public.oauth_configs SET client_id = 'c'"))
        .unwrap();
    assert_eq!(logged(), "3");
    let who = "SELECT user_id, details ->> 'app_user_id', old_values ->> 'client_id' FROM audit_logs \
               WHERE new_values ->> 'client_id' = 'c'";
    assert_eq!(database.query(who), [format!("∅|{acme}|b")]);
    let forged = "CREATE TEMP TABLE t (id int); CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION \
                  public.audit_change('id', '', '')";
    let error = client.batch_execute(forged).unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error}");

    // the owner's changes are written down, too, with the organisation of the row; but not those of an import
    let mut owner = database.client();
    owner.batch_execute("UPDATE mfa_settings SET is_enabled = NOT is_enabled").unwrap();
    let whose = "SELECT count(DISTINCT org_id) FROM audit_logs WHERE table_name = 'mfa_settings'";
    assert_eq!((logged(), platform.id(whose)), ("5".to_owned(), "2".to_owned()));
    owner.batch_execute("SET liftlock.command = 'import'; UPDATE mfa_settings SET is_enabled = true").unwrap();
    assert_eq!(logged(), "5");
    // what is written down outlives the organisation and its users
    let before = platform.id("SELECT count(*) FROM audit_logs");
    owner.batch_execute("RESET liftlock.command").unwrap();
    owner.execute("DELETE FROM organizations WHERE slug = 'acme'", &[]).unwrap();
    assert_eq!(platform.id(&format!("SELECT count(*) FROM audit_logs WHERE org_id = '{acme}'")), "0");
    let after = platform.id("SELECT count(*) FROM audit_logs");
    assert!(after.parse::<u64>().unwrap() > before.parse::<u64>().unwrap(), "{after}");
    let gone = "SELECT count(*) FROM audit_logs WHERE table_name = 'organizations' AND action = 'delete' \
                AND old_values ->> 'slug' = 'acme'";
    assert_eq!(platform.id(gone), "1");
}

#[test]
fn who_owns_the_tables_needs_no_more_to_import_export_and_port() {
    let source = TestDatabase::sqlite();
    let project = imported(NAME, &source);
    for ported in [false, true] {
        let database = TestDatabase::postgres();
        let name = database.value("SELECT current_database()");
        database.execute(&format!(
            "CREATE ROLE owner_{name} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO owner_{name}; \
             GRANT CREATE, TEMPORARY ON DATABASE {name} TO owner_{name}"
        ));
        let (scheme, rest) = database.url.split_once("://").unwrap();
        let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
        let url = format!("{scheme}://owner_{name}@{rest}");
        if ported {
            let path = source.path();
            let report = project.run(&["port", path.to_str().unwrap(), &url, "--json"]).ok().json();
            assert_eq!(report["result"], "proven", "{report}");
        } else {
            project.run(&["up", "-d", &url]).ok();
            let report = project.run(&["import", tree(NAME).to_str().unwrap(), "-d", &url, "--json"]).ok().json();
            assert_eq!(report["status"], "done", "{report}");
            project.run(&["export", "out", "--map", "import.yaml", "-d", &url]).exits(1).says("holds hashes");
        }
        // the triggers are on again, and have written nothing down
        let on = "SELECT count(*) FROM pg_trigger WHERE tgname = 'audit_change' AND tgenabled = 'O'";
        assert_eq!(database.value(on), "14");
        assert_eq!(database.value("SELECT count(*) FROM audit_logs"), "4");
        let platform = Platform::over(database);
        let seen: Vec<_> = ROWS.iter().map(|(table, _, acme, _)| (*table, *acme)).collect();
        assert_eq!(counts(&mut platform.tenant(&platform.acme)), seen);
        platform.tenant(&platform.acme).batch_execute("UPDATE oauth_configs SET client_id = 'a'").unwrap();
        assert_eq!(platform.id("SELECT count(*) FROM audit_logs"), "5");
    }
}
