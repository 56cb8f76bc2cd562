//! What is hashed or encrypted on the way in is stored as that alone, and comes back as far as it can.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "HxwdHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

const MAPPING: &str = r#"
sources:
  - files: "users/*.json"
    bad: quarantine
    table: users
    key: [id]
    columns:
      id: /id
      n: /n
      password: {pointer: /password, hash: bcrypt, cost: 4}
      email_hash: {pointer: /auth/email, hash: sha256}
      email: {pointer: /auth/email, encrypt: aes-256-gcm}
      codes: {pointer: /auth/codes, encrypt: aes-256-gcm}
      rest: rest
    children:
      - records: /keys[*]
        parent: {user_id: id}
        table: api_keys
        columns: {place: position, name: /name, token: {pointer: /token, encrypt: aes-256-gcm}}
  - files: "users/*.json"
    bad: quarantine
    records: /roles[*]
    table: roles
    key: [name]
    columns: {name: /name, rest: rest}
"#;

fn tables(database: &TestDatabase) {
    let (key, json) = match database.kind {
        Kind::Sqlite => ("INTEGER PRIMARY KEY", "JSON"),
        Kind::Postgres => ("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "jsonb"),
    };
    database.execute(&format!(
        "CREATE TABLE users (id bigint PRIMARY KEY, n INTEGER CHECK (n < 10), password TEXT NOT NULL, email_hash TEXT, email TEXT, \
         codes TEXT, rest {json});\n\
         CREATE TABLE api_keys (id {key}, user_id bigint NOT NULL REFERENCES users (id), place INTEGER, name TEXT, token TEXT);\n\
         CREATE INDEX api_keys_user ON api_keys (user_id);\n\
         CREATE TABLE roles (name TEXT PRIMARY KEY, rest {json});"
    ));
}

fn ada() -> Value {
    json!({"id": 1, "n": 1, "password": "SECRET-pass-1", "auth": {"email": "SECRET@example", "codes": ["SECRET-1", 2], "x": 1},
           "keys": [{"name": "a", "token": "SECRET-token"}, {"name": "b", "token": null}, {"name": "c"}],
           "roles": [{"name": "admin", "more": true}]})
}

fn project() -> Project {
    Project::new()
        .env("LIFTLOCK_KEY", KEY)
        .env("RUST_LOG", "trace")
        .file("import.yaml", MAPPING)
        .file("data/users/ada.json", &ada().to_string())
        .file(
            "data/users/bob.json",
            r#"{"id":2,"password":"SECRET-pass-2","auth":{"email":null,"codes":"SECRET [1]"}}"#,
        )
}

fn read(project: &Project, path: &str) -> Value {
    serde_json::from_str(&project.read(path)).unwrap()
}

fn files(folder: &Path, all: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, all) } else { all.push(std::fs::read(path).unwrap()) }
    }
}

/// Everything that a database keeps on the disk, or gives away in a dump, which has `table` in it.
fn everything(database: &TestDatabase, table: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    match database.kind {
        Kind::Sqlite => files(database.path().parent().unwrap(), &mut all),
        Kind::Postgres => {
            let dumped = Command::new("/usr/lib/postgresql/15/bin/pg_dump").arg(&database.url).output();
            let dumped = dumped.unwrap_or_else(|_| Command::new("pg_dump").arg(&database.url).output().unwrap());
            assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
            assert!(String::from_utf8_lossy(&dumped.stdout).contains(table));
            all.push(dumped.stdout);
        }
    }
    all
}

fn silent(what: &str, bytes: &[u8]) {
    for planted in [&b"SECRET"[..], KEY.as_bytes(), OTHER_KEY.as_bytes()] {
        assert!(
            !bytes.windows(planted.len()).any(|window| window == planted),
            "{what}: {}",
            String::from_utf8_lossy(bytes)
        );
    }
}

fn quiet(ran: Ran) -> Ran {
    silent("stdout", ran.stdout.as_bytes());
    silent("stderr", ran.stderr.as_bytes());
    ran
}

#[test]
fn no_secret_is_anywhere_but_in_its_column() {
    each_database(|database| {
        tables(database);
        let url = database.url.as_str();
        let project = project();
        // all the ways of a record to be bad: unreadable, of another shape, refused by the map and by the database
        for (name, text) in [
            ("broken", r#"{"id":3,"password":"SECRET"#.to_owned()),
            ("twice", r#"{"id":3,"SECRET":1,"SECRET":2}"#.to_owned()),
            ("long", json!({"id": 4, "password": format!("SECRET{}", "x".repeat(80)), "auth": {}}).to_string()),
            ("nul", json!({"id": 5, "password": "SECRET\0"}).to_string()),
            ("number", json!({"id": 6, "password": ["SECRET"]}).to_string()),
            ("refused", json!({"id": 7, "n": 50, "password": "SECRET", "keys": [{"token": "SECRET"}]}).to_string()),
            ("other", json!({"id": "x", "password": "SECRET", "auth": {"email": {"a": "SECRET"}}}).to_string()),
            ("none", json!({"id": 8, "auth": {"email": "SECRET"}}).to_string()),
            ("odd", json!({"id": 9, "password": "SECRET", "keys": {"token": "not hidden"}, "auth": [1]}).to_string()),
        ] {
            project.write(&format!("data/users/{name}.json"), &text);
        }
        quiet(project.run(&["import", "data", "-d", url, "--dry-run", "-vv"])).exits(1);
        assert_eq!(database.query("SELECT count(*) FROM users"), ["0"]);
        let report = quiet(project.run(&["import", "data", "-d", url, "-vv", "--json"])).exits(1).json();
        assert_eq!(report["status"], "done", "{report}");
        assert_eq!(report["tables"][0]["exempt"], json!(["password"]));
        assert_eq!(database.query("SELECT id FROM users ORDER BY id"), ["1", "2", "9"]);
        assert_eq!(database.query("SELECT name FROM roles"), ["admin"]);
        project.write("data/users/ada.json", &ada().to_string().replace("SECRET-pass-1", "SECRET-pass-9"));
        let check = quiet(project.run(&["import", "data", "-d", url, "--check", "-vv"])).exits(1);
        check.prints("conflict: users/ada.json: `users.password`: the row with the key 1 was made of another value");
        quiet(project.run(&["import", "data", "-d", url, "-vv", "--skip-existing"])).ok().prints("there already");
        for bytes in everything(database, "api_keys") {
            silent("the database", &bytes);
        }
    });
}

/// What an export would write, what would be lost, and its exit code, without a file.
#[test]
fn a_dry_run_of_an_export_says_what_it_would_do() {
    each_database(|database| {
        tables(database);
        let project = project().env("RUST_LOG", "warn");
        let url = database.url.as_str();
        project.run(&["import", "data", "-d", url]).ok();
        let export = ["export", "out", "--map", "import.yaml", "-d", url];
        let dry = quiet(project.run(&[&export[..], &["--dry-run"]].concat())).exits(1);
        assert!(dry.stdout.contains("would write 2 files") && dry.stderr.contains("holds hashes"), "{dry:?}");
        let dry = project.run(&[&export[..], &["--dry-run", "--json"]].concat()).exits(1).json();
        assert_eq!(dry["result"], "planned");
        assert!(!project.path("out").exists());
        let done = project.run(&[&export[..], &["--json"]].concat()).exits(1).json();
        for same in ["files", "records", "lost", "dir", "folder"] {
            assert_eq!(dry[same], done[same], "{same}");
        }
        // what is there would be in the way
        project.run(&[&export[..], &["--dry-run"]].concat()).exits(2).says("is there already");
        project.run(&[&export[..], &["--dry-run", "--force"]].concat()).exits(1);
        project.run(&["export", "users", "-d", url, "--dry-run"]).exits(2).says("--map");
    });
}

/// PostgreSQL shows the whole row that it refuses, and the key: what was hashed and encrypted is in both.
#[test]
fn what_a_database_says_of_a_refused_row_tells_no_hash() {
    each_database(|database| {
        tables(database);
        database.execute(
            "CREATE UNIQUE INDEX users_email_hash ON users (email_hash); CREATE UNIQUE INDEX users_n ON users (n)",
        );
        let project = project().env("RUST_LOG", "warn");
        for (name, record) in [
            ("check", json!({"id": 7, "n": 50, "password": "SECRET", "auth": {"email": "e@7"}})),
            ("null", json!({"id": 8, "n": 3, "auth": {"email": "e@8"}})),
            ("same", json!({"id": 9, "n": 4, "password": "SECRET", "auth": {"email": "SECRET@example"}})),
            ("one", json!({"id": 10, "n": 1, "password": "SECRET", "auth": {"email": "e@10"}})),
        ] {
            project.write(&format!("data/users/{name}.json"), &record.to_string());
        }
        let ran = quiet(project.run(&["import", "data", "-d", &database.url])).exits(1);
        let reasons = database.query("SELECT path, reason FROM liftlock_import_quarantine ORDER BY path").join("\n");
        let report = database.query("SELECT report FROM liftlock_import_run").join("\n");
        let hash = database.value("SELECT email_hash FROM users WHERE id = 1");
        let email = database.value("SELECT email FROM users WHERE id = 1");
        let begins = &email[..email.len().min(12)];
        for (what, text) in
            [("stdout", &ran.stdout), ("stderr", &ran.stderr), ("quarantine", &reasons), ("report", &report)]
        {
            for secret in ["$2b$", &hash, begins, "Failing row"] {
                assert!(!text.contains(secret), "{what} has `{secret}`: {text}");
            }
        }
        for name in ["check", "null", "same", "one"] {
            assert!(reasons.contains(&format!("users/{name}.json")), "{reasons}");
        }
        if database.kind == Kind::Postgres {
            assert!(reasons.contains("some hashed or encrypted"), "{reasons}");
            // of a key that is no secret it is said
            assert!(reasons.contains("Key (n)=(1)"), "{reasons}");
        }
    });
}

#[test]
fn what_is_encrypted_comes_back_and_what_is_hashed_is_told() {
    each_database(|database| {
        tables(database);
        let url = database.url.as_str();
        let project = project();
        project.run(&["import", "data", "-d", url]).ok().prints("proven but for password");
        let hash = database.value("SELECT password FROM users WHERE id = 1");
        assert!(hash.starts_with("$2b$04$"), "{hash}");
        let sha256 = database.value("SELECT email_hash FROM users WHERE id = 1");
        assert_eq!(sha256.len(), 64, "{sha256}");
        let export = ["export", "out", "--map", "import.yaml", "-d", url];
        // without the key, and with another one, nothing is written
        let with = |key: &str, arguments: &[&str]| Ran::of(project.command(arguments).env("LIFTLOCK_KEY", key));
        with("", &export).exits(2).says("`LIFTLOCK_KEY` is not set").says("--generate-key");
        with(OTHER_KEY, &export).exits(2).says("cannot decrypt what `users`.`email` holds").says("another key");
        assert!(!project.path("out").exists());
        project.run(&export).exits(1).says("`users.password` holds hashes").says("can't come back");
        let mut expected = ada();
        expected.as_object_mut().unwrap().remove("password");
        assert_eq!(read(&project, "out/users/ada.json"), expected);
        let bob = json!({"id": 2, "auth": {"email": null, "codes": "SECRET [1]"}});
        assert_eq!(read(&project, "out/users/bob.json"), bob);
        // what was damaged in the table is named, by the next import and by the next export
        let token = database.value("SELECT token FROM api_keys WHERE name = 'a'");
        let end = if token.ends_with('A') { "B" } else { "A" };
        database.execute(&format!("UPDATE api_keys SET token = '{}{end}' WHERE name = 'a'", &token[..token.len() - 3]));
        let ran = project.run(&["export", "out", "--map", "import.yaml", "-d", url, "--force"]).exits(1);
        ran.says("`api_keys`.`token`").says("can't be decrypted");
    });
}

#[test]
fn a_file_that_changed_elsewhere_leaves_its_hashes_and_ciphers_alone() {
    each_database(|database| {
        tables(database);
        let url = database.url.as_str();
        let project = project();
        let import = ["import", "data", "-d", url, "--json"];
        project.run(&import).ok();
        let before = database.query("SELECT * FROM users ORDER BY id");
        project.write("data/users/ada.json", &format!("{} ", ada()));
        project.write("data/users/bob.json", &format!("{} ", project.read("data/users/bob.json")));
        let report = project.run(&import).ok().json();
        assert_eq!((&report["files_processed"], &report["tables"][0]["updated"]), (&json!(2), &json!(0)), "{report}");
        assert_eq!(database.query("SELECT * FROM users ORDER BY id"), before);
        // another password is another row
        project.write("data/users/ada.json", &ada().to_string().replace("SECRET-pass-1", "SECRET-pass-2"));
        let report = project.run(&import).ok().json();
        assert_eq!(report["tables"][0]["updated"], 1, "{report}");
        assert_ne!(database.query("SELECT password FROM users WHERE id = 1"), [before[0].split('|').nth(2).unwrap()]);
        let rest: Vec<&str> = before[0].split('|').skip(3).collect();
        let now = database.query("SELECT email_hash, email, codes, rest FROM users WHERE id = 1");
        assert_eq!(now, [rest.join("|")]);
        project.run(&["import", "data", "-d", url, "--check", "--all"]).ok();
    });
}

#[test]
fn a_key_that_is_missing_or_wrong_is_told_before_anything_is_written() {
    each_database(|database| {
        tables(database);
        let url = database.url.as_str();
        let project = project();
        let import = ["import", "data", "-d", url];
        let with = |key: &str| quiet(Ran::of(project.command(&import).env("LIFTLOCK_KEY", key)));
        with("").exits(2).says("`users`.`email`").says("`LIFTLOCK_KEY` is not set").says("--generate-key");
        with("SECRET").exits(2).says("`LIFTLOCK_KEY` is no key");
        assert!(!database.tables().iter().any(|table| table.starts_with("liftlock")));
        with(KEY).ok();
        let before = database.query("SELECT status FROM liftlock_import_run");
        project.write("data/users/ada.json", &ada().to_string().replace("\"n\":1", "\"n\":2"));
        with(OTHER_KEY).exits(2).says("cannot decrypt what `users`.`email` holds").says("another key");
        assert_eq!(database.query("SELECT status FROM liftlock_import_run"), before);
        assert_eq!(database.query("SELECT n FROM users WHERE id = 1"), ["1"]);
        // a column that can't hold it
        database.execute("CREATE TABLE small (id bigint PRIMARY KEY, p INTEGER)");
        project.write(
            "import.yaml",
            "sources:\n  - {files: \"*.json\", table: small, key: id, columns: {id: /id, p: {pointer: /p, hash: sha256}}}\n",
        );
        with(KEY).exits(2).says("`small`.`p` can't hold what is hashed or encrypted");
    });
}

#[test]
fn a_new_key_is_printed_once_and_alone() {
    let project = Project::new();
    let ran = project.run(&["import", "--generate-key"]).ok();
    let key = ran.stdout.strip_suffix('\n').unwrap().to_owned();
    assert_eq!((key.len(), key.lines().count()), (44, 1), "{ran:?}");
    assert!(!ran.stderr.contains(&key) && ran.stderr.contains("keep it"), "{ran:?}");
    assert_ne!(project.run(&["import", "--generate-key"]).ok().stdout, ran.stdout);
    let database = TestDatabase::sqlite();
    tables(&database);
    let project = self::project().env("LIFTLOCK_KEY", &key);
    project.run(&["import", "data", "-d", &database.url]).ok();
    project.run(&["import", "data", "--generate-key"]).exits(2);
}

/// Front matter is kept as it was written, for the way back; not where it holds what is to be hidden.
#[test]
fn front_matter_with_a_secret_is_kept_nowhere() {
    each_database(|database| {
        database.execute("CREATE TABLE notes (id bigint PRIMARY KEY, pw TEXT, h TEXT, body TEXT, rest TEXT)");
        let project = Project::new()
            .env("LIFTLOCK_KEY", KEY)
            .file(
                "import.yaml",
                "sources:\n  - files: \"*.md\"\n    table: notes\n    key: id\n    columns: {id: /id, \
                 pw: {pointer: /pw, encrypt: aes-256-gcm}, h: {pointer: /h, hash: sha256}, body: /body, rest: rest}\n",
            )
            .file("data/a.md", "---\nid: 1\npw: SECRET one\nh: SECRET two\nplain: yes # a word\n---\n# Body\n")
            .file("data/b.md", "---\nid: 2\nplain: true\n---\n");
        let url = database.url.as_str();
        quiet(project.run(&["import", "data", "-d", url, "-vv"])).ok().prints("proven");
        for bytes in everything(database, "notes") {
            silent("the database", &bytes);
        }
        project.run(&["export", "out", "--map", "import.yaml", "-d", url]).exits(1).says("`notes.h` holds hashes");
        let out = project.read("out/a.md");
        assert!(out.contains("SECRET one") && !out.contains("SECRET two") && out.ends_with("---\n# Body\n"), "{out}");
    });
}
