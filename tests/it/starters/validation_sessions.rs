//! The starter `validation-sessions`.

use super::{imported, tree, walk};
use crate::support::{Project, TestDatabase, each_database};

const NAME: &str = "validation-sessions";

#[test]
fn validation_sessions_from_init_to_nothing_on_sqlite() {
    walk(NAME, &TestDatabase::sqlite());
}

#[test]
fn validation_sessions_from_init_to_nothing_on_postgres() {
    walk(NAME, &TestDatabase::postgres());
}

#[test]
fn the_tables_hold_what_the_files_say() {
    each_database(|database| {
        imported(NAME, database);
        for (table, rows) in [
            ("validation_sessions", "5"),
            ("validation_results", "6"),
            ("discrepancies", "5"),
            ("validation_metrics", "7"),
            ("behavioral_test_results", "7"),
        ] {
            assert_eq!(database.value(&format!("SELECT count(*) FROM {table}")), rows, "{table}");
        }
        // a key that is missing has the column's default where it takes no NULL
        let environment = "SELECT environment FROM validation_sessions WHERE id = 'vs-20261005-1130-manual'";
        assert_eq!(database.value(environment), "default");
        let open = "SELECT severity, component FROM discrepancies WHERE status = 'open' ORDER BY severity";
        assert_eq!(database.query(open), ["high|CartTotal", "info|SearchIndex", "medium|AddressForm.country"]);
        let failed = "SELECT count(*) FROM behavioral_test_results WHERE NOT passed";
        assert_eq!(database.value(failed), "2");
    });
}

#[test]
fn a_session_goes_with_all_that_is_its_own() {
    each_database(|database| {
        let project = imported(NAME, database);
        let session = "vs-20260914-0931-checkout";
        // what was marked a month ago goes for good
        database.execute(&format!(
            "UPDATE validation_sessions SET deleted_at = '2026-01-01T00:00:00Z', deleted_by = 'ada', reason = 'twice' \
             WHERE id = '{session}'"
        ));
        project.run(&["cleanup", "--yes"]).ok();
        for table in ["validation_results", "discrepancies", "validation_metrics", "behavioral_test_results"] {
            let left = format!("SELECT count(*) FROM {table} WHERE session_id = '{session}'");
            assert_eq!(database.value(&left), "0", "{table}");
        }
        assert_eq!(database.value("SELECT count(*) FROM validation_sessions"), "4");
    });
}

#[test]
fn who_and_why_need_a_when() {
    each_database(|database| {
        imported(NAME, database);
        let (table, column) = ("validation_results", "reason");
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.execute(&format!("UPDATE {table} SET {column} = 'x'"));
        }));
        assert!(refused.is_err());
    });
}

#[test]
fn what_is_marked_stays_marked_when_its_file_changes() {
    each_database(|database| {
        imported(NAME, database);
        let project = Project::new().file("import.yaml", liftlock::starters::find(NAME).unwrap().import);
        let id = "vs-20260914-0931-checkout";
        let file = format!("sessions/{id}.json");
        let text = std::fs::read_to_string(tree(NAME).join(&file)).unwrap();
        let import = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut session = serde_json::from_str(&text).unwrap();
            change(&mut session);
            project.write(&format!("data/{file}"), &session.to_string());
            project.run(&["import", "data", "--json", "-d", &database.url]).ok().json()
        };
        import(&|_| ());
        for table in
            ["validation_results WHERE id = 'r2'", "discrepancies WHERE result_id = 'r1' AND position IN (1, 2)"]
        {
            let (table, rows) = table.split_once(" WHERE ").unwrap();
            database.execute(&format!(
                "UPDATE {table} SET deleted_at = '2026-10-01T08:00:00Z' WHERE session_id = '{id}' AND {rows}"
            ));
        }
        let report = import(&|session| {
            session["results"][1]["message"] = "checked again".into();
            // the discrepancy at 1 is another one now
            session["results"][0]["discrepancies"][1]["component"] = "AddressForm.city".into();
            session["results"].as_array_mut().unwrap().remove(2);
        });
        let count = |table: usize, what: &str| report["tables"][table][what].as_u64().unwrap();
        assert_eq!((count(1, "inserted"), count(1, "updated"), count(1, "removed")), (0, 1, 1), "{report}");
        assert_eq!((count(2, "inserted"), count(2, "updated"), count(2, "removed")), (1, 0, 1), "{report}");
        let marked =
            format!("SELECT id, message FROM validation_results WHERE session_id = '{id}' AND deleted_at IS NOT NULL");
        assert_eq!(database.query(&marked), ["r2|checked again"]);
        let marked = format!("SELECT position FROM discrepancies WHERE session_id = '{id}' AND deleted_at IS NOT NULL");
        assert_eq!(database.query(&marked), ["2"]);
        assert_eq!(database.value("SELECT count(*) FROM validation_results"), "5");
    });
}
