//! `liftlock docs`: the schema in full, the same each time, as Markdown and as a page that needs nothing else.

use std::path::PathBuf;

use crate::support::{Kind, Project, TestDatabase, each_database};

fn schema(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "CREATE TABLE users ( -- who may log in
               id integer PRIMARY KEY, -- never used again
               email text NOT NULL UNIQUE COLLATE NOCASE,
               \"odd | `name`\" text DEFAULT 'a|b', -- <script>alert(1)</script>
               twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL
             );
             CREATE TABLE orders (
               id integer PRIMARY KEY,
               -- who ordered
               user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
               parent integer REFERENCES orders,
               total numeric CONSTRAINT positive CHECK (total > 0)
             );
             CREATE INDEX orders_user ON orders (user_id, total DESC) WHERE total > 10;
             CREATE TABLE alone (x int);
             CREATE VIEW big AS SELECT * FROM orders WHERE total > 100;
             CREATE TRIGGER note AFTER INSERT ON orders BEGIN SELECT 1; END;
             CREATE TABLE schema_migrations (version int);"
        }
        Kind::Postgres => {
            "CREATE TABLE users (
               id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
               email text NOT NULL UNIQUE,
               \"odd | `name`\" text DEFAULT 'a|b',
               twice bigint GENERATED ALWAYS AS (1 * 2) STORED
             );
             COMMENT ON TABLE users IS 'who may log in';
             COMMENT ON COLUMN users.id IS 'never used again';
             COMMENT ON COLUMN users.\"odd | `name`\" IS '<script>alert(1)</script>';
             CREATE TABLE orders (
               id bigint PRIMARY KEY,
               user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
               parent bigint REFERENCES orders,
               total numeric CONSTRAINT positive CHECK (total > 0)
             );
             COMMENT ON COLUMN orders.user_id IS 'who ordered';
             CREATE INDEX orders_user ON orders (user_id, total DESC) WHERE total > 10;
             CREATE TABLE alone (x int);
             CREATE VIEW big AS SELECT * FROM orders WHERE total > 100;
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
             CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f();
             CREATE SCHEMA other; CREATE TABLE other.users (id int PRIMARY KEY REFERENCES public.users);
             CREATE TABLE schema_migrations (version int);"
        }
    }
}

#[test]
fn markdown_says_all_of_it() {
    each_database(|database| {
        database.execute(schema(database.kind));
        let project = Project::new();
        let docs = ["docs", "-d", &database.url, "--title", "shop"];
        let text = project.run(&docs).ok().stdout;
        assert_eq!(text, project.run(&docs).ok().stdout);
        for part in [
            "# shop\n",
            "### `users`",
            "who may log in",
            "never used again",
            "who ordered",
            "&lt;script>alert(1)&lt;/script>",
            "`` odd \\| `name` ``",
            "'a\\|b'",
            "unique `email`",
            "refers to [`users`](#t-",
            "ON DELETE CASCADE",
            "referred to by [`orders`](#t-",
            "index `orders_user`:",
            "total DESC",
            "WHERE",
            "check `positive`:",
            "### `big`",
            "Trigger `note`:",
            "```sql\n",
            "generated",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("schema_migrations"));
        if database.kind == Kind::Postgres {
            assert!(text.contains("### `other.users`") && text.contains("identity always"), "{text}");
        }
    });
}

#[test]
fn the_page_is_whole_and_harmless() {
    each_database(|database| {
        database.execute(schema(database.kind));
        let project = Project::new();
        project.run(&["docs", "-d", &database.url, "--format", "html", "--output", "schema.html"]).ok().prints("wrote");
        let page = project.read("schema.html");
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
        assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("src="), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(page.contains("<svg") && page.contains("orders → users") && page.contains("orders → orders"));
        // every link leads somewhere, and no id is there twice
        let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| other == &id).count(), 1, "{id}");
        }
        for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert_eq!(ids.iter().filter(|id| **id == link).count(), 1, "{link}");
        }
        // what was there is replaced by the next
        project.run(&["docs", "-d", &database.url, "--output", "schema.html"]).ok();
        assert!(project.read("schema.html").starts_with("# "));
    });
}

#[test]
fn programs_get_the_schema_as_data() {
    each_database(|database| {
        database.execute(schema(database.kind));
        let json = Project::new().run(&["docs", "-d", &database.url, "--json"]).ok().json();
        let tables = json["tables"].as_array().unwrap();
        let orders = tables.iter().find(|table| table["name"] == "orders").unwrap();
        assert_eq!(orders["primary_key"], serde_json::json!(["id"]));
        assert_eq!(orders["foreign_keys"].as_array().unwrap().len(), 2);
        assert_eq!(orders["columns"][1]["comment"], "who ordered");
        assert_eq!(json["triggers"][0]["name"], "note");
    });
}

#[test]
fn a_missing_file_is_no_empty_schema() {
    Project::new().run(&["docs", "-d", "nothing.db"]).exits(3).says("no such file");
}

/// Databases of real applications, where they are at hand.
#[test]
fn real_schemas() {
    let shared = std::env::var_os("LIFTLOCK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let folder = shared.join("real/sqlite");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: `{}` is not there (LIFTLOCK_SHARED names the folder above it)", folder.display());
        return;
    };
    let project = Project::new();
    for path in entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "db"))
    {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        std::fs::copy(&path, project.path(&name)).unwrap();
        for format in ["markdown", "html"] {
            project.run(&["docs", "-d", &name, "--format", format, "--output", "out"]).ok();
            // Markdown has a backslash before what it would take for its own
            assert!(project.read("out").replace('\\', "").contains(&name), "{name} as {format}");
        }
    }
}

#[test]
fn very_many_tables_are_listed() {
    let database = TestDatabase::sqlite();
    let tables: Vec<String> = (1..=70)
        .map(|n| format!("CREATE TABLE t{n} (id integer PRIMARY KEY, up integer REFERENCES t{});", (n - 1).max(1)))
        .collect();
    database.execute(&tables.concat());
    let page = Project::new().run(&["docs", "-d", &database.url, "--format", "html"]).ok().stdout;
    assert!(page.contains("too many tables") && !page.contains("<svg"));
}
