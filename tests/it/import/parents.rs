//! Children of rows whose keys the database would give.

use serde_json::{Value, json};

use crate::support::{Kind, Project, TestDatabase, each_database};

fn tables(database: &TestDatabase, uuid: bool) {
    let (key, of) = match (database.kind, uuid) {
        (Kind::Sqlite, false) => ("INTEGER PRIMARY KEY", "INTEGER"),
        (Kind::Sqlite, true) => ("TEXT NOT NULL PRIMARY KEY DEFAULT (uuid())", "TEXT"),
        (Kind::Postgres, false) => ("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "bigint"),
        (Kind::Postgres, true) => ("uuid PRIMARY KEY DEFAULT gen_random_uuid()", "uuid"),
    };
    database.execute(&format!(
        "CREATE TABLE users (id {key}, email TEXT NOT NULL UNIQUE, name TEXT);\n\
         CREATE TABLE orders (id {key}, user_id {of} NOT NULL REFERENCES users (id), item TEXT);\n\
         CREATE INDEX orders_user ON orders (user_id);\n\
         CREATE TABLE notes (order_id {of} NOT NULL REFERENCES orders (id), place INTEGER, text TEXT, PRIMARY KEY (order_id, place));\n\
         INSERT INTO users (email, name{}) VALUES ('old@x', 'Old'{});",
        if uuid && database.kind == Kind::Sqlite { ", id" } else { "" },
        if uuid && database.kind == Kind::Sqlite { ", 'an id'" } else { "" },
    ));
}

const MAPPING: &str = r#"
sources:
  - files: "*.json"
    table: users
    key: [email]
    columns: {email: /email, name: /name}
    children:
      - records: /orders[*]
        parent: {user_id: id}
        table: orders
        columns: {item: /item}
        children:
          - records: /notes[*]
            parent: {order_id: id}
            table: notes
            columns: {place: position, text: ""}
"#;

fn there_and_back(database: &TestDatabase, uuid: bool) {
    tables(database, uuid);
    let ada = json!({"email": "ada@x", "name": "Ada", "orders": [{"item": "a", "notes": ["n1", "n2"]}, {"item": "b", "notes": []}]});
    let old = json!({"email": "old@x", "name": "New", "orders": [{"item": "c"}]});
    let project = Project::new()
        .file("import.yaml", MAPPING)
        .file("data/ada.json", &ada.to_string())
        .file("data/old.json", &old.to_string());
    let url = database.url.as_str();
    let before = database.value("SELECT id FROM users WHERE email = 'old@x'");
    let import = ["import", "data", "-d", url];
    project.run(&import).ok().prints("proven");
    assert_eq!(database.value("SELECT id FROM users WHERE email = 'old@x'"), before);
    let joined = "SELECT email, name, item, text FROM users u JOIN orders o ON o.user_id = u.id \
                  LEFT JOIN notes n ON n.order_id = o.id ORDER BY email, item, place";
    assert_eq!(database.query(joined), ["ada@x|Ada|a|n1", "ada@x|Ada|a|n2", "ada@x|Ada|b|∅", "old@x|New|c|∅"]);
    let id = database.value("SELECT id FROM users WHERE email = 'ada@x'");
    project.write("data/ada.json", &ada.to_string().replace("Ada", "Ada L.").replace("n2", "m2"));
    project.run(&import).ok().prints("proven");
    project.run(&["import", "data", "-d", url, "--all"]).ok();
    assert_eq!(database.value("SELECT id FROM users WHERE email = 'ada@x'"), id);
    assert_eq!(database.query(joined), ["ada@x|Ada L.|a|n1", "ada@x|Ada L.|a|m2", "ada@x|Ada L.|b|∅", "old@x|New|c|∅"]);
    project.run(&["export", "out", "--map", "import.yaml", "-d", url]).ok();
    for file in ["ada.json", "old.json"] {
        let read = |dir: &str| serde_json::from_str::<Value>(&project.read(&format!("{dir}/{file}"))).unwrap();
        assert_eq!(read("out"), read("data"));
    }
    // what is no such key is told with what there is
    project.write("import.yaml", &MAPPING.replace("{user_id: id}", "{user_id: nmae}"));
    project.run(&import).exits(2).says("`orders` refers to the column `nmae` of `users`").says("did you mean `name`?");
}

#[test]
fn children_refer_to_parents_that_the_database_numbers() {
    each_database(|database| there_and_back(database, false));
}

#[test]
fn children_refer_to_parents_with_generated_ids() {
    each_database(|database| there_and_back(database, true));
}
