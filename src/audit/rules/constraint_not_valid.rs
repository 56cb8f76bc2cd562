//! Constraints that rows from before have not been checked by.

use super::{Rule, Subjects, words};
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{Schema, Table};

pub(super) const RULE: Rule = Rule {
    name: "constraint-not-valid",
    summary: "Constraints of PostgreSQL's that are NOT VALID: rows that were there before may break them.",
    severity: Severity::Warning,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let schema = subjects.schema;
    let mut findings = Vec::new();
    for (at, table) in schema.tables.iter().enumerate() {
        for foreign_key in table.foreign_keys.iter().filter(|foreign_key| foreign_key.not_valid) {
            let Some(name) = &foreign_key.name else { continue };
            let what = words::foreign_key(schema, table, foreign_key);
            let columns = foreign_key.columns.iter().map(|column| column.column.clone()).collect();
            findings.push(finding(schema, table, name, columns, &format!("The {what}")));
        }
        for (name, kind) in &table.not_valid {
            // what a partition has from its table is validated there
            let is_inherited = subjects
                .places
                .ancestors(at)
                .any(|above| schema.tables[above].not_valid.iter().any(|(other, _)| other == name));
            if !is_inherited {
                let what = format!("The {kind} constraint `{name}` of {}", words::table(schema, table));
                findings.push(finding(schema, table, name, Vec::new(), &what));
            }
        }
    }
    findings
}

fn finding(schema: &Schema, table: &Table, name: &str, columns: Vec<String>, what: &str) -> Finding {
    Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: words::subject(table, columns, Some(name)),
        message: format!("{what} is NOT VALID."),
        explanation: "New rows are held to it, those that were there before it have not been checked: they may break it, and \
                      PostgreSQL does not rely on it. Validating reads the whole table beside readers and writers, and fails \
                      at the first row that breaks it."
            .to_owned(),
        remedy: Remedy::Statement(format!(
            "ALTER TABLE {} VALIDATE CONSTRAINT {};",
            words::quoted(schema.dialect, &table.schema, &table.name),
            schema.dialect.quote_identifier(name),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::audit::rules::testing::{foreign_key, found, schema, statement, subjects, table};

    #[test]
    fn foreign_keys_and_others_that_are_not_valid_are_validated() {
        let mut not_valid = foreign_key(&["p_id"], "p", &["id"]).named("Fk");
        not_valid.not_valid = true;
        let valid = foreign_key(&["q_id"], "p", &["id"]).named("fine");
        let mut child = table("c").integer("p_id").integer("q_id").foreign_key(not_valid).foreign_key(valid);
        child.not_valid.push(("positive".to_owned(), "CHECK".to_owned()));
        let findings = found(&RULE, &schema(Dialect::Postgres, [child, table("p").integer("id")]));
        assert_eq!(subjects(&findings), ["c.Fk", "c.positive"]);
        assert_eq!(statement(&findings[0]), "ALTER TABLE \"public\".\"c\" VALIDATE CONSTRAINT \"Fk\";");
        assert!(findings[1].message.contains("CHECK constraint `positive`"), "{}", findings[1].message);
    }

    #[test]
    fn what_a_partition_inherits_is_told_once() {
        let with = |mut table: Table| {
            table.not_valid.push(("positive".to_owned(), "CHECK".to_owned()));
            table
        };
        let tables = [with(table("m").partitioned().integer("a")), with(table("m1").part_of("m").integer("a"))];
        assert_eq!(subjects(&found(&RULE, &schema(Dialect::Postgres, tables))), ["m.positive"]);
    }
}
