//! Which schemas of a PostgreSQL database are looked at.

use super::{MISSING, of_rule, shop};
use crate::support::{Kind, Project};

#[test]
fn schemas_are_chosen_in_the_file_and_by_flag() {
    let server = shop(Kind::Postgres);
    server.execute(
        "CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, up int REFERENCES app.t); CREATE SCHEMA bare",
    );
    let project = Project::new();
    let configure = |schemas: &str| {
        project.write("liftlock.yaml", &format!("database: {}\naudit:\n  schema_name: {schemas}\n", server.url));
    };
    let found = |more: &[&str]| {
        let json = project.run(&[&["audit", "--json", "--only", MISSING][..], more].concat()).exits(1).json();
        of_rule(&json, MISSING)
    };
    configure("[app]");
    assert_eq!(found(&[]), ["t.up"]);
    // the flag beats the file
    assert_eq!(found(&["--schema-name", "public"]), ["orders.customer_id"]);
    configure("[app, public]");
    assert_eq!(found(&[]).len(), 2);
    configure("[]");
    assert_eq!(found(&[]).len(), 2);

    for (schemas, place, hint) in [
        ("[app, pubic]", "liftlock.yaml:3:22: there are no tables in a schema `pubic`", "did you mean `public`?"),
        ("[bare]", "liftlock.yaml:3:17: there are no tables in a schema `bare`", "as the catalog has them"),
        ("app", "liftlock.yaml:3:16", ""),
        ("['']", "liftlock.yaml:3:17", ""),
    ] {
        configure(schemas);
        project.run(&["audit"]).exits(2).says(place).says(hint);
    }
    configure("[app]");
    project.run(&["audit", "--schema-name", "pubic"]).exits(2).says("`pubic`");
    configure("[pubic]");
    project.run(&["audit", "--schema-name", "publik"]).exits(2).says("did you mean `public`?");
    project.run(&["audit", "--schema-name", "app"]).exits(1);

    // they are PostgreSQL's, and the file may be for databases of both kinds
    let lite = shop(Kind::Sqlite);
    project.run(&["audit", &lite.url]).exits(1);
}
