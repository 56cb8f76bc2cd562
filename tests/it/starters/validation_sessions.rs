//! The starter `validation-sessions`.

use super::{imported, walk};
use crate::support::{TestDatabase, each_database};

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
