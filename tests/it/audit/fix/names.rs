//! Names that need care, and foreign keys that share indexes, on the databases themselves.

use std::collections::BTreeSet;

use super::{IN_A_TRANSACTION, USUAL, round_trip};
use crate::support::{Kind, TestDatabase, each_database};

#[test]
fn names_are_quoted_cut_and_unlike_any_other() {
    each_database(|database| {
        let long = "a_table_with_a_name_that_is_just_as_long_as_postgres_lets_it_be";
        assert_eq!(long.len(), 63);
        let accents = "é".repeat(31);
        database.execute(&format!(
            r#"CREATE TABLE "Parent" ("Id" int PRIMARY KEY);
            CREATE TABLE {long} ("Parent Id" int REFERENCES "Parent", "PARENT ID 2" int REFERENCES "Parent",
                "order" int REFERENCES "Parent", "a;b--c" int REFERENCES "Parent", "it's ""x""" int REFERENCES "Parent");
            CREATE TABLE "{accents}" ("{accents}" int REFERENCES "Parent", "{accents}x" int REFERENCES "Parent");
            CREATE TABLE "user" ("select" int REFERENCES "Parent");
            CREATE TABLE "New
Line" ("a
-- liftlock: no-transaction" int REFERENCES "Parent");
            CREATE TABLE t (a int REFERENCES "Parent");
            CREATE INDEX idx_t_a ON "Parent" ("Id"); CREATE TABLE "idx_t_a_2" (x int);
            CREATE VIEW "IDX_T_A_3" AS SELECT 1 AS x;
            CREATE TABLE t_a (b int REFERENCES "Parent");
            CREATE TABLE x (y int REFERENCES "Parent"); CREATE TABLE "t_a_b" (y int REFERENCES "Parent");"#
        ));
        for how in [USUAL, IN_A_TRANSACTION] {
            round_trip(database, how, |written| {
                let names = written.names();
                assert_eq!(names.len(), 13);
                assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 13);
                assert!(names.iter().all(|name| name.len() <= 63 && name.starts_with("idx_")), "{names:?}");
                let third = if database.kind == Kind::Sqlite { "idx_t_a_4" } else { "idx_t_a_3" };
                assert!(names.contains(&third), "{names:?}");
                assert!(names.contains(&"idx_user_select"), "{names:?}");
            });
        }
    });
}

#[test]
fn sixty_foreign_keys_of_one_table() {
    each_database(|database| {
        let columns: Vec<String> = (0..60).map(|at| format!("c{at} int REFERENCES p")).collect();
        database.execute(&format!("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c ({})", columns.join(", ")));
        round_trip(database, USUAL, |written| assert_eq!(written.planned.len(), 60));
    });
}

#[test]
fn foreign_keys_share_indexes() {
    each_database(|database| {
        database.execute(
            "CREATE TABLE p (a int, b int, c int, PRIMARY KEY (a), UNIQUE (b, a), UNIQUE (a, b, c));
             CREATE TABLE c (x int, y int, z int, x2 int,
                 FOREIGN KEY (y) REFERENCES p, FOREIGN KEY (x, y) REFERENCES p (b, a),
                 FOREIGN KEY (z, x, y) REFERENCES p (a, b, c), FOREIGN KEY (x2) REFERENCES p,
                 FOREIGN KEY (x2) REFERENCES p ON DELETE CASCADE, FOREIGN KEY (z) REFERENCES p);",
        );
        round_trip(database, USUAL, |written| assert_eq!(written.names(), ["idx_c_x2", "idx_c_y_x_z", "idx_c_z"]));
    });
}

/// One column, searched by two collations: two indexes.
#[test]
fn collations_keep_indexes_apart() {
    let database = TestDatabase::sqlite();
    database.execute(
        "CREATE TABLE p (a TEXT PRIMARY KEY COLLATE NOCASE); CREATE TABLE q (a TEXT PRIMARY KEY);
         CREATE TABLE c (a TEXT REFERENCES p REFERENCES q, b TEXT COLLATE RTRIM REFERENCES p REFERENCES q);",
    );
    round_trip(&database, USUAL, |written| assert_eq!(written.planned.len(), 4, "{:?}", written.planned));
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE COLLATION \"no Case\" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE p (a text COLLATE \"no Case\" PRIMARY KEY); CREATE TABLE q (a text PRIMARY KEY);
         CREATE TABLE c (a text REFERENCES p REFERENCES q);",
    );
    round_trip(&database, USUAL, |written| assert_eq!(written.planned.len(), 2, "{:?}", written.planned));
}

#[test]
fn schemas_other_than_the_usual_one() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE SCHEMA one; CREATE SCHEMA \"Two Words\";
         CREATE TABLE one.p (id int PRIMARY KEY); CREATE TABLE one.c (a int REFERENCES one.p);
         CREATE TABLE \"Two Words\".c (a int REFERENCES one.p); CREATE TABLE c (a int REFERENCES one.p);
         CREATE TABLE one.idx_c_a (x int)",
    );
    for how in [USUAL, IN_A_TRANSACTION] {
        round_trip(&database, how, |written| {
            assert_eq!(written.names(), ["idx_c_a", "idx_c_a", "idx_c_a_2"]);
        });
    }
}
