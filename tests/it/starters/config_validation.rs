//! The starter `config-validation`.

use super::{imported, walk};
use crate::support::{TestDatabase, each_database};

const NAME: &str = "config-validation";

#[test]
fn config_validation_from_init_to_nothing_on_sqlite() {
    walk(NAME, &TestDatabase::sqlite());
}

#[test]
fn config_validation_from_init_to_nothing_on_postgres() {
    walk(NAME, &TestDatabase::postgres());
}

#[test]
fn the_tables_hold_what_the_files_say() {
    each_database(|database| {
        imported(NAME, database);
        for (table, rows) in [
            ("validation_runs", "7"),
            ("context_bundles", "4"),
            ("config_deltas", "7"),
            ("llm_outputs", "3"),
            ("policy_validations", "4"),
            ("policy_decisions", "8"),
            ("certifications", "4"),
            ("golden_branches", "4"),
            ("aggregated_results", "2"),
            ("reports", "3"),
        ] {
            assert_eq!(database.value(&format!("SELECT count(*) FROM {table}")), rows, "{table}");
        }
        // two files make one row, whichever of them is there
        let runs = "SELECT run_id, environment, status, verdict FROM validation_runs WHERE run_id NOT LIKE 'pay-prod%' ORDER BY 1";
        assert_eq!(
            database.query(runs),
            [
                "inv-dev-20260701-0900|dev|∅|∅",
                "inv-dev-20261009-0900|dev|failed|∅",
                "kp-prod-20261008-0210|prod|completed|pass",
                "pay-staging-20261007-1530|staging|completed|review",
                "pay-staging-20261009-1100|staging|running|∅",
            ]
        );
        let blocked = "SELECT d.file FROM policy_decisions p JOIN config_deltas d ON d.run_id = p.run_id AND d.delta_id = p.delta_id \
                       WHERE p.decision = 'block' ORDER BY p.position";
        assert_eq!(database.query(blocked), ["src/main/resources/application-prod.yml"; 2]);
        let unseen = "SELECT p.delta_id FROM policy_decisions p WHERE p.delta_id IS NOT NULL AND NOT EXISTS \
                      (SELECT 1 FROM config_deltas d WHERE d.run_id = p.run_id AND d.delta_id = p.delta_id)";
        assert_eq!(database.query(unseen), ["application-prod.yml~server.port"]);
    });
}

#[test]
fn what_does_not_fit_is_put_aside_with_its_reason() {
    each_database(|database| {
        let project = imported(NAME, database);
        project.write("more/llm_output/nobody.json", r#"{"risk_level": "low"}"#);
        project.write("more/certification_results/nobody.json", r#"{"decision": "maybe"}"#);
        project.run(&["import", "more"]).exits(1);
        let reasons = database.query("SELECT path FROM liftlock_import_quarantine ORDER BY path");
        assert_eq!(reasons, ["certification_results/nobody.json", "llm_output/nobody.json"]);
        assert_eq!(database.value("SELECT count(*) FROM llm_outputs"), "3");
    });
}

#[test]
fn a_bundle_goes_with_what_was_made_of_it() {
    each_database(|database| {
        let project = imported(NAME, database);
        let run = "pay-prod-20261008-0200";
        database.execute(&format!(
            "UPDATE context_bundles SET generated_at = '2024-01-01T00:00:00Z' WHERE run_id = '{run}'"
        ));
        project.run(&["cleanup", "--yes", "--only", "context_bundles"]).ok();
        for table in ["context_bundles", "config_deltas", "llm_outputs", "policy_decisions", "certifications"] {
            assert_eq!(database.value(&format!("SELECT count(*) FROM {table} WHERE run_id = '{run}'")), "0", "{table}");
        }
        assert_eq!(database.value(&format!("SELECT verdict FROM validation_runs WHERE run_id = '{run}'")), "block");
    });
}
