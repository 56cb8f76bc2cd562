//! The way through: up, status, down, on both databases.

use crate::support::{Project, each_database};

fn project() -> Project {
    Project::new()
        .migration("V1__users", "CREATE TABLE users (id bigint PRIMARY KEY, name text);", "DROP TABLE users;")
        .migration(
            "V2__posts",
            "CREATE TABLE posts (id bigint PRIMARY KEY);\nINSERT INTO posts VALUES (1);",
            "DROP TABLE posts;",
        )
}

#[test]
fn up_applies_and_down_takes_back() {
    each_database(|database| {
        let project = project();
        let url = database.url.as_str();
        project.run(&["up", "-d", url]).ok().prints("applied V1__users").prints("applied V2__posts");
        assert_eq!(database.applied(), [1, 2]);
        assert_eq!(database.tables(), ["posts", "users"]);
        project.run(&["-d", url, "up"]).ok().prints("nothing to do");
        project.run(&["check", "-d", url]).ok().prints("up to date: 2 applied");
        project.run(&["down", "-d", url]).ok().prints("took back V2__posts");
        assert_eq!(database.tables(), ["users"]);
        project.run(&["check", "-d", url]).exits(1).prints("pending: V2__posts is not applied");
        project.run(&["down", "--to", "0", "-d", url]).ok();
        assert!(database.tables().is_empty());
        assert!(database.applied().is_empty());
    });
}

#[test]
fn a_script_that_fails_leaves_nothing() {
    each_database(|database| {
        let project =
            project().migration("V3__bad", "CREATE TABLE half (id int);\nINSERT INTO nowhere VALUES (1);", "");
        let ran = project.run(&["up", "-d", &database.url]).exits(3);
        assert!(ran.stderr.contains("migrations/V3__bad.sql:2:"), "{}", ran.stderr);
        assert_eq!(database.applied(), [1, 2]);
        assert_eq!(database.tables(), ["posts", "users"]);
    });
}
